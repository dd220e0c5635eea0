"""The call's side of a model process: its sessions, begun anew whenever the process comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from streamer.workers.framing import Message
from streamer.workers.link import Link
from streamer.workers.process import ModelProcess
from streamer.workers.remote import Place, RemoteModels

Session = TypeVar("Session")


@dataclass
class Statistics:
    """Counts since a client was made; subclasses add their own."""

    starts: int = 0


Counts = TypeVar("Counts", bound=Statistics)


class WorkerClient(Generic[Session, Counts]):
    """Base of the clients: owns one process, or a connection to one, and what the call keeps of each session.

    Subclasses say how sessions go on after a change (`restarted`), and what a message means (`receive`).

    Args:
        module: Python module to run, see `ModelProcess`.
        arguments: What else it wants on its command line.
        statistics: Where it counts.
        on_ready: Called with True when the models are up and False when they are lost.
        patience: See `ModelProcess`.
        place: Where such a process is that others use too; None to start one.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        statistics: Counts,
        on_ready: Callable[[bool], None] | None,
        patience: float = 1.0,
        place: Place | None = None,
    ) -> None:
        self.on_ready = on_ready
        self._process: Link
        if place is None:
            self._process = ModelProcess(module, arguments, self._set_ready, self.receive, patience)
        else:
            self._process = RemoteModels(place, self._set_ready, self.receive, patience)
        self._statistics = statistics
        self._sessions: dict[str, Session] = {}
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def statistics(self) -> Counts:
        """Counts since the client was made."""
        self._statistics.starts = self._process.starts
        return self._statistics

    @property
    def ready(self) -> bool:
        """Whether the models are up."""
        return self._process.ready

    @property
    def pid(self) -> int | None:
        """Process number, None while there is none."""
        return self._process.pid

    def start(self) -> None:
        """Start the process; returns at once, `ready` turns true when the models are loaded."""
        self._process.start()

    async def close(self) -> None:
        """Stop the process and wait until it is gone."""
        await self._process.close()

    def restarted(self, ready: bool) -> None:
        """Begin all sessions anew, now that the models are up (`ready`), or note that what is in flight is lost."""
        raise NotImplementedError

    def receive(self, message: Message) -> None:
        """Take in a message of the process."""
        raise NotImplementedError

    def _send_later(self, sending: Coroutine[Any, Any, None], name: str) -> None:
        """Prepare and send something that takes a while, such as a picture."""
        task = asyncio.create_task(sending, name=name)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _set_ready(self, ready: bool) -> None:
        self.restarted(ready)
        if self.on_ready is not None:
            self.on_ready(ready)
