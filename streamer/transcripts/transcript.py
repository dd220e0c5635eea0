"""What was said, by whom and when: kept while a call runs, written as subtitles that can be read, or as plain text."""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from functools import partial

from streamer.transcripts.subtitle_text import clock, labelled, one_line, subrip, webvtt
from streamer.transcripts.subtitles import Spoken, subtitles
from streamer.transcripts.words import timed

MOST = 5_000
"""Lines of a call that are kept: several hours of talk."""


@dataclass(frozen=True, slots=True, order=True)
class TranscriptLine:
    """One finished line.

    Attributes:
        start: Seconds on the clock of the call.
        end: Likewise, not before `start`.
        text: Words, in one line.
        name: Gives the name shown; empty if unknown.
        added: When it was kept, on the transcript's own clock.
        sound: Whether it tells of a sound, and stands beside what is said.
    """

    start: float
    end: float
    text: str
    name: Callable[[], str] = field(compare=False)
    added: float = field(compare=False)
    sound: bool = field(compare=False, default=False)

    @property
    def speaker(self) -> str:
        """Name shown, as it is now."""
        return one_line(self.name())


class Transcript:
    """Finished lines in the order in which they began, the newest `most` of them.

    It may be written out by another thread than the one that adds lines.

    Args:
        begin: Time that counts as zero in the files, seconds; the start of the first line if None.
        most: Lines kept, None for all; the oldest beyond that are dropped and counted.
        clock: Seconds that only go forward: what `since` counts in, for readers who came later.

    Attributes:
        begin: Time that counts as zero.
        dropped: Lines that were dropped.
    """

    def __init__(
        self, begin: float | None = None, most: int | None = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.begin, self._most, self._clock = begin, most, clock
        self._lines: list[TranscriptLine] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def lines(self) -> list[TranscriptLine]:
        """What is kept, oldest first."""
        return list(self._lines)

    def add(
        self,
        speaker: str | Callable[[], str],
        start: float,
        end: float,
        text: str,
        sound: bool = False,
        added: float | None = None,
    ) -> None:
        """Keep a finished line; one without words is left out.

        Args:
            speaker: Name as it is to be shown, or what gives it: a name given later stands on earlier lines too.
            start: Seconds on the clock of the call.
            end: Likewise; `start` if it is earlier.
            text: What was said, in any number of lines.
            sound: Whether it was not said, but tells of a sound.
            added: When that was, on the transcript's own clock; None for now.
        """
        text = one_line(text)
        if not text:
            return
        if self.begin is None:
            self.begin = start
        name = speaker if callable(speaker) else partial(str, speaker)
        added = self._clock() if added is None else added
        insort(self._lines, TranscriptLine(start, max(start, end), text, name, added, sound))
        if self._most is not None and len(self._lines) > self._most:
            del self._lines[0]
            self.dropped += 1

    def vtt(self, since: float = float("-inf")) -> str:
        """Return what was kept since then as WebVTT, speakers as voice tags; see `subtitles`."""
        return webvtt(subtitles(self._spoken(since)), _speaker)

    def srt(self, since: float = float("-inf")) -> str:
        """Return what was kept since then as SubRip, names where the speaker changes; see `subtitles`."""
        return subrip(subtitles(labelled(self._spoken(since), _speaker)))

    def text(self, since: float = float("-inf")) -> str:
        """Return what was kept since then to be read: a time, a name and the words in each line."""
        return "".join(f"[{clock(self._since(line.start))}] {_plain(line)}\n" for line in self._kept(since))

    def _kept(self, since: float) -> list[TranscriptLine]:
        return [line for line in self.lines if line.added >= since]

    def _spoken(self, since: float) -> Iterator[Spoken]:
        for line in self._kept(since):
            words = timed(line.text, self._since(line.start), self._since(line.end))
            yield Spoken((line.speaker, line.sound), tuple(words))

    def _since(self, t: float) -> float:
        return max(0.0, t - (self.begin or 0.0))


def _speaker(key: Hashable) -> str:
    """Return the name of whom a subtitle belongs to."""
    return str(key[0]) if isinstance(key, tuple) else ""


def _plain(line: TranscriptLine) -> str:
    return f"{speaker}: {line.text}" if (speaker := line.speaker) else line.text
