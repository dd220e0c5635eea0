"""Who spoke, as somebody in the call says: on its way to the process that attributes."""

from __future__ import annotations

from threading import Lock
from unittest.mock import Mock

import pytest

from models.active_speaker.alone import Stretch
from models.active_speaker.attribution import Attribution
from streamer.engine.client import EngineClient
from streamer.engine.engine import Engine
from streamer.engine.look_worker import LookWorker, _Inbox
from streamer.engine.looker import Looker, RemoteSenses
from streamer.engine.packing import pack_attribution
from streamer.engine.session import EngineSession
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


def test_what_is_known_of_who_speaks_reaches_the_call_and_who_is_joined_only_once() -> None:
    client, worker, engine = (object.__new__(c) for c in (EngineClient, Worker, Engine))
    ann = Mock()
    client._sessions = {"ann": ann}
    worker._engine, worker._looking_cpu = engine, 0.0
    engine._sessions = {"ann": EngineSession(RemoteSenses(lambda t, pcm: None))}
    alone = (Stretch(1.0, 1.2, -1), Stretch(1.2, 1.4, None))

    def told(*joined: tuple[int, int]) -> None:
        known = pack_attribution(Attribution(alone=alone, joined=joined))
        worker._looked({"type": "attribution", "sid": "ann", "cpu": 0.0, "dropped": 0} | known)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "send", lambda self, message: client.receive(message))
        told()
        told((-1, 2))
        told((-1, 2))
        told((-1, 2), (3, 2))
        # A process that was started anew knows of none; what it finds out is new.
        told()
        told((4, 2))
    stretches, joined = zip(*(call.args for call in ann.on_attributed.call_args_list), strict=True)
    assert set(map(tuple, stretches)) == {alone}
    assert joined == ([], [(-1, 2)], [], [(3, 2)], [], [(4, 2)])
