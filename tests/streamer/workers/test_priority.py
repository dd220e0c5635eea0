"""Who computes first: nice values of threads, as the kernel has them."""

import os
import sys
import threading

import pytest

from streamer.commands.doctor import check_priority
from streamer.settings import Settings
from streamer.workers.priority import BEHIND, URGENT, go_behind, go_first, may_go_first

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


def test_who_may_go_first_does_and_nobody_else_with_it():
    def work():
        go_first()
        return nice()

    before = nice()
    assert on_a_thread(work) == (URGENT if may_go_first() else before)
    assert nice() == before


def test_who_may_not_go_first_goes_on(monkeypatch):
    def forbidden(*arguments):
        raise PermissionError("not here")

    monkeypatch.setattr(os, "setpriority", forbidden)
    assert not may_go_first()
    assert [f.level for f in check_priority(Settings())] == ["poor"]
    before = nice()
    go_first()
    assert nice() == before
