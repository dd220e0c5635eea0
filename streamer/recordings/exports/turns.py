"""When each speaker speaks: stretches, from how probable it is in every 20 ms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

BEGINS, ENDS = 0.5, 0.35
"""Probability from which a speaker begins, and below which one ends, to speak."""

PAUSE = 0.3
"""Seconds: a shorter silence does not end a turn."""

SHORTEST = 0.2
"""Seconds: a shorter stretch is no turn."""


@dataclass(frozen=True, slots=True, order=True)
class SpokenTurn:
    """From when to when a speaker speaks, seconds; `id` as the engine has it."""

    start: float
    end: float
    id: int


@dataclass
class Turns:
    """Collects turns while a recording goes by."""

    _open: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Start, and when it was last heard to go on."""
    _done: list[SpokenTurn] = field(default_factory=list)

    def step(self, t: float, lasts: float, speaking: Mapping[int, float]) -> None:
        """Take a block: how probable it is that each speaker talks, from `t` on, `lasts` seconds."""
        for id, probability in speaking.items():
            if probability >= (ENDS if id in self._open else BEGINS):
                self._open[id] = self._open.get(id, (max(0.0, t), 0.0))[0], t + lasts
        for id in [id for id, (_, last) in self._open.items() if t + lasts - last > PAUSE]:
            self._close(id)

    def finish(self, now: Callable[[int], int] = lambda id: id) -> list[SpokenTurn]:
        """Return all turns in order; `now` tells the number that a speaker has in the end."""
        for id in list(self._open):
            self._close(id)
        turns: dict[int, list[SpokenTurn]] = {}
        for turn in sorted(replace(turn, id=now(turn.id)) for turn in self._done):
            own = turns.setdefault(turn.id, [])
            # Two that were one person may have been heard at the same time.
            if own and turn.start - own[-1].end < PAUSE:
                own[-1] = replace(own[-1], end=max(own[-1].end, turn.end))
            else:
                own.append(turn)
        return sorted(turn for own in turns.values() for turn in own)

    def _close(self, id: int) -> None:
        start, end = self._open.pop(id)
        if end - start >= SHORTEST:
            self._done.append(SpokenTurn(start, end, id))
