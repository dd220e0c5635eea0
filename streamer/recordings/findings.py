"""The observer on a recording: fed in step with the engine, its findings as events, transcripts and annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from models.common.arrays import F32, U8
from models.vision.image_runtime import fit
from streamer.engine.types import speaker_name
from streamer.observer.types import Caption, Description, Localization, Observation, Sounds
from streamer.recordings.annotations import Annotations
from streamer.transcripts.sound_lines import LASTS, SoundLines
from streamer.transcripts.transcript import Transcript

SESSION = "recording"

STEP_EVERY = 5
"""Blocks of 20 ms between two looks for what is due."""


class ObserverLike(Protocol):
    """The part of `streamer.observer.observer.Observer` that is used here."""

    def open(self, sid: str) -> None:
        """Begin a session."""

    def see(self, sid: str, t: float, rgb: U8, aspect: float = 1.0) -> None:
        """Take in a picture."""

    def hear(self, sid: str, t: float, mix: F32, voices: dict[int, F32] | None = None) -> object:
        """Take in sound."""

    def step(self) -> list[tuple[str, Observation]]:
        """Compute what is due."""


class CaptionsLike(Protocol):
    """The part of `streamer.observer.live_captions.LiveCaptions` that is used here."""

    def open(self, sid: str) -> None:
        """Begin a session."""

    def close(self, sid: str) -> list[Caption]:
        """End a session."""

    def hear(self, sid: str, t: float, mix: F32, voices: dict[int, F32], speaking: dict[int, float]) -> None:
        """Take in sound."""

    def step(self, partials: bool = True) -> list[tuple[str, Caption]]:
        """Read what was heard."""


class Findings:
    """Observer and captions on one recording.

    Args:
        observer: Looks and listens.
        captions: Writes captions; None for none.
        event: Gets time, type and fields of every event.
    """

    def __init__(self, observer: ObserverLike, captions: CaptionsLike | None, event: Callable[..., None]) -> None:
        self._observer, self._captions, self._event = observer, captions, event
        self._transcript = Transcript(begin=0.0, most=None)
        self._sounds = SoundLines()
        self._blocks = 0
        self.annotations = Annotations()
        observer.open(SESSION)
        if captions is not None:
            captions.open(SESSION)

    def picture(self, t: float, rgb: U8) -> None:
        """Take in a picture (H, W, 3)."""
        height, width = rgb.shape[:2]
        self._observer.see(SESSION, t, fit(rgb), width / height)
        if not self._blocks:
            # Nothing is heard, so nobody else asks for what is due.
            self._step()

    def block(self, t: float, mix: F32, voices: dict[int, F32], speaking: dict[int, float]) -> None:
        """Take in 20 ms of sound: mixture (320,) from `t` seconds on, voices (320,), and how surely each is talking."""
        self._observer.hear(SESSION, t, mix, voices)
        if self._captions is not None:
            self._captions.hear(SESSION, t, mix, voices, speaking)
        self._blocks += 1
        if self._blocks % STEP_EVERY == 0:
            self._step()

    def finish(self, folder: Path) -> None:
        """Write the transcripts, if there was anything to be heard."""
        if self._captions is None or not self._blocks:
            return
        for caption in self._captions.close(SESSION):
            self._said(caption)
        for name, text in (
            ("transcript.vtt", self._transcript.vtt()),
            ("transcript.srt", self._transcript.srt()),
            ("transcript.txt", self._transcript.text()),
        ):
            (folder / name).write_text(text, encoding="utf-8")

    def _step(self) -> None:
        for _, observation in self._observer.step():
            self._observed(observation)
        if self._captions is not None:
            for _, caption in self._captions.step():
                self._said(caption)

    def _observed(self, observation: Observation) -> None:
        if isinstance(observation, Localization):
            self.annotations = replace(self.annotations, place=observation)
            self._event(
                observation.t,
                "localization",
                peak=_rounded(observation.peak),
                box=_rounded(observation.box),
                score=round(observation.score, 3),
            )
        elif isinstance(observation, Sounds):
            self.annotations = replace(self.annotations, tags=tuple(name for name, _ in observation.tags))
            if (line := self._sounds.step(observation.t, observation.tags)) is not None:
                self._transcript.add("", observation.t, observation.t + LASTS, line)
            self._event(observation.t, "sound", tags=[[name, round(p, 3)] for name, p in observation.tags])
        elif isinstance(observation, Description):
            if observation.text != self.annotations.description:
                self.annotations = replace(self.annotations, description=observation.text)
                self._event(observation.t, "scene", text=observation.text)

    def _said(self, caption: Caption) -> None:
        captions = {face: said for face, said in self.annotations.captions.items() if face != caption.face}
        if caption.text:
            captions[caption.face] = caption
        self.annotations = replace(self.annotations, captions=captions)
        self._event(
            caption.start,
            "caption",
            face=caption.face,
            text=caption.text,
            start=round(caption.start, 3),
            end=round(caption.end, 3),
            final=caption.final,
        )
        if caption.final and caption.text:
            speaker = "" if caption.face is None else speaker_name(caption.face)
            self._transcript.add(speaker, caption.start, caption.end, caption.text)


def _rounded(numbers: tuple[float, ...] | None) -> list[float] | None:
    return None if numbers is None else [round(float(number), 4) for number in numbers]
