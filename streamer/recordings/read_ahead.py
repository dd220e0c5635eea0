"""An iterator worked on by a thread of its own, a few items ahead of whoever uses it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class _End:
    """Last thing in the queue, with what went wrong if something did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class ReadAhead(Generic[Item]):
    """Iterates over the same items; the source waits when it is `depth` items ahead.

    Args:
        source: Used on the thread only; what it raises is raised here, in its turn.
        depth: Items kept ready.
    """

    def __init__(self, source: Iterator[Item], depth: int) -> None:
        self._source = source
        # A plain bounded queue: the source waits, nothing is dropped.
        self._queue: queue.Queue[Item | _End] = queue.Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        if self._stopped.is_set():
            raise StopIteration
        item = self._queue.get()
        if isinstance(item, _End):
            self._stopped.set()
            if item.error is not None:
                raise item.error
            raise StopIteration
        return item

    def close(self) -> None:
        """End the thread; there are no items after that."""
        self._stopped.set()
        while self._thread.is_alive():
            # The thread may be waiting for room in the queue.
            try:
                self._queue.get(timeout=0.01)
            except queue.Empty:
                continue
        self._thread.join()

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._source:
                if self._stopped.is_set():
                    break
                self._queue.put(item)
        except BaseException as raised:
            error = raised
        self._queue.put(_End(error))
