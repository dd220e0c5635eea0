"""The rooms of a server in a second place: put there when they change, asked for when somebody comes.

No call waits for it, and none is harmed when it fails: that is counted, said in the log, and told to everyone when it
lasts, for instance since a disk is full.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from streamer.keep.keeper import Keeper
from streamer.rooms import kept
from streamer.rooms.room import Room
from streamer.rooms.snapshot import gather, rules_alone
from streamer.settings import Settings

EVERY = 2.0
"""Seconds after which a room that has changed is put again."""

DEADLINE = 2.0
"""Seconds that the other place has for anything."""

PATIENCE = 10.0
"""Seconds for which a room cannot be put before its place counts as failing: a busy machine may miss a deadline."""

T = TypeVar("T")

log = logging.getLogger("earshot.keep")


@dataclass
class KeepStatistics:
    """Counts since the server was started; `bytes` of all that was put, `restored` rooms that came back."""

    puts: int = 0
    bytes: int = 0
    failures: int = 0
    restored: int = 0
    unusable: int = 0


class Keeping:
    """Puts the rooms of one server.

    Args:
        keeper: the other place.
        settings: how long what is kept is good for.
        on_change: called with False when the place fails, and with True when it works again.

    Attributes:
        statistics: what was done.
    """

    def __init__(
        self, keeper: Keeper, settings: Settings, on_change: Callable[[bool], None] = lambda works: None
    ) -> None:
        self.statistics = KeepStatistics()
        self._on_change, self._works = on_change, True
        self._failing: dict[str, float] = {}
        """Rooms that could not be put, and since when."""
        self._keeper, self._settings = keeper, settings
        self._put: dict[str, tuple[bytes, float]] = {}
        """Of rooms that are kept: digest, and when it was put."""
        self._handed: set[str] = set()
        """Rooms that another server has from now on, and keeps."""
        self._busy: dict[str, asyncio.Task[None]] = {}
        """By room: what is being done. There is one thing at a time, or an older state might come last."""

    async def run(self, rooms: Callable[[], list[Room]]) -> None:
        """Put what changes, until cancelled."""
        while True:
            pause = EVERY / max(len(rooms()), 1)
            for room in rooms():
                if room.id not in self._busy and room.id not in self._handed:
                    self._begin(room.id, self._renew(room))
                # One after the other: gathering takes the loop a millisecond or two.
                await asyncio.sleep(pause)
            if not rooms():
                await asyncio.sleep(EVERY)

    async def get(self, room_id: str) -> kept.KeptRoom | None:
        """Return what is kept of a room, None if that is nothing of use."""
        found: list[bytes | None] = []

        async def ask() -> None:
            found.append(await self._keeper.get(room_id))

        if not await self._within(ask(), "asked for", room_id) or found[0] is None:
            return None
        try:
            return await asyncio.to_thread(kept.decode, found[0])
        except kept.Unusable as error:
            self.statistics.unusable += 1
            log.warning("room %s begins anew, for what was kept of it is of no use: %s", room_id, error)
            return None

    def restored(self, room_id: str) -> None:
        """Count a room that came back."""
        self.statistics.restored += 1
        self._handed.discard(room_id)
        self._put[room_id] = b"", float("-inf")

    async def hand_over(self, room: Room) -> dict[str, int]:
        """Put a room a last time: it goes on at another server, over whose word nothing is to be put from now on.

        Returns:
            How many messages of each participant's connection are in what was put; what comes later is not.
        """
        self._handed.add(room.id)
        if (before := self._busy.get(room.id)) is not None:
            await asyncio.wait([before])
        heard = {one.id: one.outbox.heard for one in room.participants.values() if one.outbox is not None}
        # It gathers at once.
        await self._renew(room)
        return heard

    def forget(self, room: Room, rules: bool) -> None:
        """Drop a room that has ended, all but its `rules` if they are its own: they hold as long as links."""
        self._note(room.id, True)
        if room.id in self._handed:
            self._handed.discard(room.id)
            self._put.pop(room.id, None)
            return
        before = self._busy.get(room.id)
        if self._put.pop(room.id, None) is not None or before is not None or rules:
            state = rules_alone(room) if rules else None
            self._begin(room.id, self._end(room.id, state, before))

    async def close(self, rooms: list[Room]) -> None:
        """Put all rooms a last time."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        await asyncio.gather(*(self._renew(room) for room in rooms if room.id not in self._handed))

    def _begin(self, room_id: str, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        def done(task: asyncio.Task[None]) -> None:
            if self._busy.get(room_id) is task:
                del self._busy[room_id]

        task = self._busy[room_id] = asyncio.create_task(run(), name=f"keep room {room_id}")
        task.add_done_callback(done)

    async def _renew(self, room: Room) -> None:
        """Put a room if it has changed, or if what is kept of a call that goes on would soon be forgotten."""
        digest, at = self._put.get(room.id, (b"", float("-inf")))
        if room.empty and room.id not in self._put:
            return
        lifetime = self._settings.room_idle
        state = gather(room)
        try:
            data, new = await asyncio.to_thread(kept.encode, state)
        except Exception:
            self.statistics.failures += 1
            log.exception("room %s cannot be written", room.id)
            return
        if new == digest and (room.empty or time.monotonic() - at < lifetime / 2):
            return
        done = await self._within(self._keeper.put(room.id, data, lifetime), "put", room.id)
        self._note(room.id, done)
        if done:
            self._put[room.id] = new, time.monotonic()
            self.statistics.puts += 1
            self.statistics.bytes += len(data)

    async def _end(self, room_id: str, state: dict[str, Any] | None, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
            self._put.pop(room_id, None)
        # Before its rules are put, too: where there is no room for them, nothing else of it must stay.
        await self._within(self._keeper.drop(room_id), "dropped", room_id)
        if state is not None:
            data, _ = kept.encode(state)
            await self._within(self._keeper.put(room_id, data, self._settings.invite_lifetime), "put", room_id)

    async def _within(self, work: Awaitable[None], what: str, room_id: str) -> bool:
        """Whether it was done in time."""
        try:
            async with asyncio.timeout(DEADLINE):
                await work
        except Exception as error:
            self.statistics.failures += 1
            reason = str(error) or type(error).__name__
            # It is tried every few seconds.
            level = logging.DEBUG if room_id in self._failing else logging.WARNING
            log.log(level, "room %s could not be %s in its second place: %s", room_id, what, reason)
            return False
        return True

    def _note(self, room_id: str, well: bool) -> None:
        """Note whether a room could be put, and tell when that changes the judgement of the place."""
        if well:
            self._failing.pop(room_id, None)
        else:
            self._failing.setdefault(room_id, time.monotonic())
        works = not any(time.monotonic() - since >= PATIENCE for since in self._failing.values())
        if works != self._works:
            self._works = works
            log.log(logging.INFO if works else logging.ERROR, "rooms %s", "are kept again" if works else "are not kept")
            self._on_change(works)
