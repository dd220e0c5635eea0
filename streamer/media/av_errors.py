"""What goes wrong in FFmpeg, as what it is to everybody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import av


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Raise what PyAV raises as an OSError: a full disk, for one, is none to it."""
    try:
        yield
    except av.error.FFmpegError as error:
        raise OSError(error.errno, error.strerror) from error
