"""What keeps a second copy of what is known of each room, so that a room whose server dies comes back with it."""

from __future__ import annotations

from typing import Protocol

LARGEST = 8 * 1024 * 1024
"""Bytes that are kept of one room at most."""


class Keeper(Protocol):
    """A place outside the server's process. Its methods may take long, or fail: callers set a deadline."""

    async def put(self, room_id: str, data: bytes, lifetime: float) -> None:
        """Keep this of a room, in place of what was kept before.

        Args:
            room_id: its id.
            data: at most `LARGEST` bytes.
            lifetime: seconds after which it is to be forgotten, unless it is put anew.
        """

    async def get(self, room_id: str) -> bytes | None:
        """Return what was put last; None if there is none, or its lifetime is over."""

    async def drop(self, room_id: str) -> None:
        """Forget a room; one that is not kept is no error."""
