"""Who computes first: nice values of threads, as the kernel has them."""

import os
import sys
import threading

import pytest

from streamer.commands.doctor import check_priority
from streamer.settings import Settings
from streamer.workers.priority import (
    BEHIND,
    PROMPT,
    REAL_TIME,
    URGENT,
    be_prompt,
    go_behind,
    go_first,
    go_real_time,
    may_go_first,
)

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


def test_a_real_time_thread_is_one_and_its_children_are_not():
    def policy():
        return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK

    def work():
        go_real_time()
        return policy(), os.sched_getparam(0).sched_priority, on_a_thread(policy)

    expected = (os.SCHED_RR, REAL_TIME) if may_go_first() and (os.cpu_count() or 1) > 1 else (os.SCHED_OTHER, 0)
    assert on_a_thread(work) == (*expected, os.SCHED_OTHER)
    assert policy() == os.SCHED_OTHER


def test_the_loop_that_passes_sound_on_is_between_what_separates_and_what_looks():
    def work():
        be_prompt()
        return nice()

    before = nice()
    assert on_a_thread(work) == (PROMPT if may_go_first() else before)
    assert URGENT < PROMPT <= URGENT + BEHIND
