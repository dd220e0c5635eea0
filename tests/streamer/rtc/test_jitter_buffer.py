import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.jitter_buffer import CALM, Reorder


@dataclass
class Packet:
    sequence_number: int


def order(numbers: list[int], depth: int, most: int | None = None) -> tuple[list[int], Reorder[Packet]]:
    out: list[int] = []
    most = depth if most is None else most
    buffer: Reorder[Packet] = Reorder(depth, most, lambda packet, came: out.append(packet.sequence_number))
    for number in numbers:
        buffer.step(Packet(number))
    return out, buffer


def test_a_steady_stream_is_late_by_the_depth() -> None:
    assert order(list(range(10)), 4)[0] == [0, 1, 2, 3, 4, 5]
    assert order(list(range(10)), 0)[0] == list(range(10))


def test_what_comes_in_order_or_never_is_not_held() -> None:
    numbers = [n for n in range(2000) if n % 50]
    out, buffer = order(numbers, 0, 4)
    assert out == numbers and buffer.depth == 0
    assert buffer.lost == 39  # and not the first


def test_packets_are_held_as_long_as_lately_one_was_overtaken() -> None:
    # Every seventh comes after the next two.
    numbers = list(range(7 * 20))
    for place in range(5, len(numbers) - 2, 7):
        numbers[place : place + 3] = numbers[place + 1], numbers[place + 2], numbers[place]
    out, buffer = order(numbers, 0, 4)
    assert buffer.depth == 2
    assert out == [n for n in range(7 * 20 - 2) if n != 5], "only the first is given up before it comes"
    assert (buffer.lost, buffer.late) == (1, 1)
    # When all is calm for long, the delay goes again.
    for number in range(7 * 20, 7 * 20 + 2 * CALM):
        buffer.step(Packet(number))
    assert buffer.depth == 0 and out[-1] == 7 * 20 + 2 * CALM - 1
    assert out[1:] == sorted(out)[1:]


def test_however_much_disorder_there_is_no_more_are_held_than_may_be() -> None:
    out, buffer = order([0, *range(2, 30), 1, 30, 31, 32, 33, 34], 0, 4)
    assert buffer.depth == 4
    assert out == [0, *range(2, 31)] and buffer.late == 1


def test_what_comes_twice_is_no_disorder() -> None:
    out, buffer = order([0, 1, 2, 3, 1, 2, 0, 4], 0, 4)
    assert (out, buffer.depth, buffer.late) == ([0, 1, 2, 3, 4], 0, 3)


def test_who_takes_a_packet_is_told_when_it_came() -> None:
    came: list[float] = []
    buffer: Reorder[Packet] = Reorder(1, 4, lambda packet, at: came.append(at))
    for number in range(4):
        buffer.step(Packet(number), 7.0 + number)
    assert came == [7.0, 8.0, 9.0]


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
        Reorder(5, 4, lambda packet, came: None)
    with pytest.raises(ValueError, match="depth"):
        Reorder(-1, 4, lambda packet, came: None)


def test_who_sends_a_packet_now_and_then_is_not_late_by_several() -> None:
    out: list[tuple[float, int]] = []
    now = 0.0
    buffer: Reorder[Packet] = Reorder(4, 4, lambda packet, came: out.append((now, packet.sequence_number)), 0.15)
    # Ten packets of speech, then one every 0.4 s.
    arrivals = [0.02 * n for n in range(10)] + [0.2 + 0.4 * n for n in range(1, 5)]
    for number, arrival in enumerate(arrivals):
        while buffer.due <= arrival:
            now = buffer.due
            buffer.expire(now)
        now = arrival
        buffer.step(Packet(number), now)
    now = buffer.due
    buffer.expire(now)
    assert [number for _, number in out] == list(range(14))
    assert max(at - arrivals[number] for at, number in out) <= 0.1501
    assert (buffer.lost, math.isinf(buffer.due)) == (0, True)


def test_who_has_waited_too_long_goes_with_all_before_them() -> None:
    out: list[int] = []
    buffer: Reorder[Packet] = Reorder(4, 4, lambda packet, came: out.append(packet.sequence_number), 0.15)
    for number, at in ((0, 0.0), (3, 0.02), (2, 0.1), (5, 0.1)):
        buffer.step(Packet(number), at)
    assert buffer.due == 0.15
    buffer.expire(0.16)
    assert out == [0] and buffer.due == pytest.approx(0.17)
    buffer.expire(0.18)
    # The one before it has waited less; the one after it waits on.
    assert out == [0, 2, 3] and buffer.due == pytest.approx(0.25)
