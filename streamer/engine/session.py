"""One participant as the engine knows it: faces, their lips over time, who speaks, whose voice is known."""

from __future__ import annotations

import pickle
from bisect import bisect
from collections import deque
from concurrent.futures import Executor, Future

import numpy as np

from models.active_speaker.detector import OffsetEstimator, SpeakingDetector
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face, FaceModels, FaceTracker
from models.voiceprint.enrolment import Embed, VoiceBook
from models.voiceprint.state import Change
from streamer.engine.types import BLOCK, FaceState

LIP_HISTORY = 2.0
"""Seconds of lip positions kept per face."""

FACE_MEMORY = 5.0
"""Seconds a face that is out of sight keeps its row in the separator."""

LIPS_STALE = 0.25
"""Seconds after which the last lips seen no longer say anything."""

TRAINED_LAG = 0.04
"""Seconds that lips were behind the sound, on average, while the separator was trained."""

USUAL_LEAD = -0.01
"""Seconds by which lips lead their sound in the separator's training data (GRID), as `av_offset` measures it."""

LONGEST_FRAME = 0.2
"""Seconds; a longer gap between pictures is a lost connection and does not age the faces."""


class Lips:
    """Lip positions of one face over the last `LIP_HISTORY` seconds.

    One thread adds and another reads: what is kept is replaced whole.
    """

    def __init__(self) -> None:
        self._seen: tuple[tuple[float, F32, bool], ...] = ()

    def add(self, t: float, values: F32, visible: bool) -> None:
        """Append what was seen at `t` seconds; four numbers."""
        if self._seen and t <= self._seen[-1][0]:
            return
        kept = [one for one in self._seen if t - one[0] <= LIP_HISTORY]
        self._seen = (*kept, (t, values, visible))

    def at(self, t: float) -> tuple[F32, bool]:
        """Return the lips at `t`, interpolated, and whether they can be trusted."""
        seen = self._seen
        i = bisect([one[0] for one in seen], t)
        if i == 0:
            return (seen[0][1], False) if seen else (np.zeros(4, np.float32), False)
        before, values, trusted = seen[i - 1]
        if i == len(seen):
            return values, trusted and t - before <= LIPS_STALE
        after, later, trusted_later = seen[i]
        span = after - before
        share = np.float32((t - before) / span)
        return (1 - share) * values + share * later, trusted and trusted_later and span <= LIPS_STALE


class EngineSession:
    """Everything known about one participant.

    `see` runs on the seeing thread, everything else on the hearing thread; what they share is replaced
    whole, never changed in place.

    Args:
        models: The face networks, shared by all sessions.
        embed: Turns speech (N,) at 16 kHz into a voice print (256,).
        max_faces: Most faces followed at once.
        enrolment: Where voice prints are made; None makes them in place.
    """

    def __init__(self, models: FaceModels, embed: Embed, max_faces: int, enrolment: Executor | None) -> None:
        self._tracker = FaceTracker(models, max_faces)
        self._tracker_time = 0.0
        self._last_seen_t: float | None = None
        self._detector = SpeakingDetector()
        self._offsets = OffsetEstimator()
        self._book = VoiceBook(embed)
        self._enrolment, self._enrolling = enrolment, deque[Future[None]]()
        self._lips: dict[int, Lips] = {}
        self._faces: dict[int, tuple[float, Face]] = {}
        self._speaking: dict[int, float] = {}
        self._heard: list[tuple[F32, F32]] = []
        self.rows: dict[int, int] = {}
        self.cued: dict[int, bool] = {}
        self.blocks = 0

    def see(self, t: float, rgb: U8) -> list[FaceState]:
        """Find and follow the faces of one picture taken at `t` seconds."""
        gap = t - self._last_seen_t if self._last_seen_t is not None else 0.0
        self._last_seen_t = t
        self._tracker_time += min(max(gap, 0.0), LONGEST_FRAME)
        found = self._tracker.step(rgb, self._tracker_time)
        faces = {id: (seen, face) for id, (seen, face) in self._faces.items() if t - seen < FACE_MEMORY}
        for face in found:
            faces[face.id] = (t, face)
            if face.id not in self._lips:
                self._lips = self._lips | {face.id: Lips()}
            self._lips[face.id].add(t, face.lips, face.lips_visible)
        self._faces = faces
        self._lips = {id: lips for id, lips in self._lips.items() if id in faces}
        return [self._state(face) for face in found]

    def memory(self) -> bytes:
        """Return who the faces are and how they sound; for our own processes only, since it is a pickle."""
        return pickle.dumps((self._tracker.remember(), self._book.remember()))

    def recall(self, memory: bytes) -> None:
        """Know again what `memory` knew; call it before the first picture."""
        faces, voices = pickle.loads(memory)
        self._tracker.recall(faces)
        self._book.recall(voices)

    def states(self) -> list[FaceState]:
        """Return every face seen within `FACE_MEMORY`."""
        return [self._state(face) for _, face in self._faces.values()]

    def _state(self, face: Face) -> FaceState:
        return FaceState(
            id=face.id,
            box=face.box,
            score=face.score,
            lips_visible=face.lips_visible,
            speaking=self._speaking.get(face.id, 0.0),
            voice=self._book.state(face.id),
            voice_confidence=self._book.confidence(face.id),
            lip_lead=self._offsets.lead(face.id),
        )

    def present(self) -> list[int]:
        """Return the faces that want a row in the separator, oldest first."""
        return sorted(self._faces)

    def lips_at(self, id: int, t: float) -> tuple[F32, bool]:
        """Return lips to give the separator with the sound at `t`, shifted by what this face's lips lead it."""
        lips = self._lips.get(id)
        if lips is None:
            return np.zeros(4, np.float32), False
        lead = self._offsets.lead(id)
        return lips.at(t - TRAINED_LAG - (0.0 if lead is None else lead - USUAL_LEAD))

    def voice_of(self, id: int) -> F32:
        """Return the voice print of a face (256,), zeros while unknown."""
        return self._book.print_of(id)

    def voice_changes(self) -> list[Change]:
        """Return what happened to voice prints since the last call, oldest first; for one reader."""
        return self._book.take_changes()

    def audible(self, prints: dict[int, F32]) -> list[int]:
        """Return the faces, of all with prints, whose voice lips (just now) or print tell from others."""
        return [id for id, print in prints.items() if self.cued.get(id, False) or print.any()]

    def other_of(self, id: int, audible: list[int]) -> int | None:
        """Return the audible face that speaks most beside this one, None when there is none."""
        others = [other for other in audible if other != id]
        return max(others, key=lambda other: self._speaking.get(other, 0.0), default=None)

    def heard(self, t: float, mix: F32, voices: F32) -> None:
        """Learn from one block: `mix` (320,), `voices` (faces, 320) in the order of `rows`, both at `t`."""
        self._heard.append((mix, voices))
        if len(self._heard) < 2:
            return
        mixes, parts = zip(*self._heard, strict=True)
        self._heard = []
        mix40, voices40 = np.concatenate(mixes), self._align(parts)
        known = self._lips
        lips = {id: known[id].at(t) for id in self.rows if id in known}
        levels = {id: _decibels(voices40[i]) for i, id in enumerate(self.rows) if i < len(voices40)}
        level = _decibels(mix40)
        self._speaking = self._detector.update(t, lips, levels, level)
        self._offsets.update(t, lips, levels)
        self._enrol(t, mix40, {id: voices40[i] for i, id in enumerate(self.rows) if i < len(voices40)})

    def _align(self, parts: tuple[F32, ...]) -> F32:
        """Join two blocks' voices; a face that came between them is silent in the first."""
        first, second = parts
        count = len(second)
        padded = np.zeros((count, BLOCK), np.float32)
        padded[: min(len(first), count)] = first[:count]
        return np.concatenate([padded, second], axis=1)

    def _enrol(self, t: float, mix: F32, voices: dict[int, F32]) -> None:
        speaking, by_lips = dict(self._speaking), dict(self._detector.by_lips)
        if self._enrolment is None:
            self._book.hear(t, mix, speaking, voices, by_lips)
            return
        while self._enrolling and self._enrolling[0].done():
            self._enrolling.popleft().result()
        if len(self._enrolling) < 25:
            self._enrolling.append(self._enrolment.submit(self._book.hear, t, mix, speaking, voices, by_lips))


def _decibels(x: F32) -> float:
    """Return the level of `x` in dB relative to full scale, at least -100."""
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-10))


BLOCK_SECONDS = BLOCK / SAMPLE_RATE
