"""Who spoke alone, of the last two seconds, as far as is known by now: a second later it is known far better."""

from __future__ import annotations

from typing import NamedTuple

from models.active_speaker.chunk import CHUNK, SPEECH
from models.active_speaker.inference import SpeakerInference

RECENT = 10
"""Chunks that are judged, newest last; older ones stay as they are."""

AROUND = 5
"""Chunks before and after one in which nobody may speak beside: overlap that is short is not always noticed."""

NO_OVERLAP, SURE = 0.3, 0.8
"""Most of the probability of overlap, and least of being the one who speaks, as words come out best where people talk
in turns and none the worse where they talk at once (`python -m bench.captions`)."""


class Stretch(NamedTuple):
    """A stretch of a stream.

    Attributes:
        begin, end: seconds.
        alone: who speaks while nobody else does; None if nobody does, several do, or it is not sure.
    """

    begin: float
    end: float
    alone: int | None


def stretches(inference: SpeakerInference, begin: float) -> tuple[Stretch, ...]:
    """Judge the newest chunks of a stream whose first chunk begins at `begin` seconds."""
    first = max(inference.first, inference.count - RECENT)
    return tuple(
        Stretch(begin + number * CHUNK, begin + (number + 1) * CHUNK, _alone(inference, number))
        for number in range(first, inference.count)
    )


def _alone(inference: SpeakerInference, number: int) -> int | None:
    near = range(max(inference.first, number - AROUND), min(inference.count, number + AROUND + 1))
    if inference.chunk(number).speech <= SPEECH or max(inference.chunk(i).overlap for i in near) >= NO_OVERLAP:
        return None
    speakers = inference.posterior(number)
    id = max(speakers, key=lambda other: speakers[other], default=None)
    return id if id is not None and speakers[id] > SURE else None
