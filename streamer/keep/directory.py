"""Rooms kept as files: a server that is started anew with the same folder and secret has its calls again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from streamer.clock import now
from streamer.errors import UserError
from streamer.keep.keeper import LARGEST

KIND, UNFINISHED = ".room", ".part"
"""Ends of the names of files."""

SWEEP_EVERY = 60.0
"""Seconds after which files whose time is over are looked for, at most."""


class DirectoryKeeper:
    """Keeps a file a room, which this user alone can read. Its time of change is when it is to be forgotten.

    Files are written beside, and renamed: none is ever half. They are not forced onto the disk: they outlive the
    process, and mostly the system.

    Args:
        folder: made if it is not there.
        clock: Unix seconds; one that is set ahead meanwhile forgets nothing.

    Raises:
        UserError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = lambda: min(time.time(), now())) -> None:
        self._folder, self._clock = folder, clock
        self._sweep_at = float("-inf")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"rooms cannot be kept in {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UserError(f"rooms cannot be kept in {folder}: it cannot be written")
        self._sweep()

    async def put(self, room_id: str, data: bytes, lifetime: float) -> None:
        """Keep this of a room; see `Keeper`.

        Raises:
            OSError: it cannot be written.
            ValueError: it is too large.
        """
        if len(data) > LARGEST:
            raise ValueError(f"{len(data)} bytes are too many to be kept")
        await asyncio.to_thread(self._write, self._path(room_id), data, lifetime)

    async def get(self, room_id: str) -> bytes | None:
        """Return what was put last; see `Keeper`.

        Raises:
            OSError: it cannot be read.
            ValueError: it is too large.
        """
        return await asyncio.to_thread(self._read, self._path(room_id))

    async def drop(self, room_id: str) -> None:
        """Forget a room.

        Raises:
            OSError: it cannot be deleted.
        """
        await asyncio.to_thread(self._path(room_id).unlink, missing_ok=True)

    def _path(self, room_id: str) -> Path:
        if not room_id.isalnum():
            raise ValueError(f"{room_id!r} is no room id")
        return self._folder / f"{room_id}{KIND}"

    def _write(self, path: Path, data: bytes, lifetime: float) -> None:
        self._sweep()
        beside = path.with_name(f"{path.stem}-{secrets.token_hex(4)}{UNFINISHED}")
        ends = self._clock() + lifetime
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(data)
            os.utime(beside, (ends, ends))
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            # On a full disk what was put before is the best there is, and stays for as long.
            with contextlib.suppress(OSError):
                os.utime(path, (ends, ends))
            raise

    def _read(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_mtime <= self._clock():
                    return None
                if status.st_size > LARGEST:
                    raise ValueError(f"{path} is too large")
                return file.read()
        except FileNotFoundError:
            return None

    def _sweep(self) -> None:
        """Delete what is to be forgotten, and what a process that died has left half."""
        now = self._clock()
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_EVERY
        for path in self._folder.iterdir():
            # Somebody else may be faster.
            with contextlib.suppress(FileNotFoundError):
                left = path.suffix == UNFINISHED and path.stat().st_ctime < now - SWEEP_EVERY
                if left or (path.suffix == KIND and path.stat().st_mtime <= now):
                    path.unlink()
