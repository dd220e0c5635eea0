"""Work beside: in its order, and what goes wrong is told to whoever hands it over."""

from __future__ import annotations

import threading

import pytest

from streamer.recordings.beside import WAITING, Beside


def test_everything_is_done_in_order() -> None:
    beside, done = Beside("test"), list[int]()
    for i in range(3 * WAITING):
        beside.do(lambda i=i: done.append(i))
    beside.close()
    assert done == list(range(3 * WAITING))


def test_whoever_is_too_fast_waits() -> None:
    beside, go, handed = Beside("test"), threading.Event(), list[int]()

    def hand_over() -> None:
        for i in range(WAITING + 10):
            beside.do(go.wait)
            handed.append(i)

    thread = threading.Thread(target=hand_over)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive() and len(handed) <= WAITING + 1
    go.set()
    thread.join(30)
    beside.close()
    assert len(handed) == WAITING + 10


def test_after_a_failure_nothing_more_is_done_and_it_is_raised() -> None:
    beside, done = Beside("test"), list[int]()

    def fail() -> None:
        raise OSError("no space")

    beside.do(fail)
    with pytest.raises(OSError, match="no space"):
        for _ in range(1000 * WAITING):
            beside.do(lambda: done.append(1))
    with pytest.raises(OSError, match="no space"):
        beside.close()
    beside.abandon()
    assert done == []
