"""Who computes first: nice values of threads, as the kernel has them."""

import os
import sys
import threading

import pytest

from streamer.engine.priority import BEHIND, URGENT, go_behind, go_first

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nice values of threads are Linux's")


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def on_a_thread(work):
    """What `work` gives on a thread of its own: the test's keeps its place."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_a_thread_behind_another_is_so_much_nicer_than_it():
    def work():
        started = nice()
        go_behind()
        behind = nice()
        return started, behind, on_a_thread(nice)

    started, behind, its_child = on_a_thread(work)
    assert started == nice()
    assert behind == min(started + BEHIND, 19)
    assert its_child == behind


def test_a_thread_that_is_as_far_behind_as_can_be_stays_there():
    def work():
        for _ in range(4):
            go_behind()
        return nice()

    assert on_a_thread(work) == 19


def test_who_may_go_first_does_and_who_may_not_goes_on(monkeypatch):
    def work():
        go_first()
        return nice()

    allowed = on_a_thread(lambda: _may(URGENT))
    assert on_a_thread(work) == (URGENT if allowed else nice())

    def forbidden(*arguments):
        raise PermissionError("not here")

    monkeypatch.setattr(os, "setpriority", forbidden)
    assert on_a_thread(work) == nice()


def _may(value: int) -> bool:
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), value)
    except PermissionError:
        return False
    return True
