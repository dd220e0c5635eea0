"""A mono 16-bit WAV written in any order, silent where nothing was written, of a length told at the end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from models.common.arrays import I16

HEADER = 44
FLUSH = 80_000
"""Samples kept in memory before they are written."""


class WavFile:
    """A file that is open only while it is written to, so that there may be any number of them.

    Args:
        path: Where; an existing file is replaced.
        rate: Samples a second.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path = path
        self._rate = rate
        self._start = 0
        self._waiting: list[I16] = []
        self._held = 0
        path.write_bytes(bytes(HEADER))

    def put(self, position: int, pcm: I16) -> None:
        """Write samples.

        Args:
            position: Of the first one, from the file's beginning.
            pcm: Shape (N,), int16.
        """
        if position != self._start + self._held:
            self._flush()
            self._start = position
        self._waiting.append(pcm)
        self._held += len(pcm)
        if self._held >= FLUSH:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            with self.path.open("r+b") as file:
                file.seek(HEADER + 2 * self._start)
                file.write(np.concatenate(self._waiting).astype("<i2").tobytes())
        self._start += self._held
        self._waiting, self._held = [], 0

    def add(self, other: WavFile) -> None:
        """Add up with what was written to another file, which is deleted."""
        self._flush()
        other._flush()
        with self.path.open("r+b") as own, other.path.open("rb") as added:
            own.seek(HEADER)
            added.seek(HEADER)
            while more := added.read(2 * FLUSH):
                place = own.tell()
                sum = np.frombuffer(more, "<i2").astype(np.int32)
                there = np.frombuffer(own.read(len(more)), "<i2")
                sum[: len(there)] += there
                own.seek(place)
                own.write(np.clip(sum, -32768, 32767).astype("<i2").tobytes())
        other.path.unlink()

    def finish(self, length: int) -> None:
        """Write the header; the file then has exactly `length` samples."""
        self._flush()
        # Sizes that do not fit are written as the largest there is, as other writers do.
        size = min(2 * length, 0xFFFFFFFF - HEADER)
        header = b"RIFF" + struct.pack("<I", size + HEADER - 8) + b"WAVEfmt "
        header += struct.pack("<IHHIIHH", 16, 1, 1, self._rate, 2 * self._rate, 2, 16)
        header += b"data" + struct.pack("<I", size)
        with self.path.open("r+b") as file:
            file.write(header)
            file.truncate(HEADER + 2 * length)
