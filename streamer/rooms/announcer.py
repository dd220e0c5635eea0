"""Descriptions of what is to be seen read aloud, to those who want it and while nobody speaks."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from models.speech.tts import VoiceMissing
from models.speech.voices import Voice, open_voice
from streamer.mixing.listen_track import ListenTrack
from streamer.rooms.participant import Participant

QUIET = 1.0
"""Seconds without a voice after which there is room for an announcement."""

STALE = 15.0
"""Seconds after which a description that found no quiet moment is not worth reading any more."""

log = logging.getLogger("earshot.room")


class Announcer:
    """Reads to the listeners of one room; a new description replaces one that still waits.

    Args:
        people: gives everyone in the room.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]]) -> None:
        self._people = people
        self._listeners: set[str] = set()
        self._voice: Voice | None = None
        self._talked = float("-inf")
        self._waiting: tuple[float, str] | None = None
        self._task: asyncio.Task[None] | None = None

    async def want(self, listener: Participant, wanted: bool) -> None:
        """Begin or stop to read to someone; the first to want it waits for the voice to be loaded.

        Raises:
            VoiceMissing: there is no speech synthesis on this machine.
        """
        if not wanted:
            self.forget(listener)
            return
        self._listeners.add(listener.id)
        try:
            self._voice = self._voice or await asyncio.to_thread(open_voice)
        except VoiceMissing:
            self._listeners.discard(listener.id)
            raise

    def forget(self, listener: Participant) -> None:
        """Read to someone no more."""
        self._listeners.discard(listener.id)
        if listener.watcher is not None:
            listener.watcher.listen.hush()

    def somebody_talks(self) -> None:
        """Note a voice: what is being read fades out."""
        self._talked = time.monotonic()
        for listener in self._hearing():
            listener.hush()

    def announce(self, text: str) -> None:
        """Read a text as soon as it is quiet."""
        if not self._listeners or self._voice is None:
            return
        self._waiting = (time.monotonic(), text)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._read(self._voice), name="announcer")

    def close(self) -> None:
        """Read no more."""
        self._listeners.clear()
        if self._task is not None:
            self._task.cancel()

    async def _read(self, voice: Voice) -> None:
        while self._waiting is not None:
            rest = self._talked + QUIET - time.monotonic()
            if rest > 0:
                await asyncio.sleep(rest)
                continue
            (since, text), self._waiting = self._waiting, None
            if time.monotonic() - since > STALE:
                continue
            try:
                pcm = await asyncio.to_thread(voice.say, text)
            except Exception:
                log.exception("a description could not be read aloud")
                return
            if time.monotonic() - self._talked >= QUIET:
                for listener in self._hearing():
                    listener.say(pcm)

    def _hearing(self) -> list[ListenTrack]:
        watchers = (person.watcher for person in self._people() if person.id in self._listeners)
        return [watcher.listen for watcher in watchers if watcher is not None]
