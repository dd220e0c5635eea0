"""Packets of Opus of 60 and 120 ms, as some publishers send them: no more delay than must be, and always the same."""

from __future__ import annotations

import statistics

import pytest

from bench.packets import hear


@pytest.mark.parametrize("milliseconds", [60, 120])
async def test_long_packets_have_a_constant_delay(milliseconds: int) -> None:
    heard = await hear(milliseconds, 4.0)
    # The first sample of a packet is 120 ms old when it is let go, with either; four packets would be up to 600 ms.
    assert 0.11 < statistics.median(heard.delays) < 0.22
    early, late = (statistics.median(part) for part in (heard.delays[20:70], heard.delays[-50:]))
    assert abs(late - early) < 0.04
    # Not six blocks at once and then none for 120 ms.
    assert 0.01 < statistics.median(heard.gaps) < 0.03
    assert heard.filled == 0
