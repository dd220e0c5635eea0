"""Who spoke alone, of the last two seconds, as far as is known by now: a second later it is known far better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.active_speaker.chunk import CHUNK, SPEECH, Judged
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
    near = range(max(inference.first, first - AROUND), inference.count)
    chunks = [(inference.chunk(number), inference.posterior(number)) for number in near]
    judged = [Judged(chunk.speech, chunk.overlap, speakers) for chunk, speakers in chunks]
    return judge(judged, begin + near.start * CHUNK)[first - near.start :]


def judge(chunks: Sequence[Judged], begin: float) -> tuple[Stretch, ...]:
    """Judge chunks of which the first begins at `begin` seconds."""
    alone = [_alone(chunks, i) for i in range(len(chunks))]
    return tuple(Stretch(begin + i * CHUNK, begin + (i + 1) * CHUNK, who) for i, who in enumerate(alone))


def _alone(chunks: Sequence[Judged], i: int) -> int | None:
    near = chunks[max(0, i - AROUND) : i + AROUND + 1]
    if chunks[i].speech <= SPEECH or max(chunk.overlap for chunk in near) >= NO_OVERLAP:
        return None
    speakers = chunks[i].speakers
    id = max(speakers, key=lambda other: speakers[other], default=None)
    return id if id is not None and speakers[id] > SURE else None
