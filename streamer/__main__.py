"""`python -m streamer` and the `earshot` command."""

from __future__ import annotations

from streamer.cli import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
