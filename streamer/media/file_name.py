"""Names of files as text: a name on disk is bytes, and need not be letters of any script."""

from __future__ import annotations

import os
from pathlib import Path


def as_text(path: Path) -> str:
    """Return a path as every format takes it: what is no UTF-8 is replaced by U+FFFD."""
    return os.fsencode(path).decode("utf-8", "replace")
