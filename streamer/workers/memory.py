"""Memory that was freed goes back to the system: the C library would keep it for the next who wants some."""

from __future__ import annotations

import contextlib
import ctypes

LARGE = 1 << 20
"""Bytes from which a buffer is mapped by itself; glibc raises its own limit, to 32 MiB, with each one that is freed."""

_M_MMAP_THRESHOLD = -3
"""Of glibc's mallopt (malloc.h)."""


def give_back_large() -> bool:
    """Have the C library map large buffers by themselves, from here on.

    Returns:
        Whether it does: other C libraries than glibc cannot be told.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE))
    except (AttributeError, OSError):
        return False


def give_back() -> None:
    """Give whole pages that are free back to the system, wherever they lie between others (glibc's malloc_trim).

    Takes a few milliseconds for tens of MB, in which other threads may have to wait for memory; other C libraries do it
    by themselves, or not at all.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
