"""What is written in a room: kept while the room is, in transcript and search beside what was said."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamer.clock import now
from streamer.limits import RateLimiter
from streamer.messages.talk import ChatHistory, ChatLine
from streamer.rooms import broadcast
from streamer.rooms.errors import Forbidden, TooMany
from streamer.rooms.participant import NameOf, Participant
from streamer.transcripts.search_index import SearchIndex
from streamer.transcripts.transcript import Transcript

MOST = 300
"""Lines that are kept, and sent to who comes; transcript and search keep more."""

LINES_A_SECOND, LINES_AT_ONCE = 0.5, 6.0
"""For each participant."""

SIGN = "[chat] "
"""What stands before a written line in the transcript."""

LASTS = 4.0
"""Seconds for which a line stands in subtitles."""


@dataclass(frozen=True, slots=True)
class Written:
    """A line that was written.

    Attributes:
        participant: by whom.
        id: its number in the room.
        t: when, Unix seconds.
        text: checked.
        at: when, monotonic seconds.
    """

    participant: Participant
    id: int
    t: float
    text: str
    at: float

    def line(self) -> ChatLine:
        """Return it as it is sent, under the name its writer has now."""
        return ChatLine(
            id=self.id, participant=self.participant.id, name=self.participant.name, t=self.t, text=self.text
        )


class Chat:
    """The chat of a room.

    Args:
        people: gives everyone in the room.
        transcript: of the room.
        index: what is searched.

    Attributes:
        count: lines that were ever written.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]], transcript: Transcript, index: SearchIndex) -> None:
        self._people, self._transcript, self._index = people, transcript, index
        self._limiter = RateLimiter(LINES_A_SECOND, LINES_AT_ONCE)
        self._lines: deque[Written] = deque(maxlen=MOST)
        self.count = 0

    def say(self, participant: Participant, text: str) -> None:
        """Send everyone a line, and keep it.

        Args:
            participant: who writes.
            text: checked.

        Raises:
            Forbidden: they only watch.
            TooMany: they have written too much just now.
        """
        if participant.role != "publish":
            raise Forbidden("Watchers cannot write.")
        if wait := self._limiter.take(participant.id):
            raise TooMany(f"Too many lines at once: wait {wait} s.")
        written = Written(participant, self.count, now(), text, time.monotonic())
        self.count += 1
        self._lines.append(written)
        writer = NameOf(participant)
        self._transcript.add(writer, written.t, written.t + LASTS, f"{SIGN}{text}", added=written.at)
        self._index.add_note(participant.id, writer, written.t, text)
        broadcast.send(self._people(), written.line(), f"chat {written.id}", passing=True, final=True)

    @property
    def written(self) -> list[Written]:
        """The lines that are kept, the oldest first."""
        return list(self._lines)

    def recall(self, written: Iterable[Written], count: int) -> None:
        """Have the lines of before, but for transcript and search."""
        self._lines.extend(written)
        self.count = count

    def lines(self, since: float = float("-inf")) -> list[ChatLine]:
        """Return the lines that are kept and were written since then, monotonic seconds."""
        return [written.line() for written in self._lines if written.at >= since]

    def welcome(self, participant: Participant) -> None:
        """Send someone who comes the lines that are for them."""
        lines = self.lines(participant.sees_from)
        if lines:
            broadcast.send([participant], ChatHistory(lines=lines), "chat_history")
