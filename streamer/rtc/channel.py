"""The one bounded queue of the live system: keeps the newest items, drops the oldest, counts both."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel is closed and has nothing left to read."""


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """What went through a channel: items received and dropped since it was made, and items waiting now."""

    name: str
    capacity: int
    received: int
    dropped: int
    depth: int


class Channel(Generic[T]):
    """A bounded first-in first-out queue that drops its oldest item when it is full.

    It belongs to one event loop and is not thread-safe. With a capacity of 1 it is "the newest value".

    Args:
        capacity: the most items it holds, at least 1.
        name: what it is called in statistics.

    Raises:
        ValueError: capacity below 1.
    """

    def __init__(self, capacity: int, name: str = "") -> None:
        if capacity < 1:
            raise ValueError(f"a channel holds at least one item, not {capacity}")
        self.name = name
        self.capacity = capacity
        self._items: deque[T] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._received = 0
        self._dropped = 0

    @property
    def closed(self) -> bool:
        """Whether `close` was called; items put before that can still be read."""
        return self._closed

    def put_nowait(self, item: T) -> T | None:
        """Adds an item, never waits.

        Args:
            item: the item; ignored (and counted as dropped) once the channel is closed.

        Returns:
            the item that was dropped to make room, or None.
        """
        self._received += 1
        if self._closed:
            self._dropped += 1
            return item
        oldest: T | None = None
        if len(self._items) == self.capacity:
            oldest = self._items.popleft()
            self._dropped += 1
        self._items.append(item)
        self._changed.set()
        return oldest

    async def get(self) -> T:
        """Waits for the oldest item and takes it out.

        Raises:
            ChannelClosed: the channel is closed and empty.
        """
        while not self._items:
            if self._closed:
                raise ChannelClosed(self.name)
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()

    def clear(self) -> int:
        """Throws away what is waiting.

        Returns:
            how many items were dropped.
        """
        count = len(self._items)
        self._items.clear()
        self._dropped += count
        return count

    def close(self) -> None:
        """Ends the channel: readers get what is left, then `ChannelClosed`. May be called again."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> Channel[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except ChannelClosed:
            raise StopAsyncIteration from None

    def __len__(self) -> int:
        return len(self._items)

    def statistics(self) -> ChannelStatistics:
        """Counts since the channel was made."""
        return ChannelStatistics(self.name, self.capacity, self._received, self._dropped, len(self._items))
