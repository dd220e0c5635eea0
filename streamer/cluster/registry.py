"""What the media servers of a cluster say of themselves, and what follows: who has a room, who is on the way out.

Nothing of it is kept: whoever takes over is told everything anew within `TELL_SECONDS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from streamer.cluster.scaling import Load
from streamer.front.placement import Member, Placement

TELL_SECONDS = 0.5
"""Time between two words of a server without news."""

SILENCE_SECONDS = 5.0
"""After which one is taken for lost; that its process has ended is known from Ray, and sooner."""

EMPTYING_SECONDS = 10.0
"""For which a server on the way out is there for those who come over from it."""


@dataclass(frozen=True)
class Said:
    """What a media server says.

    Attributes:
        member: where it is and what it has.
        load: what it has to do.
        people: in its rooms.
        node: Ray's id of the machine.
    """

    member: Member
    load: Load = field(default_factory=Load)
    people: int = 0
    node: str = ""


class Registry:
    """Who is there.

    Args:
        clock: monotonic time, seconds.

    Attributes:
        placement: which of them has a room.
        said: the newest word of each.
        leaving: names of those on the way out, and since when.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.placement = Placement(clock)
        self.said: dict[str, Said] = {}
        self.leaving: dict[str, float] = {}
        self._heard: dict[str, float] = {}

    def tell(self, name: str, said: Said) -> list[str]:
        """Take in what a server says.

        Returns:
            Ids of those of its rooms that are, or are to be, at another one: who is in them has to go there.
        """
        self.said[name], self._heard[name] = said, self._clock()
        self.placement.update(name, replace(said.member, leaving=name in self.leaving))
        if name in self.leaving and not self.staying:
            # Nobody could take them.
            return []
        return sorted(room for room in said.member.rooms if self.placement.of(room) != name)

    def lose(self, name: str) -> None:
        """Forget one that has ended, or whose process has, until it says something again."""
        self.placement.remove(name)
        self.said.pop(name, None)
        self._heard.pop(name, None)

    def leave(self, name: str) -> None:
        """Have the rooms of a server go elsewhere."""
        self.leaving.setdefault(name, self._clock())
        if name in self.said:
            self.placement.update(name, replace(self.said[name].member, leaving=True))

    def end(self, name: str) -> None:
        """Forget a server for good."""
        self.lose(name)
        self.leaving.pop(name, None)

    @property
    def staying(self) -> dict[str, Load]:
        """Loads of those that are not on the way out."""
        return {name: said.load for name, said in self.said.items() if name not in self.leaving}

    def silent(self) -> list[str]:
        """Return who has said nothing for too long."""
        now = self._clock()
        return [name for name, at in self._heard.items() if now - at > SILENCE_SECONDS]

    def left(self) -> list[str]:
        """Return who is on the way out, and has nobody any more or had time enough."""
        now = self._clock()
        return [
            name
            for name, since in self.leaving.items()
            if now - since > EMPTYING_SECONDS or (name in self.said and not self.said[name].people)
        ]

    def on(self, node: str) -> list[str]:
        """Return who is on a machine."""
        return [name for name, said in self.said.items() if said.node == node]
