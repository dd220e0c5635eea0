"""Where sentences begin and end in a voice, from the probability of speech in each window of sound."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

BEGINS = 0.5
"""Probability from which a window may begin a sentence."""

GOES_ON = 0.35
"""Probability from which a window inside a sentence counts as speech."""

MIN_SPEECH = 3
"""Windows of speech (96 ms) without which nothing was said."""


@dataclass(frozen=True, slots=True)
class Span:
    """A sentence, in windows since the voice began.

    Attributes:
        first: First window that belongs to it.
        end: One after the last.
        first_speech: First window with speech.
        last_speech: One after the last window with speech.
        final: Whether it is over.
    """

    first: int
    end: int
    first_speech: int
    last_speech: int
    final: bool


class Sentences:
    """Cuts a voice where it pauses; the longer a sentence is already, the shorter a pause is enough.

    Args:
        window: Seconds in a window.
        pause: Seconds without speech that end a sentence.
        short_pause: Seconds that end one longer than `long`.
        long: Seconds, see there.
        longest: Seconds after which it is cut where speech is least probable in its last quarter, pause or no pause.
        lead_in: Seconds before the first speech that belong to it: soft consonants.
    """

    def __init__(
        self,
        window: float,
        pause: float = 0.29,
        short_pause: float = 0.2,
        long: float = 8.0,
        longest: float = 15.0,
        lead_in: float = 0.25,
    ) -> None:
        self._pause, self._short_pause = round(pause / window), round(short_pause / window)
        self._long, self._longest = round(long / window), round(longest / window)
        self._lead_in = round(lead_in / window)
        self._at = 0
        self._free = 0
        """First window that belongs to no earlier sentence."""
        self._open: list[float] = []
        """Probabilities of the sentence that is open, from `_first` on."""
        self._first = 0
        self._before: deque[float] = deque(maxlen=max(self._lead_in, 1))

    def step(self, probability: float) -> Iterator[Span]:
        """Take in one window.

        Args:
            probability: That there is speech in it, 0..1.

        Yields:
            Every sentence that has ended by it.
        """
        self._at += 1
        if not self._open:
            self._before.append(probability)
            if probability >= BEGINS:
                self._begin()
            return
        self._open.append(probability)
        silent = self._silent()
        if silent >= (self._short_pause if len(self._open) > self._long else self._pause):
            yield from self._finish(len(self._open) - silent)
        elif len(self._open) >= self._longest:
            quarter = self._longest // 4
            tail = self._open[-quarter:]
            cut = len(self._open) - quarter + 1 + tail.index(min(tail))
            rest = self._open[cut:]
            yield from self._finish(cut, cut)
            # What follows the cut goes on being said.
            self._first, self._open = self._at - len(rest), rest

    def now(self) -> Span | None:
        """Return the sentence that is being said, None if none is."""
        said = self._said()
        if len(said) < MIN_SPEECH:
            return None
        return Span(self._first, self._at, self._first + said[0], self._first + said[-1] + 1, False)

    def end(self) -> Iterator[Span]:
        """End the open sentence, as the voice ends."""
        if self._open:
            yield from self._finish(len(self._open) - self._silent())

    @property
    def needed_from(self) -> int:
        """First window whose sound may still be asked for."""
        return self._first if self._open else max(self._at - self._lead_in, self._free)

    def _begin(self) -> None:
        self._first = max(self._at - len(self._before), self._free)
        self._open = list(self._before)[-(self._at - self._first) :]
        self._before.clear()

    def _silent(self) -> int:
        """Return windows since the last one with speech."""
        said = self._said()
        return len(self._open) - said[-1] - 1 if said else len(self._open)

    def _said(self) -> list[int]:
        return [i for i, probability in enumerate(self._open) if probability >= GOES_ON]

    def _finish(self, speech_end: int, keep: int | None = None) -> Iterator[Span]:
        """Close the open sentence; some of the pause belongs to it, lest its last consonant be cut."""
        size = min(speech_end + self._lead_in, len(self._open)) if keep is None else keep
        said = [i for i in self._said() if i < size]
        first = self._first
        self._free, self._open = first + size, []
        if len(said) >= MIN_SPEECH:
            yield Span(first, first + size, first + said[0], first + said[-1] + 1, True)
