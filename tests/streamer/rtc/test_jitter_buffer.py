from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.jitter_buffer import Reorder


@dataclass
class Packet:
    sequence_number: int


def order(numbers: list[int], depth: int) -> tuple[list[int], Reorder[Packet]]:
    out: list[int] = []
    buffer: Reorder[Packet] = Reorder(depth, lambda packet: out.append(packet.sequence_number))
    for number in numbers:
        buffer.step(Packet(number))
    return out, buffer


def test_a_steady_stream_is_late_by_the_depth() -> None:
    assert order(list(range(10)), 4)[0] == [0, 1, 2, 3, 4, 5]
    assert order(list(range(10)), 0)[0] == list(range(10))


def test_a_loss_does_not_add_delay() -> None:
    out, buffer = order([n for n in range(20) if n not in (5, 11, 12)], 4)
    assert out == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 13, 14, 15]
    assert (buffer.lost, buffer.late) == (3, 0)


def test_disorder_is_undone_across_the_wrap() -> None:
    out, buffer = order([65533, 65535, 65534, 1, 0, 2, 3, 4], 2)
    assert out == [65533, 65534, 65535, 0, 1, 2]
    assert (buffer.lost, buffer.late) == (0, 0)


def test_duplicates_and_stragglers_are_dropped() -> None:
    out, buffer = order([0, 1, 2, 3, 3, 0, 4], 2)
    assert out == [0, 1, 2]
    assert (buffer.lost, buffer.late) == (0, 2)


def test_a_jump_begins_anew() -> None:
    out, buffer = order([10, 11, 30_000, 30_001, 30_002], 2)
    assert out == [10, 11, 30_000]
    assert buffer.lost == 0


@given(st.lists(st.integers(0, 65_535), max_size=80), st.integers(0, 6))
def test_whatever_comes_it_stays_bounded_and_loses_nothing(numbers: list[int], depth: int) -> None:
    out, buffer = order(numbers, depth)
    before = len(out)
    buffer.flush()
    assert len(out) - before <= depth
    assert len(out) + buffer.late == len(numbers)


@given(st.integers(0, 65_535), st.sets(st.integers(0, 60)), st.integers(0, 6))
def test_a_lossy_stream_keeps_its_order(start: int, kept: set[int], depth: int) -> None:
    numbers = [(start + n) & 0xFFFF for n in sorted(kept)]
    out, buffer = order(numbers, depth)
    buffer.flush()
    assert out == numbers


def test_a_negative_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="depth"):
        Reorder(-1, lambda packet: None)
