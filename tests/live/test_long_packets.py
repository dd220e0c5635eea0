"""Packets of Opus of 60 and 120 ms, as some publishers send them: no more delay than must be, and always the same."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest

from bench.packets import Packets, hear
from tests.live.conftest import Site
from tests.live.peers import until


@pytest.mark.parametrize("milliseconds", [60, 120])
async def test_long_packets_have_a_constant_delay(milliseconds: int) -> None:
    heard = await hear(milliseconds, 4.0)
    # The first sample is as old as its packet is long, and nothing waits for packets that come in order.
    assert 0 < statistics.median(heard.delays) - milliseconds / 1000 < 0.1
    early, late = (statistics.median(part) for part in (heard.delays[20:70], heard.delays[-50:]))
    assert abs(late - early) < 0.04
    # Not six blocks at once and then none for 120 ms.
    assert 0.01 < statistics.median(heard.gaps) < 0.03
    assert heard.filled == 0


async def test_who_sends_long_packets_is_heard(site: Site) -> None:
    room = await site.room()
    await site.publish(room, room["invite"], Packets(60))
    watcher = await site.watch(room, room["watch_invite"], videos=0)

    def came() -> list[Any]:
        return next(iter(watcher.frames.values()), [])

    await until(lambda: len(came()) >= 120, 20)
    blocks = [np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples * 2 : 2] for frame in came()[-50:]]
    # The tone is at 8000; what would stand for a lost packet is softer.
    loud = [block for block in blocks if np.sqrt(np.mean(block.astype(np.float32) ** 2)) > 5000]
    assert len(loud) >= 45
    spectrum = np.mean([np.abs(np.fft.rfft(block * np.hanning(block.size), 4800)) for block in loud], axis=0)
    assert abs(10 * int(np.argmax(spectrum)) - 440) <= 10
    # Nothing is beside the tone: packets follow one another without a seam.
    assert spectrum[200:].max() < 0.01 * spectrum.max()
