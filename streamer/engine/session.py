"""One participant as the engine knows it: faces, their lips over time, who speaks, whose voice is known."""

from __future__ import annotations

import pickle
from collections import deque
from concurrent.futures import Executor, Future

import numpy as np

from models.active_speaker.attribution import Attributor, Networks
from models.active_speaker.av_offset import OffsetEstimator
from models.active_speaker.detector import LIVE, SETTLED, SpeakingDetector
from models.active_speaker.settled import SettledAttributor
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face, FaceModels, FaceTracker
from models.voiceprint.encoder import LENGTH, PRINT
from models.voiceprint.state import Change, VoiceStates
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

LONGEST_FRAME = 0.2
"""Seconds; a longer gap between pictures is a lost connection and does not age the faces."""

LOOKED = 0.4
"""Seconds of pictures by which the lips are judged."""

SPEECH, NO_OVERLAP, ALONE = 0.5, 0.25, 0.9
"""Least probability of speech, most of overlap, and least of being the one who speaks, at which a speaker is alone."""

ALIKE = 0.5
"""Cosine of two voice prints from which lips are still needed to tell the voices apart."""

STALE = 1.0
"""Seconds after which what attribution last said tells nothing of who is alone."""

WAITING = 25
"""Pieces of 40 ms that may wait to be attributed; more are dropped, and attribution fills them with silence."""


class EngineSession:
    """Everything known about one participant.

    Speakers have numbers: faces from 1 up, voices that belong to no face from -1 down. `see` runs on the seeing thread,
    everything else on the hearing thread; what they share is replaced whole, never changed in place.

    Args:
        models: The face networks, shared by all sessions.
        networks: What attribution listens with, shared too.
        max_faces: Most faces followed at once.
        background: Where attribution is done; None does it in place.
        known: What a first pass over a recording found; then nothing is looked for again.
    """

    def __init__(
        self,
        models: FaceModels,
        networks: Networks,
        max_faces: int,
        background: Executor | None,
        known: Known | None = None,
    ) -> None:
        self._tracker = FaceTracker(models, max_faces)
        self._tracker_time = 0.0
        self._last_seen_t: float | None = None
        self._known = known
        self._detector = SpeakingDetector(LIVE if known is None else SETTLED)
        self._offsets = OffsetEstimator()
        self._attributor: Attributor | SettledAttributor = (
            Attributor(networks) if known is None else SettledAttributor(known.settled)
        )
        self._background, self._waiting = background, deque[Future[bool]]()
        self._voices = VoiceStates()
        self._lips: dict[int, Lips] = {}
        self._faces: dict[int, tuple[float, Face]] = {}
        self._speaking: dict[int, float] = {}
        self._heard: list[tuple[F32, F32]] = []
        self.rows: dict[int, int] = {}
        self.cued: dict[int, bool] = {}
        self.solo = Solo()
        self.blocks = 0
        self.dropped = 0

    def see(self, t: float, rgb: U8) -> list[FaceState]:
        """Find and follow the faces of one picture taken at `t` seconds."""
        if self._known is not None:
            return self.seen(t, self._known.faces.get(t, []), t in self._known.cuts)
        gap = t - self._last_seen_t if self._last_seen_t is not None else 0.0
        self._last_seen_t = t
        self._tracker_time += min(max(gap, 0.0), LONGEST_FRAME)
        found = self._tracker.step(rgb, self._tracker_time)
        return self.seen(t, found, self._tracker.cut)

    def seen(self, t: float, found: list[Face], cut: bool = False) -> list[FaceState]:
        """Take in the faces of one picture taken at `t` seconds, which begins a new shot if `cut`."""
        known = self._attributor.latest.prints
        unknown, ids = 0.0 if cut else UNKNOWN_MEMORY, {face.id for face in found}
        faces = {
            id: (seen, face)
            for id, (seen, face) in self._faces.items()
            if t - seen < (FACE_MEMORY if id in known else unknown) or id in ids
        }
        lips = {id: lips for id, lips in self._lips.items() if id in faces}
        for face in found:
            faces[face.id] = (t, face)
            lips.setdefault(face.id, Lips()).add(t, face.lips, face.lips_visible)
        self._faces, self._lips = faces, lips
        self._attributor.see(t, [(face.id, face.lips) for face in found if face.lips_visible])
        return [self._state(face) for face in found]

    def memory(self) -> bytes:
        """Return who the faces are and how they sound; for our own processes only, since it is a pickle."""
        return pickle.dumps((self._tracker.remember(), dict(self._attributor.latest.prints)))

    def recall(self, memory: bytes) -> None:
        """Know again what `memory` knew; call it before the first picture."""
        faces, prints = pickle.loads(memory)
        self._tracker.recall(faces)
        self._attributor.recall(prints)

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
        print = self._attributor.latest.prints.get(id)
        return SpeakerState(
            id=id,
            speaking=self._speaking.get(id, 0.0),
            voice="known" if print is not None else self._voices.of(id),
            voice_confidence=0.0 if print is None else print.confidence,
        )

    def present(self) -> list[int]:
        """Return the speakers that want a row in the separator, faces in view first."""
        known = self._attributor.latest
        heard = [id for id in known.prints if id not in self._faces and id in known.lately]
        return (sorted(self._faces) + sorted(heard))[:MOST_ROWS]

    def lips_at(self, id: int, t: float) -> tuple[F32, bool]:
        """Return lips to give the separator with the sound at `t`, shifted by what this face's lips lead it.

        Once its voice is known a face is told by that alone, unless its lips were tried and found to help: on people it
        was not trained on the separator is misled by lips more often than helped.
        """
        lips = self._lips.get(id)
        helps = self._alike(id) if self._known is None else id in self._known.lips
        if lips is None or (id in self._attributor.latest.prints and not helps):
            return np.zeros(4, np.float32), False
        lead = self._offsets.lead(id)
        return lips.at(t - TRAINED_LAG - (0.0 if lead is None else lead - USUAL_LEAD))

    def _alike(self, id: int) -> bool:
        """Whether another voice that is there sounds much like this one, so that prints hardly tell them apart."""
        prints = self._attributor.latest.prints
        own = prints[id].print if id in prints else None
        others = [prints[other].print for other in self.rows if other != id and other in prints]
        return own is not None and any(float(own @ other) > ALIKE * LENGTH**2 for other in others)

    def voice_of(self, id: int) -> F32:
        """Return the voice print of a speaker (256,), zeros while unknown."""
        print = self._attributor.latest.prints.get(id)
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
        known = self._attributor.latest
        # In a call attribution is half a second late: by then somebody else may have begun.
        if self._known is None or abs(t - known.t) > STALE:
            return None
        id = max(known.speakers, key=lambda other: known.speakers[other], default=None)
        if id is None or known.speech < SPEECH or known.overlap > NO_OVERLAP or known.speakers[id] < ALONE:
            return None
        return id if id in known.prints else None

    def heard(self, t: float, mix: F32, voices: F32) -> None:
        """Learn from one block: `mix` (320,), `voices` (speakers, 320) in the order of `rows`, both at `t`."""
        self._heard.append((mix, voices))
        if len(self._heard) < 2:
            return
        mixes, parts = zip(*self._heard, strict=True)
        self._heard = []
        mix40, voices40 = np.concatenate(mixes), self._align(parts)
        lips = self._lips
        known = self._attributor.latest
        # In a recording the pictures are ahead of the sound: lips are judged by what is around the moment.
        ahead = 2 * BLOCK_SECONDS if self._known is None else LOOKED / 2
        spans = {id: lips[id].between(t + ahead - LOOKED, t + ahead) for id in self.rows if id in lips}
        judged = {id: spans.get(id) for id in self.rows}
        self._speaking = self._detector.update(known, judged, _decibels(mix40))
        levels = {id: _decibels(voices40[i]) for i, id in enumerate(self.rows) if i < len(voices40)}
        self._offsets.update(t, {id: lips[id].at(t) for id in self.rows if id in lips}, levels)
        self._attribute(t, mix40)
        confidences = {id: print.confidence for id, print in known.prints.items()}
        self._voices.follow(t, confidences, {id: known.speakers.get(id, 0.0) > 0.5 for id in self.rows})

    def _align(self, parts: tuple[F32, ...]) -> F32:
        """Join two blocks' voices; a speaker that came between them is silent in the first."""
        first, second = parts
        count = len(second)
        padded = np.zeros((count, BLOCK), np.float32)
        padded[: min(len(first), count)] = first[:count]
        return np.concatenate([padded, second], axis=1)

    def _attribute(self, t: float, mix: F32) -> None:
        if self._background is None:
            self._attributor.hear(t, mix)
            return
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft().result()
        if len(self._waiting) < WAITING:
            self._waiting.append(self._background.submit(self._attributor.hear, t, mix))
        else:
            self.dropped += 1


def _decibels(x: F32) -> float:
    """Return the level of `x` in dB relative to full scale, at least -100."""
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-10))


BLOCK_SECONDS = BLOCK / SAMPLE_RATE
