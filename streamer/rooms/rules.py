"""What a host has settled for a room; it outlives the room itself, which is forgotten when it is empty."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from streamer.messages import hosting
from streamer.settings import Past, Settings

MOST_KEPT = 4096
"""Rooms whose rules are kept while nobody is in them; those forgotten first go first."""


@dataclass
class Rules:
    """Who may come in, and what they are shown.

    Attributes:
        locked: nobody new comes in.
        waiting_room: newcomers wait until the host lets them in.
        past: what was said and seen before somebody came that they get.
        links: how often the links were replaced; invites made before the last time are worth nothing.
    """

    locked: bool = False
    waiting_room: bool = False
    past: Past = "none"
    links: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Return the rules of a new room."""
        return cls(waiting_room=settings.waiting_room, past=settings.past)

    def state(self) -> hosting.RoomRules:
        """Return what the pages are told."""
        return hosting.RoomRules(locked=self.locked, waiting_room=self.waiting_room, past=self.past)


class KeptRules:
    """Rules of rooms that were forgotten, for as long as an invite can open them again.

    Args:
        lifetime: seconds.
        clock: monotonic seconds.
    """

    def __init__(self, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime, self._clock = lifetime, clock
        self._kept: OrderedDict[str, tuple[float, Rules]] = OrderedDict()

    def get(self, room_id: str) -> Rules | None:
        """Return the rules of a forgotten room, or None if it has none of its own."""
        since, rules = self._kept.get(room_id, (float("-inf"), None))
        return rules if self._clock() - since < self._lifetime else None

    def put(self, room_id: str, rules: Rules) -> None:
        """Keep the rules of a room that is being forgotten."""
        self._kept.pop(room_id, None)
        self._kept[room_id] = (self._clock(), rules)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def pop(self, room_id: str) -> Rules | None:
        """Give the rules back to a room that is there again."""
        rules = self.get(room_id)
        self._kept.pop(room_id, None)
        return rules
