"""What was said, by whom and when: kept while a call runs, written as WebVTT, SRT or plain text."""

from __future__ import annotations

import time
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from streamer.transcripts.subtitle_text import clock, escaped, harmless, one_line, span

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
    """

    start: float
    end: float
    text: str
    name: Callable[[], str] = field(compare=False)
    added: float = field(compare=False)

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
    """

    def __init__(
        self, begin: float | None = None, most: int | None = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._begin, self._most, self._clock = begin, most, clock
        self._lines: list[TranscriptLine] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def lines(self) -> list[TranscriptLine]:
        """What is kept, oldest first."""
        return list(self._lines)

    def add(self, speaker: str | Callable[[], str], start: float, end: float, text: str) -> None:
        """Keep a finished line; one without words is left out.

        Args:
            speaker: Name as it is to be shown, or what gives it: a name given later stands on earlier lines too.
            start: Seconds on the clock of the call.
            end: Likewise; `start` if it is earlier.
            text: What was said, in any number of lines.
        """
        text = one_line(text)
        if not text:
            return
        if self._begin is None:
            self._begin = start
        name = speaker if callable(speaker) else partial(str, speaker)
        insort(self._lines, TranscriptLine(start, max(start, end), text, name, self._clock()))
        if self._most is not None and len(self._lines) > self._most:
            del self._lines[0]
            self.dropped += 1

    def vtt(self, since: float = float("-inf")) -> str:
        """Return what was kept since then as WebVTT, speakers as voice tags. Source: W3C WebVTT, 4.2 and 6.1."""
        cues = []
        for line in self._kept(since):
            voice = f"<v {escaped(speaker)}>" if (speaker := line.speaker) else ""
            cues.append(f"{self._span(line, '.')}\n{voice}{escaped(line.text)}\n")
        return "\n".join(["WEBVTT\n", *cues])

    def srt(self, since: float = float("-inf")) -> str:
        """Return what was kept since then as SubRip, speakers before a colon."""
        cues = [
            f"{i}\n{self._span(line, ',')}\n{harmless(_plain(line))}\n" for i, line in enumerate(self._kept(since), 1)
        ]
        return "\n".join(cues)

    def text(self, since: float = float("-inf")) -> str:
        """Return what was kept since then to be read: a time, a name and the words in each line."""
        return "".join(f"[{clock(self._since(line.start))}] {_plain(line)}\n" for line in self._kept(since))

    def _kept(self, since: float) -> list[TranscriptLine]:
        return [line for line in self.lines if line.added >= since]

    def _span(self, line: TranscriptLine, point: str) -> str:
        start, end = (round(1000 * self._since(t)) for t in (line.start, line.end))
        # A cue must end after it begins, in whole milliseconds.
        return span(start, max(end, start + 1), point)

    def _since(self, t: float) -> float:
        return max(0.0, t - (self._begin or 0.0))


def _plain(line: TranscriptLine) -> str:
    return f"{speaker}: {line.text}" if (speaker := line.speaker) else line.text
