"""`python -m streamer` and the `earshot` command."""

from __future__ import annotations

import sys

import typer

from streamer.cli import app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process.

    Args:
        arguments: in place of those of the process.

    Raises:
        SystemExit: 0 when all went well, 2 with one line on stderr for bad input, else another code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments or ["--help"], standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except typer.TyperException as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        typer.echo(f"earshot: {' '.join(text.split())}", err=True)
        code = 2
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
