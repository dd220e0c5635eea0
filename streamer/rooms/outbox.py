"""What waits to be sent to one browser: at most one message a topic, the newest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from streamer.messages.base import Message

MOST_PASSING = 128
"""Messages that are no state and may wait for one browser."""


@dataclass(frozen=True, slots=True)
class OutboxStatistics:
    """Counts since the start.

    Attributes:
        received: messages put in.
        replaced: messages that a newer one of the same topic replaced before they were sent.
        dropped: passing messages that were thrown away because too many waited.
        depth: messages waiting.
    """

    received: int
    replaced: int
    dropped: int
    depth: int


class Closed(Exception):
    """The outbox is closed and empty."""


class Outbox:
    """Newest-wins mailbox with one place a topic.

    Most messages are a whole state (the room, the faders, the faces of one participant), so that leaving
    out all but the newest of a topic loses nothing, and a slow reader holds no more than the topics there
    are. A plain drop-oldest channel would drop a room's state to make place for a face box. What is no state
    (a caption, columns of a spectrogram) passes: of those at most `MOST_PASSING` wait, and a partial caption or
    columns go before anything that is final.

    Attributes:
        heard: messages that came back by the same connection.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._closed = False
        self._received = 0
        self._replaced = 0
        self._dropped = 0
        self._passing: dict[str, bool] = {}
        """Topics of what passes, the oldest first, and whether it is final."""
        self.close_code = 1000
        self.heard = 0

    @property
    def closed(self) -> bool:
        """Whether it takes no more."""
        return self._closed

    def put(self, message: Message | str, topic: str, passing: bool = False, final: bool = False) -> None:
        """Leave a message; does nothing once closed.

        Args:
            message: what to send, or its JSON where one text goes to many.
            topic: what it is the state of; replaces the waiting message of this topic, keeping its place.
            passing: whether it is one of many that may be dropped, the oldest first.
            final: whether nothing newer will say the same, so that other passing messages are dropped before it.
        """
        if self._closed:
            return
        self._received += 1
        if passing:
            if topic not in self._waiting:
                self._make_place()
            self._passing[topic] = final
        self._replaced += topic in self._waiting
        self._waiting[topic] = message if isinstance(message, str) else message.model_dump_json()
        self._changed.set()

    async def get(self) -> str:
        """Wait for the next message.

        Returns:
            The JSON of the message that has waited longest.

        Raises:
            Closed: nothing more will come.
        """
        while not self._waiting:
            if self._closed:
                raise Closed
            self._changed.clear()
            await self._changed.wait()
        topic = next(iter(self._waiting))
        self._passing.pop(topic, None)
        return self._waiting.pop(topic)

    def _make_place(self) -> None:
        if len(self._passing) >= MOST_PASSING:
            topic = next((topic for topic, final in self._passing.items() if not final), next(iter(self._passing)))
            del self._passing[topic], self._waiting[topic]
            self._dropped += 1

    def close(self, code: int = 1000) -> None:
        """Take no more messages; those that wait can still be got.

        Args:
            code: what the WebSocket shall be closed with.
        """
        if not self._closed:
            self.close_code = code
        self._closed = True
        self._changed.set()

    def statistics(self) -> OutboxStatistics:
        """Return the counts."""
        return OutboxStatistics(self._received, self._replaced, self._dropped, len(self._waiting))
