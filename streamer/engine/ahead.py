"""Blocks of a recording that wait to be separated in one go: nobody waits for each of them as in a call."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from models.common.arrays import F32, I64
from streamer.engine.types import FaceState, SpeakerState

MOST = 25
"""Blocks in one go, 0.5 s: then what the separator reads from memory for each is little beside its work."""


@dataclass(frozen=True)
class Wanted:
    """The voices that are wanted of a block.

    Attributes:
        ids: Speakers.
        rows: (R,) of the separator.
        other: (R,) row of the speaker beside each, -1 for none.
        prints: (R, 256) voice prints, zeros where unknown.
        audible: (R,) 1, or 0 for a speaker with neither lips nor print.
    """

    ids: list[int]
    rows: I64
    other: I64
    prints: F32
    audible: F32

    def alike(self, other: Wanted) -> bool:
        """Return whether the separator does the same for both."""
        return (
            self.ids == other.ids
            and np.array_equal(self.rows, other.rows)
            and np.array_equal(self.other, other.other)
            and np.array_equal(self.prints, other.prints)
        )


@dataclass(frozen=True)
class Block:
    """20 ms that wait.

    Attributes:
        t: Of the voices that will come, seconds.
        mix: (320,) what was heard.
        late: (320,) in time with the voices.
        cues: Of lips, see `models.separation.runtime.SeparatorRuntime.cues`.
        audible: See `Wanted`.
        alone: Who speaks alone then, None if nobody does.
        faces: As they stood then.
        others: Voices that belong to no face, likewise.
    """

    t: float
    mix: F32
    late: F32
    cues: Tensor
    audible: F32
    alone: int | None
    faces: list[FaceState]
    others: list[SpeakerState]


@dataclass
class Ahead:
    """The blocks of one session, all of which want the same."""

    _wanted: Wanted | None = None
    _blocks: list[Block] = field(default_factory=list)

    @property
    def cues(self) -> Tensor | None:
        """Of the newest block, None if there is none."""
        return self._blocks[-1].cues if self._blocks else None

    @property
    def full(self) -> bool:
        """Whether they are to be separated now."""
        return len(self._blocks) >= MOST

    def fits(self, wanted: Wanted) -> bool:
        """Return whether a block of which this is wanted can be separated together with them."""
        return self._wanted is None or self._wanted.alike(wanted)

    def add(self, wanted: Wanted, block: Block) -> None:
        """Append a block."""
        self._wanted = wanted
        self._blocks.append(block)

    def take(self) -> tuple[Wanted | None, list[Block]]:
        """Take all."""
        taken = self._wanted, self._blocks
        self._wanted, self._blocks = None, []
        return taken
