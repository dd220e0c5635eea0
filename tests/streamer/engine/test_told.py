"""Who spoke, as somebody in the call says: on its way to the process that attributes."""

from __future__ import annotations

from threading import Lock
from unittest.mock import Mock

from streamer.engine.client import EngineClient
from streamer.engine.look_worker import LookWorker, _Inbox
from streamer.engine.looker import Looker
from streamer.engine.worker import Inbox, Worker


def test_what_is_told_in_a_call_reaches_its_session_alone() -> None:
    # Each process's own end of the way, without the processes.
    client, worker, looker, look_worker = (object.__new__(c) for c in (EngineClient, Worker, Looker, LookWorker))
    looking = Mock()
    client._process, client._sessions = Mock(ready=True), {"ann": Mock()}
    worker._inboxes, worker._looker = {"ann": Inbox()}, looker
    looker._lock, looker._outbox = Lock(), Mock()
    look_worker._inboxes = {"ann": _Inbox(looking)}
    client._process.send.side_effect = worker.receive
    looker._outbox.put.side_effect = look_worker.receive
    client.tell("ann", 1.0, 2.5, -1)
    client.tell("bob", 1.0, 2.5, 1)
    looking.tell.assert_called_once_with(1.0, 2.5, -1)
    look_worker._inboxes.clear()
    client.tell("ann", 1.0, 2.5, None)
    client._process.ready = False
    client.tell("ann", 1.0, 2.5, None)
    assert client._process.send.call_count == 2 and looking.tell.call_count == 1
