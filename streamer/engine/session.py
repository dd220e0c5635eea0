"""One participant as the engine knows it: faces, their lips over time, who speaks, whose voice is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from models.active_speaker.attribution import Attribution
from models.active_speaker.av_offset import OffsetEstimator
from models.active_speaker.detector import LIVE, SETTLED, SpeakingDetector
from models.active_speaker.loudness import LoudnessMeter, level_of
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face
from models.noise.suppressor import Stream
from models.voiceprint.encoder import PRINT
from models.voiceprint.state import Change, VoiceStates
from streamer.engine.ahead import Ahead, Wanted
from streamer.engine.lips import Lips
from streamer.engine.solo import Solo
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK, FaceState, SpeakerState

FACE_MEMORY = 5.0
"""Seconds a face that is out of sight keeps its row in the separator, if its voice is known."""

UNKNOWN_MEMORY = 0.5
"""Seconds for one whose voice is not: nothing tells it from others any more. After a cut it goes at once."""

MOST_ROWS = 6
"""Most speakers that are separated at once."""

TRAINED_LAG = 0.04
"""Seconds that lips were behind the sound, on average, while the separator was trained."""

USUAL_LEAD = -0.01
"""Seconds by which lips lead their sound in the separator's training data (GRID), as `av_offset` measures it."""

LOOKED = 0.4
"""Seconds of pictures by which the lips are judged."""

SPEECH, NO_OVERLAP, ALONE = 0.5, 0.25, 0.9
"""Least probability of speech, most of overlap, and least of being the one who speaks, at which a speaker is alone."""

STALE = 1.0
"""Seconds after which what attribution last said tells nothing of who is alone."""


class Senses(Protocol):
    """What tells who is there and who speaks."""

    @property
    def latest(self) -> Attribution:
        """Who speaks, as far as is known."""

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find the faces of the next picture, taken at `t` seconds, and whether it begins a new shot."""

    def take(self, t: float, found: list[Face]) -> None:
        """Take in the faces of a picture; the sound heard next is attributed by it."""

    def hear(self, t: float, pcm: F32) -> object:
        """Attribute sound from `t` seconds on, or have it attributed."""


class EngineSession:
    """Everything known about one participant.

    Speakers have numbers: faces from 1 up, voices that belong to no face from -1 down. `see` runs on the seeing thread,
    everything else on the hearing thread; what they share is replaced whole, never changed in place.

    Args:
        senses: Tell who is there and who speaks.
        known: What a first pass over a recording found.
    """

    def __init__(self, senses: Senses, known: Known | None = None) -> None:
        self.senses = senses
        self._known = known
        self._detector = SpeakingDetector(LIVE) if known is None else SpeakingDetector(SETTLED, rise=1.0, fall=1.0)
        self._loudness = LoudnessMeter()
        self._offsets = OffsetEstimator()
        self._voices = VoiceStates()
        self._lips: dict[int, Lips] = {}
        self._faces: dict[int, tuple[float, Face]] = {}
        self._speaking: dict[int, float] = {}
        self._heard: list[tuple[float, F32]] = []
        self._parted: list[F32] = []
        self.rows: dict[int, int] = {}
        self.cued: dict[int, bool] = {}
        self.solo = Solo()
        self.noisy: Stream | None = None
        self.ahead = Ahead()
        self.blocks = 0

    def see(self, t: float, rgb: U8) -> list[FaceState]:
        """Find and follow the faces of one picture taken at `t` seconds."""
        return self.seen(t, *self.senses.find(t, rgb))

    def seen(self, t: float, found: list[Face], cut: bool = False) -> list[FaceState]:
        """Take in the faces of one picture taken at `t` seconds, which begins a new shot if `cut`."""
        self.senses.take(t, found)
        known = self.senses.latest.prints
        unknown, ids = 0.0 if cut else UNKNOWN_MEMORY, {face.id for face in found}
        gone = {one for one, _ in self.senses.latest.joined}
        faces = {
            id: (seen, face)
            for id, (seen, face) in self._faces.items()
            if (t - seen < (FACE_MEMORY if id in known else unknown) and id not in gone) or id in ids
        }
        lips = {id: lips for id, lips in self._lips.items() if id in faces}
        for face in found:
            faces[face.id] = (t, face)
            lips.setdefault(face.id, Lips()).add(t, face.lips, face.lips_visible)
        self._faces, self._lips = faces, lips
        return [self._state(face) for face in found]

    def states(self) -> list[FaceState]:
        """Return every face seen lately."""
        return [self._state(face) for _, face in self._faces.values()]

    def others(self) -> list[SpeakerState]:
        """Return every voice that belongs to no face and is separated now."""
        return [self._speaker(id) for id in self.rows if id < 0]

    def _state(self, face: Face) -> FaceState:
        speaker = self._speaker(face.id)
        return FaceState(
            id=face.id,
            box=face.box,
            score=face.score,
            lips_visible=face.lips_visible,
            speaking=speaker.speaking,
            voice=speaker.voice,
            voice_confidence=speaker.voice_confidence,
            lip_lead=self._offsets.lead(face.id),
        )

    def _speaker(self, id: int) -> SpeakerState:
        print = self.senses.latest.prints.get(id)
        return SpeakerState(
            id=id,
            speaking=self._speaking.get(id, 0.0),
            voice="known" if print is not None else self._voices.of(id),
            voice_confidence=0.0 if print is None else print.confidence,
        )

    def present(self) -> list[int]:
        """Return the speakers that want a row in the separator, faces in view first."""
        known = self.senses.latest
        heard = [id for id in known.prints if id not in self._faces and id in known.lately]
        return (sorted(self._faces) + sorted(heard))[:MOST_ROWS]

    def lips_at(self, id: int, t: float) -> tuple[F32, bool]:
        """Return lips to give the separator with the sound at `t`, shifted by what this face's lips lead it.

        Lips stay when the voice is known: strangers side by side come apart 2 dB better with both, and none of them
        worse than in the mixture (`bench.conversations`; by their voices alone 12 % gained less than -1 dB).
        """
        lips = self._lips.get(id)
        if lips is None:
            return np.zeros(4, np.float32), False
        lead = self._offsets.lead(id)
        return lips.at(t - TRAINED_LAG - (0.0 if lead is None else lead - USUAL_LEAD))

    def voice_of(self, id: int) -> F32:
        """Return the voice print of a speaker (256,), zeros while unknown."""
        print = self.senses.latest.prints.get(id)
        return np.zeros(PRINT, np.float32) if print is None else print.print

    def voice_changes(self) -> list[Change]:
        """Return what happened to voice prints since the last call, oldest first; for one reader."""
        return self._voices.take_changes()

    def audible(self, prints: dict[int, F32]) -> list[int]:
        """Return the speakers, of all with prints, whose voice lips (just now) or print tell from others."""
        return [id for id, print in prints.items() if self.cued.get(id, False) or print.any()]

    def other_of(self, id: int, audible: list[int]) -> int | None:
        """Return the audible speaker that speaks most beside this one, None when there is none."""
        others = [other for other in audible if other != id]
        return max(others, key=lambda other: self._speaking.get(other, 0.0), default=None)

    def alone(self, t: float) -> int | None:
        """Return who speaks at `t` seconds while nobody else does, None where that is not sure or not known yet."""
        known = self.senses.latest
        # In a call attribution is half a second late: by then somebody else may have begun.
        if self._known is None or abs(t - known.t) > STALE:
            return None
        id = max(known.speakers, key=lambda other: known.speakers[other], default=None)
        if id is None or known.speech < SPEECH or known.overlap > NO_OVERLAP or known.speakers[id] < ALONE:
            return None
        return id if id in known.prints else None

    def wanted(self) -> Wanted:
        """Return the voices that are wanted now."""
        known = {id: self.voice_of(id) for id in self.rows}
        heard = self.audible(known)
        beside = [self.other_of(id, heard) for id in self.rows]
        return Wanted(
            list(self.rows),
            np.array(list(self.rows.values()), np.int64),
            np.array([-1 if other is None else self.rows[other] for other in beside], np.int64),
            np.stack(list(known.values())) if known else np.zeros((0, PRINT), np.float32),
            np.array([id in heard for id in self.rows], np.float32),
        )

    def heard(self, t: float, mix: F32, voices: F32) -> None:
        """Learn from one block: `mix` (320,), `voices` (speakers, 320) in the order of `rows`, both at `t`."""
        self.listen(t, mix)
        self.measure(t, voices)

    def listen(self, t: float, mix: F32) -> None:
        """Learn who speaks from one block of the mixture (320,)."""
        self._heard.append((t, mix))
        if len(self._heard) < 2:
            return
        (begin, _), *_ = self._heard
        mix40 = np.concatenate([mix for _, mix in self._heard])
        self._heard = []
        self.senses.hear(begin, mix40)
        lips, known = self._lips, self.senses.latest
        if self._known is None:
            ahead, loudness = 2 * BLOCK_SECONDS, self._loudness.step(level_of(mix40))
        else:
            # In a recording pictures and sound are known ahead: both are judged by what is around the moment.
            ahead, loudness = LOOKED / 2, self._known.settled.loudness(t)
        spans = {id: lips[id].between(t + ahead - LOOKED, t + ahead) for id in self.rows if id in lips}
        judged = {id: spans.get(id) for id in self.rows}
        self._speaking = self._detector.update(known, judged, loudness)
        confidences = {id: print.confidence for id, print in known.prints.items()}
        self._voices.follow(t, confidences, {id: known.speakers.get(id, 0.0) > 0.5 for id in self.rows})

    def measure(self, t: float, voices: F32) -> None:
        """Learn from one block of voices (speakers, 320), in the order of `rows`, how far lips and voices are apart."""
        self._parted.append(voices)
        if len(self._parted) < 2:
            return
        voices40, self._parted, lips = self._align(self._parted), [], self._lips
        levels = {id: level_of(voices40[i]) for i, id in enumerate(self.rows) if i < len(voices40)}
        self._offsets.update(t, {id: lips[id].at(t) for id in self.rows if id in lips}, levels)

    def _align(self, parts: Sequence[F32]) -> F32:
        """Join two blocks' voices; a speaker that came between them is silent in the first."""
        first, second = parts
        count = len(second)
        padded = np.zeros((count, BLOCK), np.float32)
        padded[: min(len(first), count)] = first[:count]
        return np.concatenate([padded, second], axis=1)


BLOCK_SECONDS = BLOCK / SAMPLE_RATE
