"""Which sound waits and which is dropped in the model process."""

import numpy as np

from streamer.engine.types import BLOCK
from streamer.engine.worker import AUDIO_BACKLOG, STALE, Block, Inbox


def filled(*arrived: float) -> Inbox:
    """Blocks 0, 1, ... that arrived then."""
    inbox = Inbox()
    for index, at in enumerate(arrived):
        inbox.put(Block(index, 0.02 * index, np.zeros(BLOCK, np.float32), at))
    return inbox


def test_sound_that_can_be_in_time_is_taken_in_order():
    now = 1.0 + 0.9 * STALE
    inbox = filled(1.0, 1.0, 1.02, now)
    assert [inbox.take(now).index for _ in range(4)] == [0, 1, 2, 3]
    assert inbox.dropped == 0


def test_sound_that_would_be_late_is_dropped_and_counted():
    inbox = filled(1.0, 1.02, 1.04, 1.06, 1.08)
    assert inbox.take(1.065 + STALE).index == 4
    assert inbox.dropped == 4 and not inbox.audio


def test_the_newest_is_taken_however_old():
    inbox = filled(1.0, 1.02)
    assert inbox.take(9.0).index == 1
    assert inbox.dropped == 1


def test_a_process_a_tenth_too_slow_drops_a_tenth_and_the_rest_is_in_time():
    step, waited, taken, now, arrived = 0.022, [], [], 0.0, 0
    inbox = Inbox()
    while arrived < 1000:
        while arrived * 0.02 <= now:
            inbox.put(Block(arrived, 0.0, np.zeros(BLOCK, np.float32), arrived * 0.02))
            arrived += 1
        if not inbox.audio:
            now = arrived * 0.02
            continue
        block = inbox.take(now)
        waited.append(now - block.arrived)
        taken.append(block.index)
        now += step
    assert max(waited) <= STALE
    assert taken == sorted(taken)
    assert inbox.dropped == 1000 - len(taken) - len(inbox.audio)
    assert 0.08 < inbox.dropped / 1000 < 0.1


def test_a_backlog_has_an_end():
    inbox = filled(*[1.0] * (AUDIO_BACKLOG + 3))
    assert inbox.dropped == 3
    assert inbox.take(1.0).index == 3
