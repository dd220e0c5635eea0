"""Blocks of one packet, evenly over its length."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from streamer.rtc import spread
from streamer.rtc.spread import Spread


class Loop:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 5.0
        self.timers: list[Any] = []

    def time(self) -> float:
        return self.now

    def call_at(self, due: float, callback: Any, *arguments: Any) -> Any:
        timer = SimpleNamespace(due=due, call=lambda: callback(*arguments))
        timer.cancel = lambda: self.timers.remove(timer)
        self.timers.append(timer)
        return timer

    def pass_until(self, then: float) -> None:
        while self.timers and self.timers[0].due <= then + 1e-9:
            timer = self.timers.pop(0)
            self.now = timer.due
            timer.call()
        self.now = then


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    loop = Loop()
    monkeypatch.setattr(spread, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    return loop


def spreading(loop: Loop) -> tuple[Spread[int], list[tuple[float, int]]]:
    out: list[tuple[float, int]] = []
    return Spread(0.02, lambda block: out.append((round(loop.now - 5.0, 3), block))), out


def test_a_long_packet_goes_on_a_block_at_a_time(loop: Loop) -> None:
    steady, out = spreading(loop)
    for n in range(3):
        loop.pass_until(5.0 + 0.06 * n)
        steady.step([3 * n, 3 * n + 1, 3 * n + 2], 3)
    loop.pass_until(6.0)
    assert out == [(round(0.02 * n, 3), n) for n in range(9)]


def test_a_short_one_goes_on_at_once_and_so_does_what_fills_a_gap(loop: Loop) -> None:
    steady, out = spreading(loop)
    steady.step([1], 1)
    steady.step([], 0)
    steady.step([2, 3, 4], 1)
    steady.step([5, 6, 7], 2)
    assert [block for _, block in out] == [1, 2, 3, 4, 5, 6]
    loop.pass_until(6.0)
    assert out[-1] == (0.02, 7)


def test_what_is_left_of_a_packet_goes_when_the_next_comes(loop: Loop) -> None:
    steady, out = spreading(loop)
    steady.step([1, 2, 3], 3)
    loop.pass_until(5.01)
    steady.step([4, 5, 6], 3)
    assert [block for _, block in out] == [1, 2, 3, 4]
    steady.flush()
    assert [block for _, block in out] == [1, 2, 3, 4, 5, 6] and not loop.timers
    steady.step([7, 8], 2)
    steady.close()
    loop.pass_until(6.0)
    assert out[-1][1] == 7 and not loop.timers
