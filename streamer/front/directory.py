"""Whom the front door asks where a room is: what is known in its own process, or in another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from streamer.front.placement import Member, Placement


class Directory(Protocol):
    """Which media servers there are, and which of them has a room; nothing is known while nobody can say."""

    async def room(self, room: str) -> Member | None:
        """Return the server that has a room, or is to have it; None without any."""

    async def any(self) -> Member | None:
        """Return a server for what belongs to no room; None without any."""

    async def new_room(self) -> str:
        """Draw the id of a new room."""

    async def members(self) -> Mapping[str, Member]:
        """Return all servers by name."""


class LocalDirectory:
    """What a placement in this process knows.

    Args:
        placement: kept up to date by others.
    """

    def __init__(self, placement: Placement) -> None:
        self._placement = placement

    async def room(self, room: str) -> Member | None:
        """Return the server that has a room, or is to have it; None without any."""
        return self._member(self._placement.of(room))

    async def any(self) -> Member | None:
        """Return the server that has the fewest rooms; None without any."""
        return self._member(self._placement.any())

    async def new_room(self) -> str:
        """Draw the id of a new room."""
        return self._placement.new_room()

    async def members(self) -> Mapping[str, Member]:
        """Return all servers by name."""
        return dict(self._placement.members)

    def _member(self, name: str | None) -> Member | None:
        return None if name is None else self._placement.members[name]
