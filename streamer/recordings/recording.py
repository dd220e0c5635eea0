"""One recording on its way through the engine: pictures and sound in step, files and events out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from math import inf
from pathlib import Path

import numpy as np

from models.active_speaker.joined import now
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face
from models.voiceprint.state import Change
from streamer.engine.survey import Known
from streamer.engine.tuning import Tuning
from streamer.engine.types import BLOCK, FaceState, Voices, speaker_name
from streamer.media.file_name import as_text
from streamer.media.info import MediaInfo
from streamer.media.pictures import Shot, shots
from streamer.media.sound import sound
from streamer.media.source import Losses
from streamer.recordings.annotations import Annotations
from streamer.recordings.beside import Beside
from streamer.recordings.event_files import EventFiles
from streamer.recordings.exports.turns import Turns
from streamer.recordings.exports.write import OVERLAY
from streamer.recordings.findings import Findings
from streamer.recordings.fingerprint import fingerprint
from streamer.recordings.lacks import lacks
from streamer.recordings.out_folder import MADE_BY
from streamer.recordings.overlay_video import OverlayWriter
from streamer.recordings.read_ahead import ReadAhead
from streamer.recordings.seen import SeenFaces
from streamer.recordings.separating import EngineLike
from streamer.recordings.steps import AHEAD, BLOCK_SECONDS, Look, blocks, found, looks, with_last
from streamer.recordings.summary import Summary
from streamer.recordings.voice_files import VoiceFiles

SESSION = "recording"

LOOK_AHEAD, FAR_AHEAD = 0.08, 0.25
"""Seconds that pictures are ahead of the sound: lips move before they are heard; and where a first pass knows all."""


SETTLED = 0.005
"""Seconds by which voices have to be past a picture before it is drawn with what they tell."""


class Recording:
    """One recording going through the engine, on several threads, each a little ahead of the next.

    One decodes, one looks for faces, this one separates voices, one looks and listens beside, one draws and encodes.
    Each takes everything in order of its time, so that a result does not depend on which of them is fast.

    Args:
        path: The recording.
        info: Of it.
        folder: For the files.
        engine: None if there is no video, and so nothing to look for.
        observe: Makes what looks and listens beside, given where its events go; None for nothing of the kind.
        known: What a first pass found, None if there was none.
        overlay: Opens what draws on the pictures; None for no overlay.
        tuning: What came of tuning the engine to these voices, None if that was not asked for.
    """

    def __init__(
        self,
        path: Path,
        info: MediaInfo,
        folder: Path,
        engine: EngineLike | None,
        observe: Callable[[Callable[..., None]], Findings] | None = None,
        known: Known | None = None,
        overlay: Callable[[Path, MediaInfo], OverlayWriter] | None = OverlayWriter,
        tuning: Tuning | None = None,
    ) -> None:
        self._path, self._info, self._folder, self._engine = path, info, folder, engine
        self._events = EventFiles(folder)
        self._event = self._events.event
        self._findings = None if observe is None else observe(self._events.beside)
        self._beside = Beside("findings")
        self._overlay = overlay(folder / OVERLAY, info) if overlay is not None and info.video is not None else None
        self._turns = Turns()
        self._lost_pictures = Losses()
        if engine is not None:
            engine.open(SESSION, known=known)
        pictures = looks(
            shots(path, info, self._lost_pictures), engine is not None or observe is not None, observe is not None
        )
        self._decoded = ReadAhead(pictures, AHEAD)
        self._looks = ReadAhead(found(self._decoded, self._find), AHEAD)
        self._sound = ReadAhead(blocks(sound(path, info, SAMPLE_RATE)), 16)
        self._next_look: Look | None = None
        self._original = sound(path, info) if info.video is not None else iter(())
        self._next_piece = next(self._original, None)
        self._known, self._tuning = known, tuning
        self._in_view: list[FaceState] = []
        self._waiting: deque[_Seen] = deque()
        self._views: deque[tuple[set[int], float]] = deque()
        """Who is in view, and until when was looked, for each block that was given to the engine and is not back."""
        self._until = 0.0
        self._unobserved: deque[tuple[float, U8, float]] = deque()
        self._appeared: dict[int, float] = {}
        self._seen_faces = SeenFaces(info.width)
        self._heard: dict[int, FaceState] = {}
        self._without_face: set[int] = set()
        self._joined: list[tuple[int, int]] = []
        self._end = 0.0
        self._blocks = 0

    def run(self, tell: Callable[[float], None]) -> Summary:
        """Go through the whole recording; `tell` hears how far it is, in seconds."""
        summary = Summary(self._folder, tuning=self._tuning)
        began = time.monotonic()
        source = {"file": as_text(Path(self._path.name)), "fingerprint": fingerprint(self._path)}
        try:
            self._event(0.0, "start", made_by=MADE_BY, **source, **self._info.facts())
            if self._tuning is not None:
                self._event(0.0, "tuning", **asdict(self._tuning))
            self._next_look = next(self._looks, None)
            if self._info.audio is not None:
                self._listen(tell)
            self._look(inf, tell)
            self._feed_original(inf)
            self._release(inf)
            if self._findings is not None:
                self._beside.do(self._findings.finish)
            self._beside.close()
            if self._overlay is not None:
                self._overlay.close()
        except BaseException:
            self._beside.abandon()
            if self._overlay is not None:
                self._overlay.abandon()
            self._events.abandon()
            raise
        finally:
            for ahead in (self._looks, self._decoded, self._sound):
                ahead.close()
            if self._engine is not None:
                self._engine.close(SESSION)
        there = {now(self._joined, id) for id in [*self._appeared, *(-voice for voice in self._without_face)]}
        summary.faces = sorted(id for id in there if id > 0)
        summary.voices = sorted(-id for id in there if id < 0)
        summary.notes = self._notes()
        summary.duration, summary.took = self._end, time.monotonic() - began
        for note in summary.notes:
            self._event(self._end, "note", text=note)
        for turn in self._turns.finish(partial(now, self._joined)):
            self._event(turn.start, "turn", id=turn.id, end=round(turn.end, 3))
        self._event(self._end, "end", faces=summary.faces, voices=summary.voices, notes=summary.notes)
        self._events.finish(self._joined)
        return summary

    def _notes(self) -> list[str]:
        """Return what is to be told at the end: what the recording lacks, what was mended, and what was lost."""
        notes = [*lacks(self._info, bool(self._appeared), bool(self._without_face)), *self._info.notes]
        for gone, stays in self._joined if self._overlay is not None else ():
            then, later = speaker_name(gone), speaker_name(stays)
            notes.append(f"{then} turned out to be {later}: the overlay, which is drawn as it goes, says {then} before")
        if lost := self._lost_pictures.packets:
            notes.append(f"damaged pictures: {lost} ({self._lost_pictures.seconds:.1f} s) cannot be read")
        if self._findings is not None:
            notes += self._findings.notes()
        return notes + (self._seen_faces.notes() if self._info.audio is not None else [])

    def _listen(self, tell: Callable[[float], None]) -> None:
        """Go through the sound block by block, with the pictures as they come due."""
        files = VoiceFiles(self._folder)
        length, t, begin = 0, 0.0, 0.0
        for (t, block, size), last in with_last(self._sound):
            if length == 0:
                begin = t
                self._event(t, "audio", seconds_before=t)
            length += size
            self._look(t + BLOCK_SECONDS + (LOOK_AHEAD if self._known is None else FAR_AHEAD), tell)
            self._feed_original(t)
            self._hear(files, begin, t, block, last)
            self._end = max(self._end, begin + length / SAMPLE_RATE)
            tell(t)
        while files.done < length:
            # The separator still holds the last samples.
            t += BLOCK_SECONDS
            self._hear(files, begin, t, np.zeros(BLOCK, np.float32), True)
        self._look(inf, tell)
        files.finish(length, self._appeared, self._joined)

    def _hear(self, files: VoiceFiles, begin: float, t: float, block: F32, last: bool) -> None:
        """Send a block of sound at `t` through the engine; `begin` is the time of the first sample."""
        files.heard(block)
        # Faint sound is amplified for who listens, and what they make of it is as faint again in the files.
        boost = np.float32(self._info.boost)
        if self._engine is None:
            files.separated(files.done, {})
            if self._findings is not None:
                self._observe(inf)
                self._beside.do(partial(self._findings.block, t, block * boost, {}, {}))
            self._release(t - BLOCK_SECONDS)
            return
        self._views.append(({face.id for face in self._in_view}, self._until))
        for voices in self._engine.separate(SESSION, t, block * boost, last):
            self._separated(files, begin, voices)
            self._release(voices.t - SETTLED)

    def _separated(self, files: VoiceFiles, begin: float, voices: Voices) -> None:
        """Take in the voices of a block."""
        t, boost = voices.t, np.float32(self._info.boost)
        self._heard = {state.id: state for state in voices.faces}
        for id in self._heard:
            files.begin(id, round((self._appeared.get(id, t) - begin) * SAMPLE_RATE))
        for other in voices.others:
            files.begin(other.id, round((t - begin) * SAMPLE_RATE))
            self._without_face.add(-other.id)
        speaking = {face.id: face.speaking for face in voices.faces} | {
            other.id: other.speaking for other in voices.others
        }
        in_view, until = self._views.popleft()
        self._tell_unseen(voices.t, speaking, in_view)
        self._observe(until)
        self._turns.step(voices.t, BLOCK_SECONDS, speaking)
        for change in self._voice_changes():
            sure = round(change.confidence, 3)
            self._event(change.t, "voice", id=change.id, state=change.state, why=change.why, confidence=sure)
        position = round((voices.t - begin) * SAMPLE_RATE)
        separated = dict(zip(voices.ids, voices.pcm, strict=True))
        if position + BLOCK > 0:
            files.separated(position, {id: pcm / boost for id, pcm in separated.items()})
        if self._findings is not None:
            mix = voices.rest + voices.pcm.sum(axis=0)
            self._beside.do(partial(self._findings.block, voices.t, mix, separated, speaking, voices.alone))

    def _voice_changes(self) -> list[Change]:
        return [] if self._engine is None else self._engine.voice_changes(SESSION)

    def _tell_unseen(self, t: float, speaking: dict[int, float], in_view: set[int]) -> None:
        """Tell how far those speak who are not in the picture, every 40 ms; of the others the pictures tell."""
        self._blocks += 1
        if self._blocks % 2 or t < 0:
            return
        for id, probability in speaking.items():
            if id not in in_view:
                self._event(t, "heard", id=id, speaking=round(float(probability), 3))

    def _look(self, until: float, tell: Callable[[float], None]) -> None:
        """Look for faces in the pictures up to a time."""
        self._until = until
        while self._next_look is not None and self._next_look.shot.t <= until:
            look, self._next_look = self._next_look, next(self._looks, None)
            shot = look.shot
            self._end = max(self._end, shot.t)
            if look.looked and self._engine is not None:
                self._in_view = self._engine.seen(SESSION, shot.t, look.found, look.cut)
                self._seen_faces.add(self._in_view)
                for face in self._in_view:
                    self._appeared.setdefault(face.id, shot.t)
            if look.small is not None:
                width, height = shot.size
                self._unobserved.append((shot.t, look.small, width / height))
            self._waiting.append(_Seen(shot, self._in_view, look.looked))
            if until == inf:
                # No more sound to wait for.
                self._observe(inf)
                self._release(inf)
                tell(shot.t)
        if until == inf and self._engine is not None:
            self._joined = self._engine.joined(SESSION)

    def _observe(self, until: float) -> None:
        """Give the pictures up to a time to what looks beside, as far ahead of the sound as the engine has them."""
        while self._findings is not None and self._unobserved and self._unobserved[0][0] <= until:
            self._beside.do(partial(self._findings.picture, *self._unobserved.popleft()))

    def _release(self, until: float) -> None:
        """Draw and tell of the pictures up to a time, now that the sound around them has been heard."""
        while self._waiting and self._waiting[0].shot.t <= until:
            seen = self._waiting.popleft()
            faces = [face.with_voice_of(self._heard.get(face.id, face)) for face in seen.faces]
            if seen.looked:
                for face in faces:
                    self._event(
                        seen.shot.t,
                        "face",
                        id=face.id,
                        box=[round(float(n), 5) for n in face.box],
                        speaking=round(float(face.speaking), 3),
                        voice=face.voice,
                        voice_known=face.voice_known,
                        lips_visible=face.lips_visible,
                        score=round(float(face.score), 3),
                    )
            if self._overlay is not None:
                self._beside.do(partial(self._draw, self._overlay, seen.shot, faces))

    def _draw(self, overlay: OverlayWriter, shot: Shot, faces: list[FaceState]) -> None:
        overlay.picture(shot, faces, Annotations() if self._findings is None else self._findings.annotations)

    def _feed_original(self, until: float) -> None:
        """Give the overlay its sound up to a time."""
        while self._overlay is not None and self._next_piece is not None and self._next_piece.t <= until:
            self._beside.do(partial(self._overlay.sound, self._next_piece))
            self._next_piece = next(self._original, None)

    def _find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        return ([], False) if self._engine is None else self._engine.find(SESSION, t, rgb)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A picture on its way to the overlay; `looked` is whether faces were looked for in it."""

    shot: Shot
    faces: list[FaceState]
    looked: bool
