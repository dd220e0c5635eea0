"""When a room's frames are due."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest

from streamer.mixing import desk as module
from streamer.mixing.desk import Desk
from streamer.mixing.pace import EARLIER, LATER, LEAST_SPARE, MOST_SPARE, SLACK, Pace
from streamer.mixing.source import Source
from tests.streamer.mixing.conftest import block, listening

BLOCK = 0.02


def spares(frames: int, *comes: Callable[[int], float]) -> list[list[float]]:
    """Play frames at a pace; block n of each source comes when it says. Return how long before its frame each came."""
    pace, due, out = Pace(), 1.0, []
    for n in range(frames):
        spare = [due - come(n) for come in comes]
        for one in spare:
            pace.played(one)
        move = pace.step()
        assert -EARLIER <= move <= LATER
        due += BLOCK + move
        out.append(spare)
    return out


@pytest.mark.parametrize("early", [0.002, 0.005, 0.012, 0.019])
def test_whatever_moment_chance_has_chosen_blocks_wait_little(early: float) -> None:
    waited = [one for (one,) in spares(1000, lambda n: 1.0 - early + BLOCK * n)]
    assert waited[0] == pytest.approx(early)
    assert all(LEAST_SPARE - 1e-9 <= one <= LEAST_SPARE + SLACK + 1e-9 for one in waited[500:])
    assert min(waited) >= min(early, LEAST_SPARE) - 1e-9


def test_the_latest_of_all_counts() -> None:
    waited = spares(1000, lambda n: 0.982 + BLOCK * n, lambda n: 0.99 + BLOCK * n)
    assert [round(1000 * one) for one in waited[-1]] == [14, 6]


def test_blocks_that_come_unevenly_are_waited_for() -> None:
    chance = random.Random(1)
    late = [0.01 * chance.random() for _ in range(3000)]
    waited = [one for (one,) in spares(3000, lambda n: 0.98 + BLOCK * n + late[n])]
    assert min(waited[600:]) > 0.5 * LEAST_SPARE
    assert max(waited[600:]) < LEAST_SPARE + SLACK + 0.011


@pytest.mark.parametrize("drift", [-200e-6, 200e-6])
def test_a_clock_that_drifts_takes_the_frames_along(drift: float) -> None:
    waited = [one for (one,) in spares(20_000, lambda n: 0.995 + BLOCK * (1 + drift) * n)]
    assert min(waited[10:]) > 0.9 * LEAST_SPARE and max(waited) < LEAST_SPARE + 2 * SLACK


def test_where_blocks_are_missing_more_time_is_left_and_less_again_when_none_are() -> None:
    pace = Pace()
    for _ in range(3):
        pace.missed()
    assert pace.aim == pytest.approx(LEAST_SPARE + 0.012)
    for _ in range(10):
        pace.missed()
    assert pace.aim == MOST_SPARE
    for _ in range(60 * 50):
        assert pace.step() == 0.0, "where nobody is heard nothing moves"
    assert pace.aim == pytest.approx(MOST_SPARE - 60 * 0.00025)


@pytest.mark.parametrize(("jitter", "most"), [(0.0, 0.03), (0.05, 0.08), (0.1, 0.14)])
def test_blocks_that_come_as_unevenly_as_networks_make_them_are_all_heard(jitter: float, most: float) -> None:
    """In order, each up to so many seconds late; the delay is from the block's first sample."""
    chance, source, pace = random.Random(3), Source(), Pace()
    arrivals, latest = list[float](), 0.0
    for n in range(3000):
        latest = max(latest, BLOCK * (n + 1) + jitter * chance.random())
        arrivals.append(latest)
    due, fed, delays = 1.007, 0, list[float]()
    while fed < len(arrivals):
        while fed < len(arrivals) and arrivals[fed] <= due:
            source.feed(block(fed), arrivals[fed])
            fed += 1
        one = source.step()
        if one.block is not None:
            pace.played(due - one.came)
            delays.append(due - one.block.t)
        elif one.missed:
            pace.missed()
        due += BLOCK + pace.step()
    assert source.underruns <= 4, "and those while it learns"
    assert np.median(delays[500:]) < most


async def test_a_room_is_mixed_soon_after_its_blocks_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, loop = Desk(), asyncio.get_running_loop()
    _, out = listening(desk)
    clock, fed = 100.0, 0
    came: list[float] = []
    waited: list[float] = []
    yield_ = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal clock, fed
        until = clock + seconds
        while (moment := 100.005 + BLOCK * fed) <= until:
            clock = moment
            desk.feed("ada", block(fed))
            came.append(moment)
            fed += 1
        clock = until
        await yield_(0)

    step = desk.step

    def watched() -> None:
        step()
        waited.extend(clock - one.came for one in desk._due.values() if one.block)

    monkeypatch.setattr(desk, "step", watched)
    monkeypatch.setattr(loop, "time", lambda: clock)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock))
    names = {name: getattr(asyncio, name) for name in ("get_running_loop", "CancelledError")}
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep, **names))
    task = loop.create_task(desk._run())
    while len(waited) < 700:
        await yield_(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert waited[0] == pytest.approx(0.015)
    assert waited[-1] == pytest.approx(LEAST_SPARE + SLACK, abs=EARLIER)
    assert desk.statistics().underruns == 0
    assert [pts for _, pts in out.sent] == [960 * n for n in range(len(out.sent))]


async def test_who_falls_silent_is_not_missed() -> None:
    desk = Desk()
    listening(desk)
    for n in range(3):
        desk.feed("ada", block(n, 0.1 if n < 2 else 0.0))
        desk.step()
        desk._slide(0.0)
    desk.step()
    desk._slide(0.0)
    assert desk.statistics().underruns == 1 and desk._pace.aim == LEAST_SPARE
    for n in range(3, 6):
        desk.feed("ada", block(n))
    for _ in range(4):
        desk.step()
        desk._slide(0.0)
    assert desk.statistics().underruns == 2 and desk._pace.aim > LEAST_SPARE
