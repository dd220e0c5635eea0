"""Sentences on their way to a second reading, on a thread of its own that takes what time is left."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.languages import ENGLISH
from models.speech.rereading import better
from models.speech.stream import give_out
from models.speech.types import Line, Polyglot, Reading
from streamer.observer.types import Caption

WAITS = 2.0
"""Seconds of sound after which a sentence is final without its second reading."""

MOST_SOUND = 30.0
"""Seconds of sound of all sentences that may wait; with more, the oldest is dropped and counted. In `WAITS` seconds one
core reads three or four sentences."""


Choose = Callable[[Mapping[str, float]], str]
"""Chooses the language of a sentence, given the probability of each."""


@dataclass(eq=False)
class Request:
    """A sentence to be read again.

    Attributes:
        sound: (N,) at 16 kHz; None once nobody needs it any more.
        reading: What was read; None before, and if nothing came of it.
        over: Whether `reading` stays as it is.
        choose: Chooses the language, given the probability of each; None for English.
        language: Code of the one in which it was read.
    """

    sound: F32 | None
    reading: Reading | None = None
    over: bool = False
    choose: Choose | None = None
    language: str = ENGLISH

    def read(self, reader: Polyglot, sound: F32) -> Reading:
        """Read it again; `sound` is the request's, which may be given up meanwhile."""
        return reader.read(sound) if self.choose is None else reader.read_as(sound, self._chosen)

    def _chosen(self, probabilities: Mapping[str, float]) -> str:
        assert self.choose is not None
        self.language = self.choose(probabilities)
        return self.language

    def finished(self, line: Line) -> Line:
        """Return a line as it is after its second reading; the first reader makes English of everything."""
        if self.language == ENGLISH or self.reading is None:
            return better(line, self.reading)
        return replace(line, text=self.reading.text)


@dataclass
class Counts:
    """Sentences since the process began.

    Attributes:
        read: Read again in time.
        late: Not read in time.
        dropped: Not to be read, as there was too much to do.
        failed: Readings that raised.
    """

    read: int = 0
    late: int = 0
    dropped: int = 0
    failed: int = 0


class SecondReadings:
    """Requests between who writes captions and who reads again; from any thread."""

    def __init__(self) -> None:
        self._waiting: deque[Request] = deque()
        self._lock = threading.Lock()
        self._counts = Counts()
        self._news = False
        self._closed = False

    @property
    def waiting(self) -> bool:
        """Whether there is something to read."""
        return bool(self._waiting)

    @property
    def news(self) -> bool:
        """Whether a reading is there that `seen` does not know of."""
        return self._news

    @property
    def counts(self) -> dict[str, int]:
        """What was counted, by the names of `Counts`."""
        with self._lock:
            return asdict(self._counts)

    def ask(self, sound: F32, hurried: bool = False, choose: Choose | None = None) -> Request | None:
        """Queue a sentence; what waits longest makes room for it.

        Args:
            sound: (N,) at 16 kHz.
            hurried: Whether there is no time for it.
            choose: See `Request`.

        Returns:
            None if it will not be read.
        """
        with self._lock:
            if self._closed:
                return None
            if hurried:
                self._counts.dropped += 1
                return None
            request = Request(sound, choose=choose)
            self._waiting.append(request)
            while len(self._waiting) > 1 and self._seconds() > MOST_SOUND:
                self._counts.dropped += 1
                self._end(self._waiting.popleft())
            return request

    def give_up(self, request: Request) -> None:
        """End a request that may be waiting, or be read just now."""
        with self._lock:
            if request.over:
                return
            if request in self._waiting:
                self._waiting.remove(request)
            self._counts.late += 1
            self._end(request)

    def take(self) -> tuple[Request, F32] | None:
        """Take the newest request, which has most of its time left, and its sound."""
        with self._lock:
            if not self._waiting:
                return None
            request = self._waiting.pop()
            assert request.sound is not None
            return request, request.sound

    def answer(self, request: Request, reading: Reading | None) -> None:
        """End a request that was taken; None if reading it has failed."""
        with self._lock:
            if reading is None:
                self._counts.failed += 1
            if request.over:
                return
            self._counts.read += reading is not None
            self._end(request, reading)
            self._news = True

    def seen(self) -> None:
        """Note that all readings so far are known."""
        self._news = False

    def close(self) -> None:
        """End all requests, those to come too: there is no reader."""
        with self._lock:
            self._closed = self._news = True
            while self._waiting:
                self._end(self._waiting.popleft())

    def _seconds(self) -> float:
        return sum(len(request.sound) for request in self._waiting if request.sound is not None) / SAMPLE_RATE

    def _end(self, request: Request, reading: Reading | None = None) -> None:
        request.sound, request.reading, request.over = None, reading, True


@dataclass(frozen=True, slots=True)
class _Held:
    face: int | None
    line: Line
    shown: bool
    until: float
    request: Request


class HeldLines:
    """Sentences of one session that are over but not final: each until it is read again, or `WAITS` have passed.

    Args:
        readings: Where the second readings come from.
    """

    def __init__(self, readings: SecondReadings) -> None:
        self._readings = readings
        self._held: list[_Held] = []

    def hold(
        self,
        face: int | None,
        line: Line,
        shown: bool,
        sound: F32,
        now: float,
        hurried: bool,
        choose: Choose | None = None,
    ) -> Line | None:
        """Have a sentence read again.

        Args:
            face: Whose it is.
            line: As it was read.
            shown: See `models.speech.types.Finish`.
            sound: Likewise.
            now: Time of the session, seconds.
            hurried: Whether there is no time to read it again.
            choose: See `Request`.

        Returns:
            What to show meanwhile, if anything; final if there will be no second reading.
        """
        request = self._readings.ask(sound, hurried, choose)
        if request is None:
            return give_out(line, shown, sound)
        self._held.append(_Held(face, line, shown, now + WAITS, request))
        return replace(line, final=False) if line.text else None

    def due(self, now: float) -> list[Caption]:
        """Return the final lines of what has been read again or has waited for too long at `now` seconds."""
        done = [held for held in self._held if held.request.over or held.until <= now]
        self._held = [held for held in self._held if held not in done]
        captions = []
        for held in done:
            self._readings.give_up(held.request)
            line = held.request.finished(held.line)
            if line.text or held.shown:
                captions.append(Caption(**asdict(line), face=held.face))
        return captions
