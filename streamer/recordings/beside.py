"""Work that is done in order on a thread of its own, a little behind whoever hands it over."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

WAITING = 96
"""Pieces of work that may wait."""


class Beside:
    """Does one piece of work after the other; whoever hands it over waits while `WAITING` are not done.

    After one that fails nothing more is done, and what went wrong is raised by the next call.

    Args:
        name: Of the thread.
    """

    def __init__(self, name: str) -> None:
        # A plain bounded queue: the recording waits for the work, nothing is dropped.
        self._queue: queue.Queue[Callable[[], object] | None] = queue.Queue(WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], object]) -> None:
        """Have something done, after all before it."""
        if self._error is not None:
            raise self._error
        self._queue.put(work)

    def close(self) -> None:
        """Wait until all is done; raises what went wrong."""
        self.abandon()
        if self._error is not None:
            raise self._error

    def abandon(self) -> None:
        """End the thread, whatever became of the work."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                # Whoever puts must not wait for ever on a thread that has ended.
                if self._error is None:
                    work()
            except BaseException as error:
                self._error = error
