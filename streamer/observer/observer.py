"""What is heard and seen in every session: where the sound comes from, what it is, and what the picture shows.

A plain object, used in its own process and by `earshot process`. Nothing is computed before it is due, and everything
that is due at once is computed in one batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.localization.runtime import Localizer, LocalizerState, SoundMap, SoundTrack
from models.sounds.runtime import SoundTagger
from models.sounds.tags import UNKNOWN
from models.sounds.yamnet import YamNet
from models.vision.captioning_runtime import CHANGED, Captioner, SceneText, changed, gist
from models.vision.embed_runtime import JointEmbedding
from models.vision.familiar import Familiarity
from models.vision.image_runtime import GridArrays, ImageRuntime
from models.vision.meaning import QueryEmbedding
from models.vision.vqa_runtime import Answer, Answerer
from streamer.observer.spectrogram import Spectrogram
from streamer.observer.types import Columns, Description, Keyframe, Localization, Observation, Sounds

MAP_EVERY = 0.2
TAGS_EVERY = 1.0
LOOK_EVERY = 1.0
"""Seconds between looks at the picture for whether it has changed."""

DESCRIBE_EVERY = 3.0
"""Seconds after which a picture that has moved on a little is described anew; a changed one is at the next look."""

A_LITTLE = CHANGED / 2
"""Cosine distance of such a picture from the one described."""

REPEAT_EVERY = 10.0
"""Seconds after which a description that still holds is given again, so that everybody knows it does."""

KEYFRAME_EVERY = 15.0
"""Seconds after which a picture is kept for the search even if little has changed."""

THUMBNAIL = 160
"""Pixels of the longer side."""


@dataclass
class ObserverSession:
    """What is known of one participant."""

    place: LocalizerState
    sound: SoundTrack
    picture: U8 | None = None
    picture_t: float = -math.inf
    aspect: float = 1.0
    next_map: float = -math.inf
    next_tags: float = -math.inf
    next_look: float = -math.inf
    tagged: bool = False
    described_t: float = -math.inf
    described_look: F32 | None = None
    description: Description | None = None
    repeated_t: float = -math.inf
    keyframe_t: float = -math.inf
    spectrograms: dict[int | None, Spectrogram] = field(default_factory=dict)


class Observer:
    """Watches any number of sessions; not for several threads at once."""

    def __init__(self) -> None:
        self._encoder = ImageRuntime()
        sounds = YamNet()
        self._localizer = Localizer(images=self._encoder, sounds=sounds)
        self._tagger = SoundTagger(sounds=sounds)
        self._captioner = Captioner()
        self._familiarity = Familiarity()
        self._embedding = JointEmbedding()
        self._queries = QueryEmbedding.best(self._embedding)
        self._answerer = Answerer()
        self._sessions: dict[str, ObserverSession] = {}

    def open(self, sid: str) -> None:
        """Begin a session, or begin it anew."""
        self._sessions[sid] = ObserverSession(self._localizer.open(), SoundTrack(SoundTagger.WINDOW / SAMPLE_RATE))

    def close(self, sid: str) -> None:
        """End a session; does nothing when there is none."""
        self._sessions.pop(sid, None)

    def show_spectrograms(self, sid: str, faces: set[int | None]) -> None:
        """Say which spectrograms are wanted: of faces, None for the mixture."""
        if (session := self._sessions.get(sid)) is not None:
            session.spectrograms = {face: session.spectrograms.get(face) or Spectrogram(face) for face in faces}

    def see(self, sid: str, t: float, rgb: U8, aspect: float = 1.0) -> None:
        """Take in a picture; every one counts for what moves with the sound.

        Args:
            sid: The session; unknown ones are ignored.
            t: When it was taken, seconds.
            rgb: Shape (224, 224, 3), as `models.vision.image_runtime.fit` makes it.
            aspect: Width over height of the picture before it was squashed.
        """
        if (session := self._sessions.get(sid)) is not None:
            session.picture, session.picture_t, session.aspect = rgb, t, aspect
            self._localizer.see(session.place, t, rgb)

    def hear(self, sid: str, t: float, mix: F32, voices: dict[int, F32] | None = None) -> list[Columns]:
        """Take in sound.

        Args:
            sid: The session; unknown ones are ignored.
            t: Time of the first sample, seconds.
            mix: Shape (N,), 16 kHz.
            voices: Separated voices of the same stretch, each shape (N,).

        Returns:
            Columns of the spectrograms that are shown.
        """
        session = self._sessions.get(sid)
        if session is None:
            return []
        session.sound.hear(t, mix)
        self._localizer.hear(session.place, t, mix)
        heard = []
        for face, spectrogram in session.spectrograms.items():
            pcm = mix if face is None else (voices or {}).get(face, np.zeros_like(mix))
            if (columns := spectrogram.hear(t, pcm)) is not None:
                heard.append(columns)
        return heard

    def step(self) -> list[tuple[str, Observation]]:
        """Compute everything that is due.

        Returns:
            Observations with the session each belongs to.
        """
        due = {sid: session for sid, session in self._sessions.items() if session.picture is not None}
        to_map = [sid for sid, one in due.items() if one.sound.end is not None and one.picture_t >= one.next_map]
        # Where both are due they see the same picture, at which the encoder looks once; so a look waits for a map.
        to_look = [
            sid
            for sid, one in due.items()
            if one.picture_t >= one.next_look
            and (sid in to_map or one.sound.end is None or one.picture_t >= one.next_look + MAP_EVERY)
        ]
        sids = list(dict.fromkeys(to_map + to_look))
        pictures = [picture for sid in sids if (picture := due[sid].picture) is not None]
        grids = self._encoder.encode(np.stack(pictures)) if pictures else None
        mapped, looked = [], []
        if grids is not None:
            mapped = self._locate({sid: due[sid] for sid in to_map}, _some(grids, [sids.index(sid) for sid in to_map]))
            looked = self._look({sid: due[sid] for sid in to_look}, _some(grids, [sids.index(sid) for sid in to_look]))
        return [*mapped, *self._tag(), *looked]

    def ask(self, sid: str, question: str) -> Answer | None:
        """Answer a question about the newest picture of a session; None where there is none."""
        session = self._sessions.get(sid)
        if session is None or session.picture is None:
            return None
        return self._answerer.answer(self._encoder.encode(session.picture[None]), [question])[0]

    def line(self, text: str) -> F32:
        """Return the vector (D,) of what somebody said."""
        vector: F32 = self._queries.lines([text])[0]
        return vector

    def query(self, text: str) -> F32:
        """Return the vectors (2, D) of what is searched for: to be compared with keyframes, and with lines."""
        return np.concatenate([self._queries.pictures([text]), self._queries.asked([text])])

    def _locate(self, due: dict[str, ObserverSession], grids: GridArrays) -> list[tuple[str, Observation]]:
        if not due:
            return []
        maps = self._localizer.locate([session.place for session in due.values()], grids)
        results: list[tuple[str, Observation]] = []
        for (sid, session), found in zip(due.items(), maps, strict=True):
            session.next_map = following(session.next_map, session.picture_t, MAP_EVERY)
            results.append((sid, localization(found)))
        return results

    def _tag(self) -> list[tuple[str, Observation]]:
        due = {
            sid: session
            for sid, session in self._sessions.items()
            if session.sound.end is not None and session.sound.end >= session.next_tags
        }
        if not due:
            return []
        ends = [session.sound.end or 0.0 for session in due.values()]
        windows = [
            session.sound.window(end, SoundTagger.WINDOW) for end, session in zip(ends, due.values(), strict=True)
        ]
        # A call is full of sounds without a name.
        found = [[tag for tag in row if tag[0] != UNKNOWN] for row in self._tagger.tags(np.stack(windows))]
        results: list[tuple[str, Observation]] = []
        for (sid, session), end, tags in zip(due.items(), ends, found, strict=True):
            session.next_tags = following(session.next_tags, end, TAGS_EVERY)
            if tags or session.tagged:
                results.append((sid, Sounds(end, [(name, float(p)) for name, p in tags])))
            session.tagged = bool(tags)
        return results

    def _look(self, due: dict[str, ObserverSession], grids: GridArrays) -> list[tuple[str, Observation]]:
        if not due:
            return []
        looks = gist(grids)
        to_describe, to_keep, described = [], [], []
        for i, session in enumerate(due.values()):
            session.next_look = following(session.next_look, session.picture_t, LOOK_EVERY)
            before = session.described_look
            new = before is None or changed(before, looks[i])
            slow = before is not None and changed(before, looks[i], A_LITTLE)
            if new or (slow and session.picture_t >= session.described_t + DESCRIBE_EVERY):
                to_describe.append(i)
                session.described_look = looks[i]
            elif session.picture_t >= session.repeated_t + REPEAT_EVERY and session.description is not None:
                session.repeated_t = session.picture_t
                described.append((i, session.description))
            if new or session.picture_t >= session.keyframe_t + KEYFRAME_EVERY:
                to_keep.append(i)
        sids, sessions = list(due), list(due.values())
        results: list[tuple[str, Observation]] = []
        for i, text in zip(to_describe, self._describe(grids, looks, to_describe), strict=True):
            session = sessions[i]
            session.described_t = session.repeated_t = session.picture_t
            session.description = describe(session.picture_t, text)
            described.append((i, session.description))
        results += [(sids[i], description) for i, description in described]
        for i, vector in zip(to_keep, self._vectors(grids, to_keep), strict=True):
            session = sessions[i]
            assert session.picture is not None
            session.keyframe_t = session.picture_t
            small = thumbnail(session.picture, session.aspect)
            results.append((sids[i], Keyframe(session.picture_t, vector.astype(np.float32).tobytes(), small)))
        return results

    def _describe(self, grids: GridArrays, looks: F32, which: list[int]) -> list[SceneText | None]:
        """Write a sentence for each that is chosen; None for what the captioner never saw the like of."""
        if not which:
            return []
        known = [i for i, knows in zip(which, self._familiarity.knows(looks[which]), strict=True) if knows]
        written = dict(zip(known, self._captioner.caption(_some(grids, known)), strict=True))
        return [written.get(i) for i in which]

    def _vectors(self, grids: GridArrays, which: list[int]) -> F32:
        return self._embedding.image(_some(grids, which)) if which else np.zeros((0, 1), np.float32)


def following(due: float, now: float, every: float) -> float:
    """When something is due again that was due at `due` and was done at `now`: in step, unless a turn was missed."""
    return due + every if due + every > now else now + every


def _some(grids: GridArrays, which: list[int]) -> GridArrays:
    return GridArrays(grids.middle[which], grids.top[which])


def heat_bytes(heat: F32) -> bytes:
    """Return a heat map from 0 to 1 as bytes, row by row."""
    levels: U8 = np.clip(np.rint(heat * 255), 0, 255).astype(np.uint8)
    return levels.tobytes()


def localization(found: SoundMap) -> Localization:
    """Write a sound map as an observation."""
    return Localization(found.t, float(found.score), found.peak, found.box, heat_bytes(found.heat))


def describe(t: float, text: SceneText | None) -> Description:
    """Write a network's description as an observation; each word's heat is relative to its hottest place."""
    if text is None:
        return Description(t, "", [])
    peaks = text.attention.max(axis=(1, 2), keepdims=True)
    heats = text.attention / np.maximum(peaks, 1e-9)
    return Description(t, text.text, [(word, heat_bytes(heat)) for word, heat in zip(text.words, heats, strict=True)])


def thumbnail(rgb: U8, aspect: float) -> bytes:
    """Return a small JPEG of a squashed picture, in its true shape."""
    width = THUMBNAIL if aspect >= 1 else max(1, round(THUMBNAIL * aspect))
    height = THUMBNAIL if aspect < 1 else max(1, round(THUMBNAIL / aspect))
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 70])
    data = bytes(jpeg)
    return data
