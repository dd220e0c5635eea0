"""One voice on its way to captions: sound is kept, cut into sentences, and read again and again while it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.doubt import Doubt
from models.speech.endpointing import Sentences, Span
from models.speech.types import Finish, Known, Line, Reading, Recogniser
from models.speech.vad import WINDOW, Listening

PARTIAL_EVERY = 0.4
"""Least seconds of new sound between two readings of a sentence that is being said."""

HOLE = 0.06
"""Seconds by which `t` may jump; more is missing sound."""

FOLLOWS = 0.05
"""Share of a smaller difference that the clock makes up at each `hear`: two clocks never run quite alike."""

MOST = 30 * SAMPLE_RATE
"""Samples that may wait for `lines`; with more than that, what waits is lost."""


class Detector(Protocol):
    """Tells speech from other sound, see `models.speech.vad.VoiceActivity`."""

    def step(self, state: Listening, pcm: F32) -> Sequence[float]:
        """Return the probability of speech in every window of 512 samples that is full now."""
        ...


class SharedTranscriber:
    """A recogniser and a detector for any number of voices.

    Args:
        recogniser: Turns speech into words.
        detector: Finds the speech.
        finish: Makes that of a voice that is opened without one; None gives sentences out as they were read.
        doubt: Makes what tells of a voice's readings whether they are to be believed.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        detector: Detector,
        finish: Callable[[], Finish] | None = None,
        doubt: Callable[[], Doubt] = Doubt,
    ) -> None:
        self._recogniser, self._detector = recogniser, detector
        self._finish, self._doubt = finish, doubt

    def open(
        self, numbers: Iterator[int] | None = None, finish: Finish | None = None, known: Known | None = None
    ) -> SentenceStream:
        """Begin a new voice, see `types.Transcriber`."""
        if finish is None:
            finish = give_out if self._finish is None else self._finish()
        return SentenceStream(self._recogniser, self._detector, numbers, finish, self._doubt(), known)


def _known(known: Known, t: float, heard: F32, start: float, end: float) -> tuple[F32, float, float]:
    """Return what a sentence is read from, and from when to when there are words in it."""
    begin, sound = known(t, heard)
    loud = np.flatnonzero(sound)
    if not len(loud):
        return sound, start, end
    first, last = begin + loud[0] / SAMPLE_RATE, begin + (loud[-1] + 1) / SAMPLE_RATE
    start = first if begin < t else max(start, first)
    return sound, start, max(min(end, last), start)


def give_out(line: Line, shown: bool, sound: F32) -> Line | None:
    """Finish a sentence as it was read; one without words only has to be said if something of it was shown."""
    return line if line.text or shown else None


@dataclass
class _Take:
    """Sound without a hole: where it lies in time, what is kept of it, what is being said in it."""

    t: float
    """Time of sample 0."""
    sentences: Sentences
    listening: Listening
    sound: F32
    """Samples from `offset` on."""
    offset: int = 0
    heard: int = 0
    """Samples that the detector has seen."""

    @property
    def length(self) -> int:
        return self.offset + len(self.sound)

    def time(self, window: int) -> float:
        return self.t + window * WINDOW / SAMPLE_RATE

    def cut(self, span: Span) -> F32:
        return self.sound[max(span.first * WINDOW - self.offset, 0) : span.end * WINDOW - self.offset]

    def forget(self, before: int) -> None:
        gone = min(max(before - self.offset, 0), len(self.sound))
        self.sound, self.offset = self.sound[gone:], self.offset + gone


class SentenceStream:
    """One voice, see `speech.SpeechStream`.

    `hear` only keeps the sound. `lines` does the work: 0.1 ms for each 32 ms of sound that is not silent, and at most
    one reading of the sentence that is being said, besides one for each that has ended.

    A sentence that is over is read from its sound alone: its words do not depend on when `lines` was called or whether
    partials were wanted.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        detector: Detector,
        numbers: Iterator[int] | None,
        finish: Finish,
        doubt: Doubt,
        known: Known | None = None,
    ) -> None:
        self._recogniser, self._detector, self._finish, self._doubt = recogniser, detector, finish, doubt
        self._known = known
        self._numbers = count() if numbers is None else numbers
        self._takes: list[_Take] = []
        self._id: int | None = None
        self._shown = ""
        self._draft: tuple[int, ...] = ()
        self._read_to = 0
        self.lost = 0
        """Samples that were lost because nobody called `lines` in time."""

    def hear(self, t: float, pcm: F32) -> None:
        """Keep sound.

        Args:
            t: Time of its first sample, seconds on any clock.
            pcm: (N,) at 16 kHz, [-1, 1]; what is not finite counts as 0.

        Raises:
            ValueError: it is not one channel.
        """
        if pcm.ndim != 1:
            raise ValueError(f"one channel is wanted, not {pcm.shape}")
        self._bound(len(pcm))
        take = self._takes[-1] if self._takes else None
        off = 0.0 if take is None else t - (take.t + take.length / SAMPLE_RATE)
        if take is None or abs(off) > HOLE:
            take = _Take(t, Sentences(WINDOW / SAMPLE_RATE), Listening(), np.zeros(0, np.float32))
            self._takes.append(take)
        else:
            take.t += FOLLOWS * off
        clean = np.nan_to_num(np.asarray(pcm, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        take.sound = np.concatenate([take.sound, clean])

    def lines(self, partials: bool = True) -> list[Line]:
        """Find what was said since the last call.

        Args:
            partials: Whether to read what is still being said. An overloaded caller leaves it out first.

        Returns:
            Lines of sentences that are over in their order, then at most one partial, only if it has changed.
        """
        done: list[Line] = []
        while self._takes:
            take = self._takes[0]
            fresh = take.sound[max(take.heard - take.offset, 0) :]
            take.heard = take.length
            for probability in self._detector.step(take.listening, fresh):
                for span in take.sentences.step(probability):
                    done += self._final(take, span)
            if len(self._takes) == 1:
                break
            done += self._end(take)
            del self._takes[0]
        if self._takes:
            take = self._takes[0]
            now = take.sentences.now()
            if now is not None and partials:
                done += self._partial(take, now)
            take.forget(take.sentences.needed_from * WINDOW)
        return done

    def close(self) -> list[Line]:
        """End the voice.

        Returns:
            Lines of sentences that have not been returned by `lines` yet; all of them are over.
        """
        done = self.lines(partials=False)
        for take in self._takes:
            done += self._end(take)
        self._takes.clear()
        return done

    def _end(self, take: _Take) -> list[Line]:
        return [line for span in take.sentences.end() for line in self._final(take, span)]

    def _final(self, take: _Take, span: Span) -> list[Line]:
        sound, start, end = take.cut(span), take.time(span.first_speech), take.time(span.last_speech)
        if self._known is not None:
            sound, start, end = _known(self._known, take.time(span.first), sound, start, end)
        reading = self._recogniser.read(sound) if sound.any() else Reading("", 0.0, ())
        text = reading.text if self._doubt.believes(reading, end - start) else ""
        shown, self._shown, self._draft, self._read_to = self._shown, "", (), 0
        id, self._id = self._number(), None
        line = self._finish(Line(id, text, start, end, True), bool(shown), sound)
        return [] if line is None else [line]

    def _partial(self, take: _Take, span: Span) -> list[Line]:
        length = span.end - span.first
        new = length - (self._read_to if self._read_to <= length else 0)
        if new * WINDOW / SAMPLE_RATE < PARTIAL_EVERY:
            return []
        self._read_to = length
        reading = self._recogniser.read(take.cut(span), self._draft)
        self._draft = reading.tokens
        # The network ends every stretch like a sentence; this one is not known to be one.
        seconds = take.time(span.last_speech) - take.time(span.first_speech)
        text = reading.text.rstrip(".!?,;:- ") if self._doubt.shows(reading, seconds) else ""
        if not text or text == self._shown:
            return []
        self._shown = text
        return [Line(self._number(), text, take.time(span.first_speech), take.time(span.last_speech), False)]

    def _number(self) -> int:
        """Id of the sentence that is being said; given when it is first shown."""
        if self._id is None:
            self._id = next(self._numbers)
        return self._id

    def _bound(self, coming: int) -> None:
        """Make room for `coming` samples: lose what waits if it is too much, but not the sentence it belongs to."""
        waiting = sum(take.length - take.heard for take in self._takes)
        if not waiting or waiting + coming <= MOST:
            return
        self.lost += waiting
        first = self._takes[0]
        first.sound = first.sound[: first.heard - first.offset]
        # The next sound is too late for it: what was heard ends there.
        self._takes = [first]
