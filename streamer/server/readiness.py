"""Whether a server serves calls as meant, and if not, why: what `/ready` says."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
from collections import deque
from typing import NamedTuple

from streamer.engine.client import EngineClient
from streamer.rooms.rooms import Rooms
from streamer.settings import Settings
from streamer.stages import STAGES, Stages

LOOK_EVERY = 0.5
"""Seconds between two looks at how the machine keeps up."""

LOOKS = 20
"""Of them it is judged by: the last 10 s."""

MOST_LAG = 0.1
"""Seconds by which the event loop may come too late, half of the time: twice what sound waits at the most."""

MOST_LATE = 0.2
"""Share of blocks whose voices may be late: from there on an agent calls the machine too busy."""

FEWEST_BLOCKS = 100
"""That are judged: two seconds of one voice."""

LEAST_DISK = 64 << 20
"""Bytes that have to be free for temporary files."""


class Look(NamedTuple):
    """How late the loop was, and how many blocks had gone on until then, late ones too."""

    lag: float
    blocks: int
    late: int


class Readiness:
    """Judges a running server.

    Args:
        settings: whether there is to be an engine.
        engine: whether there is one.
        rooms: whether they take anybody in.
        stages: how blocks get on.
    """

    def __init__(self, settings: Settings, engine: EngineClient, rooms: Rooms, stages: Stages = STAGES) -> None:
        self._settings, self._engine, self._rooms, self._stages = settings, engine, rooms, stages
        self._looks: deque[Look] = deque(maxlen=LOOKS)

    async def watch(self) -> None:
        """Look how the machine keeps up, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY
            await asyncio.sleep(LOOK_EVERY)
            self.look(loop.time() - due)

    def look(self, lag: float) -> None:
        """Note how late the loop was."""
        self._looks.append(Look(max(0.0, lag), self._stages.blocks, self._stages.late))

    @property
    def lag(self) -> float:
        """Seconds by which the loop came too late, half of the time; 0 before the first look."""
        return statistics.median(look.lag for look in self._looks) if self._looks else 0.0

    @property
    def late(self) -> float:
        """Share of blocks whose voices were late, of the last 10 s; 0 if there were hardly any."""
        if not self._looks:
            return 0.0
        blocks = self._looks[-1].blocks - self._looks[0].blocks
        return (self._looks[-1].late - self._looks[0].late) / blocks if blocks >= FEWEST_BLOCKS else 0.0

    def reasons(self) -> list[str]:
        """Return a sentence for each thing that is not as meant."""
        found = []
        if self._rooms.stopping:
            found.append("The server is about to stop.")
        if self._settings.engine and not self._engine.ready:
            found.append("The models are not up yet; calls carry plain sound.")
        if self.lag > MOST_LAG:
            found.append(f"The machine is too busy: the server comes {1000 * self.lag:.0f} ms too late.")
        if self.late > MOST_LATE:
            found.append(f"The machine is too busy: voices of {self.late:.0%} of the sound are late.")
        return found

    async def disk_reasons(self) -> list[str]:
        """Return a sentence if the disk is full, which to find out may take a while."""
        folder = tempfile.gettempdir()
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
        except OSError as error:
            return [f"{folder} cannot be looked at: {error.strerror}."]
        return [] if free >= LEAST_DISK else [f"The disk is full: {free >> 20} MB are free in {folder}."]
