"""The observer on a recording: fed in step with the engine, its findings as events and annotations."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from models.active_speaker.alone import Stretch
from models.common.arrays import F32, U8
from streamer.observer.types import Caption, Description, Localization, Observation, Sounds
from streamer.recordings.annotations import Annotations
from streamer.transcripts.subtitle_text import one_line
from streamer.transcripts.words import WordTimes

SESSION = "recording"

STEP_EVERY = 5
"""Blocks of 20 ms between two looks for what is due."""

READ_EVERY = 40
"""Blocks between two readings of sentences that are not over: nobody waits for them, they only tell when words are said
(half of 97 words begin within 0.109 s of where pocketsphinx puts them, and within 0.106 s with twice as many)."""


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

    def hear(
        self,
        sid: str,
        t: float,
        mix: F32,
        voices: dict[int, F32],
        speaking: dict[int, float],
        alone: Sequence[Stretch] = (),
    ) -> None:
        """Take in sound."""

    def step(self, partials: bool = True) -> list[tuple[str, Caption]]:
        """Read what was heard."""


class Findings:
    """Observer and captions on one recording.

    Args:
        observer: Looks and listens.
        captions: Writes captions; None for none.
        event: Gets time, type and fields of every event.
        notes: Returns what is to be told of the captions at the end.
    """

    def __init__(
        self,
        observer: ObserverLike,
        captions: CaptionsLike | None,
        event: Callable[..., None],
        notes: Callable[[], list[str]] = list,
    ) -> None:
        self._observer, self._captions, self._event, self.notes = observer, captions, event, notes
        self._words = WordTimes()
        self._blocks = 0
        self.annotations = Annotations()
        observer.open(SESSION)
        if captions is not None:
            captions.open(SESSION)

    def picture(self, t: float, small: U8, aspect: float) -> None:
        """Take in a picture squashed to 224 x 224; `aspect` is its true width over height."""
        self._observer.see(SESSION, t, small, aspect)
        if not self._blocks:
            # Nothing is heard, so nobody else asks for what is due.
            self._step()

    def block(
        self,
        t: float,
        mix: F32,
        voices: dict[int, F32],
        speaking: dict[int, float],
        alone: Sequence[Stretch] = (),
    ) -> None:
        """Take in 20 ms of sound: mixture (320,) from `t` seconds on, voices (320,), and how surely each is talking.

        `alone` says who spoke alone around it, as far as is known by now.
        """
        self._observer.hear(SESSION, t, mix, voices)
        if self._captions is not None:
            self._captions.hear(SESSION, t, mix, voices, speaking, alone)
        self._blocks += 1
        if self._blocks % STEP_EVERY == 0:
            self._step()

    def finish(self) -> None:
        """End the captions, if there was anything to be heard."""
        if self._captions is not None and self._blocks:
            for caption in self._captions.close(SESSION):
                self._said(caption)

    def _step(self) -> None:
        for _, observation in self._observer.step():
            self._observed(observation)
        if self._captions is not None:
            for _, caption in self._captions.step(partials=self._blocks % READ_EVERY == 0):
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
                heat=b64encode(observation.heat).decode(),
            )
        elif isinstance(observation, Sounds):
            self.annotations = replace(self.annotations, tags=tuple(name for name, _ in observation.tags))
            self._event(observation.t, "sound", tags=[[name, round(p, 3)] for name, p in observation.tags])
        elif isinstance(observation, Description):
            if observation.text != self.annotations.description:
                self.annotations = replace(self.annotations, description=observation.text)
                self._event(observation.t, "scene", text=observation.text)

    def _said(self, caption: Caption) -> None:
        text, words = one_line(caption.text), []
        if caption.final:
            words = self._words.finish(caption.id, text, caption.start, caption.end)
        else:
            self._words.reading(caption.id, text, caption.end)
        self._event(
            caption.start,
            "caption",
            face=caption.face,
            text=text,
            start=round(caption.start, 3),
            end=round(caption.end, 3),
            final=caption.final,
            words=[[word.text, round(word.start, 3), round(word.end, 3)] for word in words],
        )


def _rounded(numbers: tuple[float, ...] | None) -> list[float] | None:
    return None if numbers is None else [round(float(number), 4) for number in numbers]
