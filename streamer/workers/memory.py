"""Memory goes back to the system, or to the next who wants some, when it is freed."""

from __future__ import annotations

import ctypes

LARGE = 1 << 20
"""Bytes from which a buffer is mapped by itself; glibc raises its own limit, to 32 MiB, with each one that is freed."""

ARENAS = 2
"""Heaps of small buffers; glibc makes eight a core, one a thread, and what is freed in one serves no other thread."""

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Of glibc's mallopt (malloc.h)."""


def give_back_large() -> bool:
    """Have the C library map large buffers by themselves, from here on.

    Returns:
        Whether it does: other C libraries than glibc cannot be told.
    """
    return _set(_M_MMAP_THRESHOLD, LARGE)


def share_heaps() -> bool:
    """Have all threads allocate from a few heaps; for processes without deadlines, as they wait for each other there.

    Returns:
        Whether they do.
    """
    return _set(_M_ARENA_MAX, ARENAS)


def _set(parameter: int, value: int) -> bool:
    try:
        return bool(ctypes.CDLL(None).mallopt(parameter, value))
    except (AttributeError, OSError):
        return False
