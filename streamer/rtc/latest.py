"""The newest value, handed from one task to another: for pictures, of which nobody wants an old one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """A cell that holds one value until it is taken; `async for` takes each, and ends when the cell is closed.

    It belongs to one event loop and is not thread-safe.

    Attributes:
        dropped: Values that nobody took: replaced by a newer one, or put after the end.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._values: deque[T] = deque(maxlen=1)
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, value: T) -> None:
        """Hold a value in place of the one before; never waits."""
        self.dropped += self._closed or len(self._values)
        if not self._closed:
            self._values.append(value)
            self._changed.set()

    def close(self) -> None:
        """End the cell: what it holds can still be taken. May be called again."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> Latest[T]:
        return self

    async def __anext__(self) -> T:
        while not self._values:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._values.popleft()
