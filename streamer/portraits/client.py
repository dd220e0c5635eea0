"""The call's side of the portraits' process: has portraits made, and mouths moved by sound."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

from models.common.arrays import F32
from streamer.portraits.rows import PATIENCE
from streamer.workers.client import Statistics, WorkerClient
from streamer.workers.framing import Message
from streamer.workers.link import guarded

DEADLINE = 100.0
"""Seconds a portrait may take, with the start of the process for the first one."""

MOST_MAKING = 4
"""Portraits that are made at once, or wait to be."""

MOST_SPEAKING = 8
"""Mouths that are moved at once; other portraits are still."""

MOST_UNREAD = 256 * 1024
"""Bytes that may wait for the process; sound beyond that is dropped, and mouths rest for that long."""

OnMouth = Callable[[float, bytes], None]


class NoPortrait(Exception):
    """There is none; the message is a sentence that says why."""


@dataclass
class PortraitStatistics(Statistics):
    """Counts since the client was made."""

    made: int = 0
    refused: int = 0
    sounds_dropped: int = 0


class PortraitClient(WorkerClient[OnMouth, PortraitStatistics]):
    """Owns the process, which is started when it is needed first."""

    def __init__(self) -> None:
        super().__init__("streamer.portraits.worker", (), PortraitStatistics(), None, PATIENCE)
        self._up = asyncio.Event()
        self._making: dict[int, asyncio.Future[bytes]] = {}
        self._numbers = itertools.count()
        self._started = False

    async def of_photo(self, jpeg: bytes) -> bytes:
        """Return the sheet (JSON) of the portrait made of a photo.

        Raises:
            NoPortrait: it cannot be made.
        """
        return await self._make({"type": "photo", "jpeg": jpeg})

    async def of_voice(self, pcm: F32) -> bytes:
        """Return the sheet (JSON) of the portrait whose face is drawn for a voice: (N,), 16 kHz.

        Raises:
            NoPortrait: it cannot be made.
        """
        return await self._make({"type": "voice", "pcm": pcm.tobytes()})

    def speak(self, sid: str, on_mouth: OnMouth) -> None:
        """Begin to move somebody's mouth; `on_mouth` gets the time of the first row, seconds, and the rows' bytes."""
        if sid not in self._sessions and len(self._sessions) >= MOST_SPEAKING:
            return
        self._sessions[sid] = on_mouth
        self._process.send({"type": "open", "sid": sid})

    def hush(self, sid: str) -> None:
        """Move it no more; does nothing when it is not."""
        if self._sessions.pop(sid, None) is not None:
            self._process.send({"type": "close", "sid": sid})

    def hear(self, sid: str, t: float, pcm: F32) -> None:
        """Send a block of sound at 16 kHz from `t` seconds on."""
        if sid not in self._sessions or not self.ready:
            return
        if self._process.waiting > MOST_UNREAD:
            self._statistics.sounds_dropped += 1
            return
        self._process.send({"type": "sound", "sid": sid, "t": t, "pcm": pcm.tobytes()})

    async def _make(self, message: Message) -> bytes:
        if len(self._making) >= MOST_MAKING:
            raise NoPortrait("Too many portraits are being made; try again in a moment.")
        n = next(self._numbers)
        future = self._making[n] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(DEADLINE):
                if not self._started:
                    self._started = True
                    self.start()
                await self._up.wait()
                self._process.send(message | {"n": n})
                sheet: bytes = await future
        except TimeoutError:
            raise NoPortrait("Making the portrait took too long; try again.") from None
        except NoPortrait:
            self._statistics.refused += 1
            raise
        finally:
            del self._making[n]
        self._statistics.made += 1
        return sheet

    def restarted(self, ready: bool) -> None:
        """Begin all mouths anew; what was being made is lost."""
        if ready:
            self._up.set()
            for sid in self._sessions:
                self._process.send({"type": "open", "sid": sid})
            return
        self._up.clear()
        for future in self._making.values():
            if not future.done():
                future.set_exception(NoPortrait("The portrait could not be made; try again."))

    def receive(self, message: Message) -> None:
        """Hand a portrait to who waits for it, and mouth shapes to whose they are."""
        if message["type"] == "mouth":
            if (on_mouth := self._sessions.get(message["sid"])) is not None:
                guarded(on_mouth, message["t"], message["rows"])
            return
        future: asyncio.Future[bytes] | None = self._making.get(message.get("n", -1))
        if future is None or future.done():
            return
        if message["type"] == "made":
            future.set_result(message["sheet"])
        else:
            future.set_exception(NoPortrait(message["reason"]))
