"""What is made once on this machine and kept for the next time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of this user's cached files."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path there is to be ignored.
    return (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "earshot"


def kept_folder(root: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """Return a folder that is filled on first use.

    Args:
        root: Where it is kept.
        name: Of it; changes with anything that changes what is in it.
        fill: Writes its files into an empty folder; that one is moved into place whole, so that nobody sees half of it.

    Raises:
        OSError: It cannot be written.
    """
    folder = root / name
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=root))
    try:
        fill(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was first; its files are the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
