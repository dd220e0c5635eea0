"""What commands tell beside their results."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def tell(path: Path, notes: Iterable[str]) -> None:
    """Write on stderr, one line each, what of a file was left out or mended."""
    for note in notes:
        print(f"earshot: {path}: {note}", file=sys.stderr)
