"""Two folders change places in one step: whoever looks sees the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_NOT_HERE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def remade(folder: Path, change: Callable[[Path], None]) -> None:
    """Replace a folder by a changed copy of itself, all or nothing.

    Files that are not changed are the same ones in the copy: `change` has to replace files, not write into them.

    Args:
        folder: The folder.
        change: Changes the copy.

    Raises:
        OSError: It cannot be copied or replaced; then it is as it was.
    """
    folder = folder.resolve()
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        copy = place / folder.name
        shutil.copytree(folder, copy, symlinks=True, copy_function=_linked)
        change(copy)
        exchange(copy, folder)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def exchange(one: Path, other: Path) -> None:
    """Let two folders of one file system change places.

    Where the file system cannot do that in one step, it takes two; if the second fails the first is undone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2"):
        done = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
        if done == 0:
            return
        if (error := ctypes.get_errno()) not in _NOT_HERE:
            raise OSError(error, os.strerror(error), str(other))
    aside = one.with_name(f"{one.name}.old")
    other.rename(aside)
    try:
        one.rename(other)
    except OSError:
        aside.rename(other)
        raise
    aside.rename(one)


def _linked(old: str, new: str) -> str:
    """Give a file a second name; a copy where that cannot be."""
    with contextlib.suppress(OSError):
        os.link(old, new, follow_symlinks=False)
        return new
    return str(shutil.copy2(old, new, follow_symlinks=False))
