"""The clock alone: packets in, shifts out."""

from __future__ import annotations

import pytest

from streamer.media.clock import Clock, ClockReader

SOUND, PICTURES = 0, 1


def read(*parts: dict[int, list[float]], starts: dict[int, float] | None = None) -> Clock:
    """Read parts one after the other: of each track the times of packets, 0.04 s long, interleaved by time."""
    reader, counts = ClockReader(), {SOUND: 0, PICTURES: 0}
    for part in parts:
        for t, track in sorted((t, track) for track, times in part.items() for t in times):
            reader.packet(track, counts[track], t, t, 0.04)
            counts[track] += 1
    return reader.clock(starts or {})


def span(begin: float, count: int) -> list[float]:
    return [begin + 0.04 * i for i in range(count)]


def test_a_clock_that_runs_is_moved_to_0_and_no_more() -> None:
    clock = read({SOUND: span(1.4, 50), PICTURES: span(1.42, 50)})
    assert clock.shifts == {SOUND: ((0, -1.4),), PICTURES: ((0, -1.4),)}
    assert not clock.jumps and clock.end == pytest.approx(2.02)


def test_the_containers_own_beginning_counts() -> None:
    clock = read({SOUND: span(0.0, 50)}, starts={SOUND: 0.025})
    assert clock.shifts == {SOUND: ((0, -0.025),)}


@pytest.mark.parametrize("again", [1.4, 5001.4, -70_000.0])
def test_parts_that_were_joined_follow_one_another_and_stay_in_step(again: float) -> None:
    clock = read(
        {SOUND: span(1.4, 50), PICTURES: span(1.5, 50)}, {SOUND: span(again + 0.1, 50), PICTURES: span(again, 50)}
    )
    (_, sound), (_, pictures) = clock.shifts[SOUND][1], clock.shifts[PICTURES][1]
    assert [number for number, _ in clock.shifts[SOUND]] == [0, 50]
    assert sound == pictures
    # The pictures ended last, at 2.1 s; those of the second part begin there.
    assert again + pictures == pytest.approx(2.1)
    (jump,) = clock.jumps
    assert jump.t == pytest.approx(2.1) and jump.by == pytest.approx(again - 3.5)
    assert clock.end == pytest.approx(2.1 + 0.1 + 2.0)


def test_packets_of_the_first_part_may_come_after_some_of_the_second() -> None:
    reader = ClockReader()
    for number, t in enumerate([*span(0.0, 50), *span(0.0, 10)]):
        reader.packet(PICTURES, number, t, t, 0.04)
    for number, t in enumerate([*span(0.0, 50), *span(0.0, 50)]):
        reader.packet(SOUND, number, t, t, 0.04)
    clock = reader.clock({})
    assert len(clock.jumps) == 1
    assert clock.shifts[SOUND][1] == (50, pytest.approx(2.0)) and clock.shifts[PICTURES][1] == (50, pytest.approx(2.0))


def test_one_track_that_is_set_back_goes_on_where_it_was() -> None:
    reader = ClockReader()
    for i in range(100):
        t = i * 0.04
        reader.packet(PICTURES, i, t, t, 0.04)
        sound = t if i < 50 else t - 1.8
        reader.packet(SOUND, i, sound, sound, 0.04)
    clock = reader.clock({})
    assert clock.shifts[PICTURES] == ((0, 0.0),)
    assert clock.shifts[SOUND][1] == (50, pytest.approx(1.8))


def test_a_pause_is_a_pause_while_somebody_goes_on() -> None:
    clock = read({SOUND: [*span(0, 25), *span(1801, 25)], PICTURES: [float(t) for t in range(1803)]})
    assert not clock.jumps and clock.shifts[SOUND] == ((0, 0.0),)


def test_dead_time_of_hours_is_closed() -> None:
    clock = read({SOUND: [*span(0, 25), *span(7201, 25)]})
    assert clock.jumps[0].by == pytest.approx(7200) and clock.end == pytest.approx(2.0)


def test_a_picture_that_lasts_until_after_the_jump_does_not_hide_it() -> None:
    reader = ClockReader()
    for number, (t, lasts) in enumerate([(0.0, 0.04), (0.04, 7200.0), (7200.04, 0.04), (7200.08, 0.04)]):
        reader.packet(PICTURES, number, t, t, lasts)
    assert reader.clock({}).end == pytest.approx(0.12, abs=0.05)


def test_pictures_out_of_order_are_no_jump() -> None:
    reader = ClockReader()
    for number, (decoded, shown) in enumerate([(-0.08, 0.0), (-0.04, 0.16), (0.0, 0.08), (0.04, 0.04), (0.08, 0.12)]):
        reader.packet(PICTURES, number, decoded, shown, 0.04)
    clock = reader.clock({})
    assert clock.shifts == {PICTURES: ((0, 0.0),)} and clock.end == pytest.approx(0.2)


def test_slow_pictures_out_of_order_are_no_jump_either() -> None:
    reader = ClockReader()
    for number, (decoded, shown) in enumerate(
        [(None, 0.0), (None, 3.0), (0.0, 1.0), (1.0, 2.0), (2.0, 6.0), (3.0, 4.0)]
    ):
        reader.packet(PICTURES, number, decoded, shown, 1.0)
    clock = reader.clock({})
    assert clock.shifts == {PICTURES: ((0, 0.0),)} and clock.end == pytest.approx(7.0)


def test_tracks_of_different_clocks_begin_together_and_that_is_known() -> None:
    clock = read({SOUND: span(0, 50)}, {PICTURES: span(1.7e9, 50)})
    assert clock.apart == (PICTURES,) and not clock.jumps
    assert 1.7e9 + clock.shifts[PICTURES][0][1] == pytest.approx(0.0, abs=1e-3)
    assert clock.end == pytest.approx(2.0, abs=1e-3)
