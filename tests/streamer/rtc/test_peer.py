"""When a connection is given up because nothing comes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streamer.clock import STOOD_STILL
from streamer.rtc import ingress
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings


class Listening(Peer):
    """A peer of which nothing is there but what it listens with."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._counts, self._timer = settings, PeerCounts(), None
        self.pc, self.vanished, self.ended = None, False, list[str]()  # type: ignore[assignment]

    def begin_close(self, reason: str, level: int = 0) -> None:
        self.ended.append(reason)


async def test_a_machine_that_slept_listens_again_before_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, settings = asyncio.get_running_loop(), Settings(silence_deadline=10.0)
    heard = SimpleNamespace(heard_at=loop.time() - 60.0)
    monkeypatch.setattr(ingress, "connections", lambda pc: [heard])
    peer = Listening(settings)
    # It should have looked 50 s ago: it is this process that stood still.
    peer._listen(loop.time() - 50.0)
    assert peer.ended == [] and peer._timer is not None
    assert peer._timer.when() == pytest.approx(loop.time() + 10.0, abs=1.0)
    peer._timer.cancel()
    # Then nothing came either, and nearly in time it was seen.
    peer._listen(loop.time() - STOOD_STILL / 2)
    assert peer.ended == ["nothing came from the client for 10 s"] and peer._counts.vanished == 1


async def test_who_was_heard_just_now_is_waited_for_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, settings = asyncio.get_running_loop(), Settings(silence_deadline=10.0)
    heard = SimpleNamespace(heard_at=loop.time() - 4.0)
    monkeypatch.setattr(ingress, "connections", lambda pc: [heard, SimpleNamespace(heard_at=None)])
    peer = Listening(settings)
    peer._listen()
    assert peer.ended == [] and peer._timer is not None
    assert peer._timer.when() == pytest.approx(heard.heard_at + 10.0)
    peer._timer.cancel()
