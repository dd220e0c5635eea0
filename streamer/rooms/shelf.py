"""Where a server's recordings lie: one folder each, made into results when the call is over, and deleted in time.

A folder holds `call.earshot`, the journal, and in the end `result`, which is what `earshot process` makes of it: the
server runs just that, behind calls, one after the other. A journal whose `result` is missing was left by a
server that was stopped or killed; the next one goes on there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from streamer.clock import now
from streamer.recordings.calls.journal import SUFFIX
from streamer.recordings.calls.writer import RESERVE, JournalWriter
from streamer.settings import Settings

JOURNAL, RESULT, FAILED = f"call{SUFFIX}", "result", "failed.txt"

ID = re.compile(r"(\d{8}-\d{6})-([a-z0-9]{4,32})-[0-9a-f]{16}")
"""When it began, UTC, the room, and what nobody guesses."""

NICENESS = "10"
"""Of what makes results: a tenth of the share of a call where the machine is busy, so that it ends some day.

The engine and the loop go before all that in any case."""

log = logging.getLogger("earshot.recording")

Progress = Literal["recording", "making", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording on the shelf.

    Attributes:
        id: name of its folder.
        begun: as in its id.
        progress: how far it is.
        files: names of its results.
        deleted_at: Unix seconds from which on it is deleted.
    """

    id: str
    begun: str
    progress: Progress
    files: list[str]
    deleted_at: float


class Shelf:
    """The recordings of one server.

    Args:
        settings: where they are, how much room they have, how long they stay.
        program: what is run before the arguments of `process`.
    """

    def __init__(self, settings: Settings, program: tuple[str, ...] = (sys.executable, "-m", "streamer")) -> None:
        self._folder, self._space, self._lifetime = (
            settings.recordings,
            settings.recordings_space,
            settings.recordings_lifetime,
        )
        self._program = program
        self._open: set[str] = set()
        self._wanted = asyncio.Event()
        self._maker: asyncio.Task[None] | None = None

    @property
    def offered(self) -> bool:
        """Whether this server records."""
        return self._folder is not None

    def start(self) -> None:
        """Go on with what the server before left; needs a running loop."""
        if self._folder is not None:
            self._wanted.set()
            self._maker = asyncio.create_task(self._make_all(self._folder), name="recordings")

    async def close(self) -> None:
        """Stop; results that are being made are begun anew by the next server."""
        if self._maker is not None:
            self._maker.cancel()
            await asyncio.gather(self._maker, return_exceptions=True)

    def new_id(self, room: str) -> str:
        """Return the id of a new recording."""
        return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{room}-{secrets.token_hex(8)}"

    async def open(self, recording: str, on_failed: Callable[[str], None]) -> JournalWriter:
        """Begin a journal.

        Args:
            recording: a new id.
            on_failed: told, in a sentence, when nothing more can be written.

        Raises:
            OSError: it cannot be made.
        """
        assert self._folder is not None
        path = self._folder / recording / JOURNAL
        self._open.add(recording)
        try:
            await asyncio.to_thread(JournalWriter.create, path)
            used = await asyncio.to_thread(_size, self._folder)
        except OSError:
            # What a full disk left of it is no recording.
            await self.discard(recording)
            raise
        return JournalWriter(path, self._space - used, on_failed)

    async def ended(self, recording: str) -> None:
        """Have the results of a journal made, which is whole now."""
        self._open.discard(recording)
        self._wanted.set()

    async def discard(self, recording: str) -> None:
        """Delete a recording that was ended before it began."""
        assert self._folder is not None
        self._open.discard(recording)
        await asyncio.to_thread(shutil.rmtree, self._folder / recording, ignore_errors=True)

    def of_room(self, room: str) -> list[Kept]:
        """Return the recordings of a room, the newest first; reads the disk."""
        if self._folder is None or not self._folder.is_dir():
            return []
        names = sorted((entry.name for entry in self._folder.iterdir()), reverse=True)
        return [self._kept(name) for name in names if (found := ID.fullmatch(name)) and found[2] == room]

    def file(self, room: str, recording: str, name: str) -> Path | None:
        """Return a file of a result; None if there is none of that name."""
        found = ID.fullmatch(recording)
        if self._folder is None or found is None or found[2] != room:
            return None
        result = self._folder / recording / RESULT
        # Only what is listed there: a name is no path.
        return result / name if result.is_dir() and name in {entry.name for entry in result.iterdir()} else None

    def _kept(self, name: str) -> Kept:
        assert self._folder is not None
        folder = self._folder / name
        progress: Progress = "making"
        files: list[str] = []
        if name in self._open:
            progress = "recording"
        elif (folder / RESULT).is_dir() and not (folder / JOURNAL).exists():
            progress, files = "ready", sorted(entry.name for entry in (folder / RESULT).iterdir())
        elif (folder / FAILED).is_file():
            progress = "failed"
        found = ID.fullmatch(name)
        return Kept(name, found[1] if found else "", progress, files, folder.stat().st_mtime + self._lifetime)

    # Results.

    async def sweep(self) -> None:
        """Delete recordings that have been here for as long as they may, and make those that waited for room."""
        if self._folder is not None:
            await asyncio.to_thread(self._delete_old, self._folder)
            self._wanted.set()

    def _delete_old(self, root: Path) -> None:
        for folder in root.glob("*") if root.is_dir() else ():
            if ID.fullmatch(folder.name) and folder.name not in self._open:
                with contextlib.suppress(OSError):
                    # By both clocks: one that was set wrongly deletes nothing.
                    if self._kept(folder.name).deleted_at <= min(time.time(), now()):
                        shutil.rmtree(folder)
                        log.info("recording %s is deleted: it was kept as long as it is to be", folder.name)

    def _waiting(self, root: Path) -> list[Path]:
        """Return journals without a result, the oldest first; a full disk has them wait for the next `sweep`."""
        journals = sorted(root.glob(f"*/{JOURNAL}"))
        return [
            journal
            for journal in journals
            if ID.fullmatch(journal.parent.name)
            and journal.parent.name not in self._open
            and not (journal.parent / FAILED).exists()
            and _has_room(journal)
        ]

    async def _make_all(self, root: Path) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            while waiting := await asyncio.to_thread(self._waiting, root):
                try:
                    await self._make(waiting[0])
                except OSError:
                    log.exception("recording %s waits for the next start of the server", waiting[0].parent.name)
                    self._open.add(waiting[0].parent.name)

    async def _make(self, journal: Path) -> None:
        """Make the result of one journal, in a process that gives way to calls."""
        folder = journal.parent
        result = folder / RESULT
        arguments = ("process", str(journal), "--out", str(result), "--force")
        process = await asyncio.create_subprocess_exec(
            *("nice", "-n", NICENESS, *self._program, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, errors = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
            raise
        said = errors.decode("utf-8", "replace").strip()[-2000:]
        if process.returncode == 0:
            log.info("recording %s is ready", folder.name)
            await asyncio.to_thread(journal.unlink)
        else:
            log.error("nothing could be made of recording %s, which is kept: %s", folder.name, said)
            await asyncio.to_thread((folder / FAILED).write_text, said + "\n", "utf-8")


def _has_room(journal: Path) -> bool:
    """Return whether the disk takes what is made of a journal: about as much as itself."""
    if shutil.disk_usage(journal.parent).free >= journal.stat().st_size + RESERVE:
        return True
    log.warning("recording %s is kept and its results wait: the disk is full", journal.parent.name)
    return False


def _size(folder: Path) -> int:
    """Return the bytes in a folder."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
