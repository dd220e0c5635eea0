"""What is known of rooms, kept on two machines, so that a room whose machine dies comes back on another."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import ray

from streamer.cluster.names import KEEPERS, NAMESPACE

MOST_BYTES = 1 << 30
"""That one keeper holds; the rooms that were put longest ago go first."""

FETCH_SECONDS = 3.0
"""Time in which a new keeper hears from the other one what that has."""


class Kept:
    """Rooms in memory, each with when it was put and until when it is to be kept.

    Args:
        most: bytes at most.
        clock: Unix seconds, as both machines have them.
    """

    def __init__(self, most: int = MOST_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._rooms: OrderedDict[str, tuple[float, float, bytes]] = OrderedDict()
        self._most, self._clock = most, clock
        self._bytes = 0

    def put(self, room: str, data: bytes, lifetime: float) -> None:
        """Replace what is kept of a room, for `lifetime` seconds."""
        now = self._clock()
        self.load({room: (now, now + lifetime, data)})

    def get(self, room: str) -> tuple[float, bytes] | None:
        """Return when a room was put, and what; None if nothing is kept."""
        at, until, data = self._rooms.get(room, (0.0, 0.0, b""))
        if until <= self._clock():
            self.drop(room)
            return None
        return at, data

    def drop(self, room: str) -> None:
        """Forget a room."""
        _, _, data = self._rooms.pop(room, (0.0, 0.0, b""))
        self._bytes -= len(data)

    def load(self, rooms: dict[str, tuple[float, float, bytes]]) -> None:
        """Take in what another one has, unless what is here is newer."""
        for room, entry in rooms.items():
            if room in self._rooms and self._rooms[room][0] > entry[0]:
                continue
            self.drop(room)
            self._rooms[room] = entry
            self._bytes += len(entry[2])
        now = self._clock()
        for room in [room for room, (_, until, _) in self._rooms.items() if until <= now]:
            self.drop(room)
        while self._bytes > self._most:
            self.drop(next(iter(self._rooms)))

    def all(self) -> dict[str, tuple[float, float, bytes]]:
        """Return everything."""
        return dict(self._rooms)


class KeeperActor(Kept):
    """One of the two, as a Ray actor: begins with what the other one has.

    Args:
        other: its name.
    """

    def __init__(self, other: str) -> None:
        super().__init__()
        try:
            self.load(ray.get(ray.get_actor(other, NAMESPACE).all.remote(), timeout=FETCH_SECONDS))
        except (ValueError, ray.exceptions.RayError):
            pass  # it is not there yet, or not any more


class RayKeeper:
    """Keeps in both, and is content with one; a `Keeper` of `streamer.keep`."""

    async def put(self, room_id: str, data: bytes, lifetime: float) -> None:
        """Replace what is kept of a room.

        Raises:
            Exception: what went wrong with the one, if it did with the other as well.
        """
        await self._both("put", room_id, data, lifetime)

    async def get(self, room_id: str) -> bytes | None:
        """Return the newest that is kept of a room; None if there is nothing.

        Raises:
            Exception: see `put`.
        """
        found = [answer for answer in await self._both("get", room_id) if answer is not None]
        return max(found)[1] if found else None

    async def drop(self, room_id: str) -> None:
        """Forget a room.

        Raises:
            Exception: see `put`.
        """
        await self._both("drop", room_id)

    async def _both(self, method: str, *arguments: Any) -> list[Any]:
        async def ask(name: str) -> Any:
            actor = await asyncio.to_thread(ray.get_actor, name, NAMESPACE)
            return await getattr(actor, method).remote(*arguments)

        answers = await asyncio.gather(*map(ask, KEEPERS), return_exceptions=True)
        good = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not good:
            assert isinstance(answers[0], BaseException)
            raise answers[0]
        return good
