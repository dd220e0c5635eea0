"""One recording on its way through the engine: pictures and sound in step, files and events out."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import inf
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.voiceprint.state import Change
from streamer.engine.survey import Known
from streamer.engine.tuning import Tuning
from streamer.engine.types import BLOCK, FaceState, Voices
from streamer.media.info import MediaInfo
from streamer.media.pictures import Shot, shots
from streamer.media.sound import sound
from streamer.media.source import Losses
from streamer.recordings.annotations import Annotations
from streamer.recordings.exports.turns import Turns
from streamer.recordings.exports.write import OVERLAY
from streamer.recordings.findings import Findings
from streamer.recordings.fingerprint import fingerprint
from streamer.recordings.out_folder import MADE_BY
from streamer.recordings.overlay_video import OverlayWriter
from streamer.recordings.read_ahead import ReadAhead
from streamer.recordings.seen import SeenFaces
from streamer.recordings.steps import BLOCK_SECONDS, blocks, looks
from streamer.recordings.voice_files import VoiceFiles

SESSION = "recording"
LOOK_AHEAD, FAR_AHEAD = 0.08, 0.25
"""Seconds that pictures are ahead of the sound: lips move before they are heard; and where a first pass knows all."""


class EngineLike(Protocol):
    """The part of `streamer.engine.engine.Engine` that is used here."""

    def open(self, sid: str, memory: bytes | None = None, known: Known | None = None) -> None:
        """Begin a session."""

    def close(self, sid: str) -> None:
        """End a session."""

    def see(self, sid: str, t: float, rgb: U8) -> list[FaceState]:
        """Find faces in a picture."""

    def voice_changes(self, sid: str) -> list[Change]:
        """Tell what happened to voice prints since the last call."""

    def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
        """Separate a block of sound."""


@dataclass
class Summary:
    """What a run made.

    Attributes:
        out: The folder.
        duration: Of the recording, seconds.
        took: Seconds that the run took, without loading the models.
        learning: Seconds that the first pass took, 0 without one.
        tuning: What came of tuning the separator to these voices, None if that was not asked for; and the seconds that
            it took.
        faces: Ids of the faces, in order of appearance.
        voices: Numbers of the voices that belong to no face, from 1.
        notes: One line for everything that the recording lacks.
        files: Names of the files made.
    """

    out: Path
    duration: float = 0.0
    took: float = 0.0
    learning: float = 0.0
    tuning: Tuning | None = None
    tuning_took: float = 0.0
    faces: list[int] = field(default_factory=list)
    voices: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """How many times faster than real time."""
        return self.duration / max(self.took, 1e-9)


class Recording:
    """One recording going through the engine.

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
        self._events: IO[str] = (folder / "events.jsonl").open("w", encoding="utf-8")
        self._findings = None if observe is None else observe(self._event)
        self._overlay = overlay(folder / OVERLAY, info) if overlay is not None and info.video is not None else None
        self._turns = Turns()
        # Decoding and colour conversion keep ahead of the models on the other core.
        self._lost_pictures = Losses()
        pictures = shots(path, info, self._lost_pictures)
        self._shots = ReadAhead(looks(pictures, engine is not None or observe is not None), 4)
        self._sound = ReadAhead(blocks(sound(path, info, SAMPLE_RATE)), 16)
        self._next_shot = next(self._shots, None)
        self._original = sound(path, info) if info.video is not None else iter(())
        self._next_piece = next(self._original, None)
        self._known, self._tuning = known, tuning
        self._in_view: list[FaceState] = []
        self._waiting: deque[_Seen] = deque()
        self._appeared: dict[int, float] = {}
        self._seen_faces = SeenFaces(info.width)
        self._heard: dict[int, FaceState] = {}
        self._without_face: set[int] = set()
        self._end = 0.0
        self._blocks = 0

    def run(self, tell: Callable[[float], None]) -> Summary:
        """Go through the whole recording; `tell` hears how far it is, in seconds."""
        summary = Summary(self._folder, tuning=self._tuning)
        began = time.monotonic()
        source = {"file": self._path.name, "fingerprint": fingerprint(self._path)}
        self._event(0.0, "start", made_by=MADE_BY, **source, **self._info.facts())
        if self._tuning is not None:
            self._event(0.0, "tuning", **asdict(self._tuning))
        if self._engine is not None:
            self._engine.open(SESSION, known=self._known)
        try:
            if self._info.audio is not None:
                self._listen(tell)
            self._look(inf, tell)
            self._feed_original(inf)
            self._release(inf)
            if self._findings is not None:
                self._findings.finish()
            if self._overlay is not None:
                self._overlay.close()
        except BaseException:
            if self._overlay is not None:
                self._overlay.abandon()
            self._events.close()
            raise
        finally:
            self._shots.close()
            self._sound.close()
            if self._engine is not None:
                self._engine.close(SESSION)
        summary.faces, summary.voices = sorted(self._appeared), sorted(self._without_face)
        summary.notes = self._notes()
        summary.duration, summary.took = self._end, time.monotonic() - began
        for note in summary.notes:
            self._event(self._end, "note", text=note)
        for turn in self._turns.finish():
            self._event(turn.start, "turn", id=turn.id, end=round(turn.end, 3))
        self._event(self._end, "end", faces=summary.faces, voices=summary.voices, notes=summary.notes)
        self._events.close()
        return summary

    def _notes(self) -> list[str]:
        """Return what is to be told at the end: what the recording lacks, what was mended, and what was lost."""
        notes = [*self._lacks(), *self._info.notes]
        if lost := self._lost_pictures.packets:
            notes.append(f"damaged pictures: {lost} ({self._lost_pictures.seconds:.1f} s) cannot be read")
        if self._findings is not None:
            notes += self._findings.notes()
        return notes + (self._seen_faces.notes() if self._info.audio is not None else [])

    def _lacks(self) -> list[str]:
        if self._info.audio is None:
            lack = "the file has no sound: no voices, only overlay.mp4 and events.jsonl"
            return [lack] if self._appeared else [lack, "no face was found"]
        if self._info.microphones:
            return [f"{self._info.microphones} microphones, each of one speaker: nothing is separated"]
        if self._info.video is None:
            apart = "voices are told apart by their sound alone" if self._without_face else "all sound is in rest.wav"
            return [f"the file has no video, so no faces: {apart}"]
        return [] if self._appeared else ["no face was found: all sound is in rest.wav"]

    def _listen(self, tell: Callable[[float], None]) -> None:
        """Go through the sound block by block, with the pictures as they come due."""
        files = VoiceFiles(self._folder)
        length, t, begin = 0, 0.0, 0.0
        for t, block, size in self._sound:
            if length == 0:
                begin = t
                self._event(t, "audio", seconds_before=t)
            length += size
            self._look(t + BLOCK_SECONDS + (LOOK_AHEAD if self._known is None else FAR_AHEAD), tell)
            self._feed_original(t)
            self._hear(files, begin, t, block)
            self._release(t - BLOCK_SECONDS)
            self._end = max(self._end, begin + length / SAMPLE_RATE)
            tell(t)
        while files.done < length:
            # The separator still holds the last samples.
            t += BLOCK_SECONDS
            self._hear(files, begin, t, np.zeros(BLOCK, np.float32))
        self._look(inf, tell)
        files.finish(length, self._appeared)

    def _hear(self, files: VoiceFiles, begin: float, t: float, block: F32) -> None:
        """Send a block of sound at `t` through the engine; `begin` is the time of the first sample."""
        files.heard(block)
        # Faint sound is amplified for who listens, and what they make of it is as faint again in the files.
        boost = np.float32(self._info.boost)
        if self._engine is None:
            files.separated(files.done, {})
            if self._findings is not None:
                self._findings.block(t, block * boost, {}, {})
            return
        voices = self._engine.hear({SESSION: (t, block * boost)})[SESSION]
        self._heard = {state.id: state for state in voices.faces}
        for id in self._heard:
            files.begin(id, round((self._appeared.get(id, t) - begin) * SAMPLE_RATE))
        for other in voices.others:
            files.begin(other.id, round((t - begin) * SAMPLE_RATE))
            self._without_face.add(-other.id)
        speaking = {face.id: face.speaking for face in voices.faces} | {
            other.id: other.speaking for other in voices.others
        }
        self._tell_unseen(voices.t, speaking)
        self._turns.step(voices.t, BLOCK_SECONDS, speaking)
        for change in self._engine.voice_changes(SESSION):
            sure = round(change.confidence, 3)
            self._event(change.t, "voice", id=change.id, state=change.state, why=change.why, confidence=sure)
        position = round((voices.t - begin) * SAMPLE_RATE)
        separated = dict(zip(voices.ids, voices.pcm, strict=True))
        if position + BLOCK > 0:
            files.separated(position, {id: pcm / boost for id, pcm in separated.items()})
        if self._findings is not None:
            self._findings.block(voices.t, voices.rest + voices.pcm.sum(axis=0), separated, speaking)

    def _tell_unseen(self, t: float, speaking: dict[int, float]) -> None:
        """Tell how far those speak who are not in the picture, every 40 ms; of the others the pictures tell."""
        self._blocks += 1
        if self._blocks % 2 or t < 0:
            return
        in_view = {face.id for face in self._in_view}
        for id, probability in speaking.items():
            if id not in in_view:
                self._event(t, "heard", id=id, speaking=round(float(probability), 3))

    def _look(self, until: float, tell: Callable[[float], None]) -> None:
        """Look for faces in the pictures up to a time."""
        while self._next_shot is not None and self._next_shot[0].t <= until:
            (shot, rgb), self._next_shot = self._next_shot, next(self._shots, None)
            self._end = max(self._end, shot.t)
            if rgb is not None and self._engine is not None:
                self._in_view = self._engine.see(SESSION, shot.t, rgb)
                self._seen_faces.add(self._in_view)
                for face in self._in_view:
                    self._appeared.setdefault(face.id, shot.t)
            if rgb is not None and self._findings is not None:
                self._findings.picture(shot.t, rgb)
            self._waiting.append(_Seen(shot, self._in_view, rgb is not None))
            if until == inf:
                # No more sound to wait for.
                self._release(inf)
                tell(shot.t)

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
                annotations = Annotations() if self._findings is None else self._findings.annotations
                self._overlay.picture(seen.shot, faces, annotations)

    def _feed_original(self, until: float) -> None:
        """Give the overlay its sound up to a time."""
        while self._overlay is not None and self._next_piece is not None and self._next_piece.t <= until:
            self._overlay.sound(self._next_piece)
            self._next_piece = next(self._original, None)

    def _event(self, t: float, type: str, **more: object) -> None:
        self._events.write(json.dumps({"t": round(t, 4), "type": type, **more}) + "\n")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A picture on its way to the overlay; `looked` is whether faces were looked for in it."""

    shot: Shot
    faces: list[FaceState]
    looked: bool
