"""The owner of the process that looks, with a process that does nothing but come and go."""

from __future__ import annotations

import queue
import sys

import pytest

from streamer.engine import looker
from streamer.engine.client import EngineClient
from streamer.engine.looker import Looker

COMES_AND_GOES = """
import socket, sys, time
from streamer.workers import framing
sock = socket.socket(fileno=int(sys.argv[1]))
sock.sendall(framing.encode({"type": "ready"}))
sock.sendall(framing.encode({"type": "pong", "n": 0}))
"""


def test_that_the_process_is_lost_and_back_is_told_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looker, "PAUSE", 0.0)
    told: queue.Queue[bool] = queue.Queue()
    supervise = Looker._supervise
    monkeypatch.setattr(Looker, "_supervise", lambda self: None)
    owner = Looker(1, lambda message: None, told.put)
    owner._command = [sys.executable, "-c", COMES_AND_GOES], []

    class Enough(Exception):
        pass

    def until_enough(looking: bool) -> None:
        told.put(looking)
        if told.qsize() == 4:
            raise Enough

    owner._on_looking = until_enough
    with pytest.raises(Enough):
        supervise(owner)
    # It begins as if it were there: that it is up for the first time is no news.
    assert [told.get() for _ in range(4)] == [False, True, False, True]


def test_the_call_hears_of_it_and_a_new_engine_brings_its_own() -> None:
    client, told = EngineClient(), list[bool]()
    client.on_looking = told.append
    client.receive({"type": "looking", "up": False})
    client.receive({"type": "looking", "up": True})
    client.receive({"type": "looking", "up": False})
    client.restarted(False)
    client.restarted(True)
    assert told == [False, True, False, True]
