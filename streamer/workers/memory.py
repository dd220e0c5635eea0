"""Memory of large buffers goes back to the system when they are freed, rather than being kept for the next one."""

from __future__ import annotations

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
