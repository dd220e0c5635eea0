"""The blocks of a participant that wait for their turn."""

import numpy as np

from streamer.mixing.source import BACKLOG, LEAST_WAITING, Source
from tests.streamer.mixing.conftest import block


def test_blocks_come_out_in_order_and_the_first_is_a_break() -> None:
    source = Source()
    for n in range(4):
        source.feed(block(n, 0.1 * (n + 1)))
        due = source.step()
        assert due.block is not None and due.block.mix[0] == np.float32(0.1 * (n + 1))
        assert due.broken == (n == 0)
    assert source.underruns == 0


def test_after_an_underrun_more_wait() -> None:
    source = Source()
    for n in range(3):
        source.feed(block(n))
    assert [source.step().block is not None for _ in range(5)] == [True, True, True, False, False]
    assert source.underruns == 1
    source.feed(block(6))
    assert source.step().block is None
    source.feed(block(7))
    due = source.step()
    assert due.block is not None and due.broken


def test_a_burst_drops_the_oldest() -> None:
    source = Source()
    for n in range(BACKLOG + 1):
        source.feed(block(n, 0.1 * (n + 1)))
    assert source.dropped == BACKLOG + 1 - LEAST_WAITING
    assert len(source.blocks) == LEAST_WAITING
    due = source.step()
    assert due.block is not None and due.broken and due.block.mix[-1] == np.float32(0.1 * (BACKLOG + 1))


def test_delay_that_stays_is_taken_out() -> None:
    source = Source()
    for n in range(4):
        source.feed(block(n))
    for n in range(4, 160):
        source.step()
        source.feed(block(n))
    assert len(source.blocks) <= 2
    assert source.dropped == 3
    assert source.underruns == 0


def test_silence_that_comes_at_once_and_too_late_is_not_missed() -> None:
    # A packet every 0.4 s, as who says nothing sends them: 19 blocks of silence stand for what was not sent.
    source = Source()
    for n in range(200):
        if n % 20 == 19:
            for k in range(n - 19, n + 1):
                source.feed(block(k, 0.1 if k == n else 0.0))
        source.step()
    assert source.dropped == 0
