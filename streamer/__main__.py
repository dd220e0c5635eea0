"""`python -m streamer` and the `earshot` command."""

from __future__ import annotations

import contextlib
import errno
import io
import os
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
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files that are no UTF-8 go out as they came in.
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        code = app(arguments or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except typer.TyperException as error:
        text = error.format_message() if hasattr(error, "format_message") else str(error)
        typer.echo(f"earshot: {' '.join(text.split())}", err=True)
        code = 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EPIPE):
            raise
        code = 1 if error.errno == errno.EPIPE else 2
        with contextlib.suppress(OSError):
            # What is still in the buffer would fail again at the end of the process, and say so at length.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno != errno.EPIPE:
            typer.echo(f"earshot: cannot write: {error.strerror}", err=True)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
