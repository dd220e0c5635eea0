"""What passes between a recogniser, the stream of one voice, and whoever shows its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from models.common.arrays import F32


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, or what is known of it so far.

    Attributes:
        id: Number of the sentence, from what the voice was opened with.
        text: As the model writes it, with capitals and punctuation. Empty in a final line: what was shown of this
            sentence was no speech, take it away.
        start: When its first word begins, in the seconds of `hear`'s `t`.
        end: When its last word so far ends.
        final: Whether it is read for good; a final line never changes. A sentence that is over but shall be read again
            is not final yet.
    """

    id: int
    text: str
    start: float
    end: float
    final: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recogniser made of a stretch of speech.

    Attributes:
        text: Words.
        confidence: Mean log-probability of its tokens, at most 0; 0 for no tokens.
        tokens: May be passed as the next `draft`; empty where the recogniser makes no use of it.
    """

    text: str
    confidence: float
    tokens: tuple[int, ...]


class Recogniser(Protocol):
    """Turns a stretch of speech into words; keeps nothing."""

    def read(self, pcm: F32, draft: tuple[int, ...] = ()) -> Reading:
        """Recognise words in pcm (N,) at 16 kHz, [-1, 1]; `draft` = tokens of this speech when it was shorter."""
        ...


class Polyglot(Recogniser, Protocol):
    """A recogniser that hears which language is spoken, and reads it."""

    def read_as(self, pcm: F32, language: Callable[[Mapping[str, float]], str]) -> Reading:
        """Recognise words like `read`, in the language that is chosen given the probability of each."""
        ...


class Finish(Protocol):
    """Decides what becomes of a sentence that is over."""

    def __call__(self, line: Line, shown: bool, sound: F32) -> Line | None:
        """Return the line to give out now, None for none; called once for each sentence.

        Args:
            line: Final, as it was read; empty where the recogniser was not sure of anything.
            shown: Whether something of this sentence has been given out.
            sound: (N,) at 16 kHz, [-1, 1], with a little of the pause around it.
        """
        ...


class Known(Protocol):
    """Tells what a sentence that is over is to be read from."""

    def __call__(self, t: float, heard: F32) -> tuple[float, F32]:
        """Return when the sound to be read begins, and the sound, (M,) at 16 kHz.

        Args:
            t: When the sentence begins as it was heard, seconds.
            heard: (N,) at 16 kHz; both end together.
        """
        ...


class SpeechStream(Protocol):
    """One voice."""

    def hear(self, t: float, pcm: F32) -> None:
        """Keep sound: pcm (N,) at 16 kHz, any N, whose first sample is of time `t` (seconds). Takes microseconds."""
        ...

    def lines(self, partials: bool = True) -> list[Line]:
        """Return new and changed lines since the last call; do the work. Without `partials` only what is final."""
        ...

    def close(self) -> list[Line]:
        """End the voice; what was being said, as a last final line."""
        ...


class Transcriber(Protocol):
    """A model that is shared by all voices. One thread at a time."""

    def open(
        self, numbers: Iterator[int] | None = None, finish: Finish | None = None, known: Known | None = None
    ) -> SpeechStream:
        """Begin a new voice.

        Args:
            numbers: Gives each of its lines its id; None counts from 0.
            finish: Gets every sentence that is over; None for what the transcriber does with them by itself.
            known: Gives what such a sentence is read from; None reads it as it was heard.
        """
        ...
