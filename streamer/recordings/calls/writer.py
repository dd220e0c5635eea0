"""The owner of a journal's file: takes records on the event loop, writes them on other threads, a little later."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from streamer.recordings.calls.journal import MAGIC, Record, packed

WRITE_EVERY = 0.2
"""Seconds between two writes: what a server that is killed loses, together with a write under way."""

BACKLOG = 32 * 1024 * 1024
"""Bytes that may wait for a slow disk: some ten seconds of a full room."""

RESERVE = 256 * 1024 * 1024
"""Bytes of the disk that are left to others."""

TWICE = 2
"""How much room a recording needs in the end: tracks and pictures are made beside the journal before it goes."""


class NoSpace(Exception):
    """There is no room for more; the message is a sentence for people."""


class JournalWriter:
    """Writes one journal. For use on the event loop, but for `check` and `create`.

    Args:
        path: The file; `create` has made it.
        space: Bytes that the journal may take with what is made of it.
        on_failed: Called once, with a sentence, when nothing more can be written.

    Attributes:
        dropped: Records that came while too many waited.
        written: Bytes in the file.
    """

    def __init__(self, path: Path, space: int, on_failed: Callable[[str], None]) -> None:
        self._path, self._space, self._on_failed = path, space, on_failed
        self._waiting: list[bytes] = []
        self._size = 0
        self._failed = False
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0
        self.written = len(MAGIC)

    @staticmethod
    def create(path: Path) -> None:
        """Make an empty journal; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(MAGIC)

    def put(self, record: Record) -> bool:
        """Have a record written.

        Returns:
            False if it was dropped.
        """
        if self._failed or self._size > BACKLOG:
            self.dropped += 1
            return False
        data = packed(record)
        self._waiting.append(data)
        self._size += len(data)
        if self._task is None:
            self._task = asyncio.create_task(self._write(), name="journal")
        return True

    async def close(self) -> None:
        """Write what waits, and bring it to the disk."""
        while self._task is not None:
            await self._task
        if not self._failed:
            try:
                await asyncio.to_thread(self._sync)
            except OSError as error:
                # Some disks say only now that they are full.
                self._fail(error)

    async def _write(self) -> None:
        await asyncio.sleep(WRITE_EVERY)
        batch, self._waiting, self._size = self._waiting, [], 0
        try:
            await asyncio.to_thread(self._append, b"".join(batch))
        except (OSError, NoSpace) as error:
            self._fail(error)
        self._task = asyncio.create_task(self._write(), name="journal") if self._waiting else None

    def _fail(self, error: OSError | NoSpace) -> None:
        self._failed = True
        self._waiting, self._size = [], 0
        self._on_failed(str(error) if isinstance(error, NoSpace) else f"it cannot be written: {error.strerror}")

    def _append(self, data: bytes) -> None:
        if (self.written + len(data)) * TWICE > self._space:
            raise NoSpace("the space for recordings is used up")
        if shutil.disk_usage(self._path.parent).free < RESERVE:
            raise NoSpace("the disk is full")
        with self._path.open("r+b", buffering=0) as file:
            file.seek(self.written)
            try:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) or 0 :]
            except OSError:
                # Half a record would be the end of the journal for whoever reads it.
                file.truncate(self.written)
                raise
        self.written += len(data)

    def _sync(self) -> None:
        with self._path.open("rb") as file:
            os.fsync(file.fileno())
