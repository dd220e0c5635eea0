"""What is known of rooms, kept on two machines, so that a room whose machine dies comes back on another."""

from __future__ import annotations

import asyncio
from typing import Any

import ray

from streamer.cluster.kept import Kept
from streamer.cluster.names import KEEPERS, NAMESPACE

ANSWER_SECONDS = 1.0
"""Time that each has to answer: one whose machine has just died does not, and the other one's word is enough."""

FETCH_SECONDS = 3.0
"""Time in which a new keeper hears from the other one what that has."""


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
            async with asyncio.timeout(ANSWER_SECONDS):
                actor = await asyncio.to_thread(ray.get_actor, name, NAMESPACE)
                return await getattr(actor, method).remote(*arguments)

        answers = await asyncio.gather(*map(ask, KEEPERS), return_exceptions=True)
        good = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not good:
            assert isinstance(answers[0], BaseException)
            raise answers[0]
        return good
