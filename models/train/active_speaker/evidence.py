"""What a call and a recording know of who speaks, moment by moment, in conversations of which it is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import av
import numpy as np

from models.active_speaker.attribution import Attributor, Networks
from models.active_speaker.chunk import Chunk
from models.active_speaker.detector import cues
from models.active_speaker.loudness import LoudnessMeter, level_of
from models.active_speaker.settled import Survey
from models.common.arrays import F32, F64, U8, Bools
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import FaceModels, FaceTracker
from models.train.data.conversations import FRAME, Conversation

Answer = TypeVar("Answer")

STEP = FRAME / SAMPLE_RATE
"""Seconds of a moment."""

LOOKED = 0.4
"""Seconds of pictures by which the lips are judged."""


@dataclass(frozen=True)
class Lips:
    """Lips of one person in one picture.

    Attributes:
        t: time, seconds.
        person: whose.
        numbers: (4,), None where they are not to be seen.
    """

    t: float
    person: int
    numbers: F32 | None


@dataclass
class Evidence:
    """What was known in one conversation; a row is 40 ms of one person in the picture.

    Attributes:
        kind: of the conversation.
        live: (10,) `detector.cues` with what is known at that moment.
        settled: with what is known at the end.
        talks: whether the person talked.
        person: name.
        chunks: what was heard and seen, faces by person from 1.
        truth: who talks in each 40 ms, (P, T).
    """

    kind: str
    live: list[F64] = field(default_factory=list)
    settled: list[F64] = field(default_factory=list)
    talks: list[bool] = field(default_factory=list)
    person: list[str] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    truth: Bools = field(default_factory=lambda: np.zeros((0, 0), bool))


def remembering(networks: Networks) -> Networks:
    """Return networks that answer at once what they were asked before: the same sound is gone through several times."""
    return Networks(_remembering(networks.segment), _remembering(networks.embed), _remembering(networks.prints))


def _remembering(ask: Callable[[F32], Answer]) -> Callable[[F32], Answer]:
    answers: dict[bytes, Answer] = {}

    def answer(pcm: F32) -> Answer:
        key = blake2b(pcm.tobytes()).digest()
        if key not in answers:
            answers[key] = ask(pcm)
        return answers[key]

    return answer


def lips_of(conversation: Conversation, models: FaceModels) -> list[Lips]:
    """Find the faces of a recording; whose they are is known."""
    tracker, found = FaceTracker(models), []
    for t, rgb in _pictures(conversation.path):
        for face in tracker.step(rgb, t):
            person = conversation.person_at(t, face.box)
            if person is not None:
                found.append(Lips(t, person, face.lips if face.lips_visible else None))
    return found


def evidence_of(conversation: Conversation, seen: list[Lips], networks: Networks) -> Evidence:
    """Go through one conversation as a call does, and as the first pass over a recording does.

    Args:
        conversation: what is said in it.
        seen: `lips_of` it.
        networks: what listens.
    """
    truth, mixture = conversation.talks(), conversation.mixture
    found = Evidence(conversation.kind, truth=truth)
    attributor = Attributor(networks, retired=lambda number, chunk, speakers: found.chunks.append(chunk))
    survey, meter, moments, shown = Survey(networks), LoudnessMeter(), [], 0
    for i in range(truth.shape[1]):
        t, pcm = i * STEP, mixture[i * FRAME : (i + 1) * FRAME]
        while shown < len(seen) and seen[shown].t <= t + STEP:
            one = seen[shown]
            if one.numbers is not None:
                attributor.see(one.t, [(one.person + 1, one.numbers)])
                survey.see(one.t, [(one.person + 1, one.numbers)])
            shown += 1
        loudness = meter.step(level_of(pcm))
        for person in conversation.seen:
            here = [one for one in seen if one.person == person and t + STEP - LOOKED < one.t <= t + STEP]
            if here:
                found.live.append(cues(attributor.latest, person + 1, _stacked(here), loudness))
                found.talks.append(bool(truth[person, i]))
                found.person.append(conversation.people[person])
                moments.append((t, person))
        # A call judges a moment by what was known before its sound.
        attributor.hear(t, pcm)
        survey.hear(t, pcm)
    settled = survey.settle()
    attributor.inference.retire()
    for t, person in moments:
        middle = t + STEP / 2
        here = [one for one in seen if one.person == person and abs(one.t - middle) <= LOOKED / 2]
        found.settled.append(cues(settled.at(middle), person + 1, _stacked(here), settled.loudness(middle)))
    return found


def _stacked(lips: list[Lips]) -> F32 | None:
    numbers = [one.numbers for one in lips if one.numbers is not None]
    return np.stack(numbers) if numbers else None


def _pictures(path: Path) -> Iterator[tuple[float, U8]]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        for frame in container.decode(stream):
            yield float(frame.time or 0.0), np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
