import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.clock import now
from streamer.rtc.timeline import PublisherClock, Timeline, ticks_between

NTP_2026 = 3_976_000_000.0


def test_now_is_unix_time() -> None:
    assert abs(now() - time.time()) < 1.0
    assert now() <= now()


@given(st.integers(0, 2**32 - 1), st.integers(-(2**31), 2**31 - 1))
def test_ticks_between_survive_the_wrap(start: int, step: int) -> None:
    assert ticks_between(start, (start + step) % 2**32) == step


def test_arrival_time_until_a_report_comes() -> None:
    line = Timeline(48_000)
    times = [line.stamp(960 * n, 1000.0 + 0.02 * n) for n in range(50)]
    assert times[0] == pytest.approx(1000.0)
    assert times[-1] == pytest.approx(1000.98, abs=1e-3)
    assert not line.reported


def test_arrival_estimate_ignores_late_frames() -> None:
    line = Timeline(90_000)
    late = [0.0, 0.01, 0.2, 0.05, 0.0, 0.3, 0.01]
    times = [line.stamp(3000 * n, 50.0 + n / 30 + extra) for n, extra in enumerate(late)]
    for n, t in enumerate(times):
        assert t == pytest.approx(50.0 + n / 30, abs=0.005)


def test_streams_change_to_reports_together() -> None:
    clock = PublisherClock()
    audio, video = Timeline(48_000, clock), Timeline(90_000, clock)
    # Sound captured at second s arrives at s + 0.05, pictures at s + 0.25: by arrival they are 0.2 s apart.
    for n in range(100):
        audio.stamp(960 * n, 10.05 + 0.02 * n)
    for n in range(60):
        video.stamp(3000 * n, 10.25 + n / 30)
    video.report(NTP_2026 + 1.0, 90_000, 11.0)
    assert not video.reported
    assert video.stamp(3000 * 60, 12.25) == pytest.approx(12.25, abs=0.01)
    audio.report(NTP_2026 + 1.5, 48_000 + 24_000, 11.5)
    assert audio.reported and video.reported
    # Both now read the capture time; the picture had to go back by 0.2 s and never stood still.
    times = [video.stamp(3000 * n, 10.25 + n / 30) for n in range(61, 90)]
    assert all(a < b for a, b in itertools.pairwise(times))
    assert times[-1] == pytest.approx(10.0 + 89 / 30, abs=0.002)
    heard = [audio.stamp(960 * n, 10.05 + 0.02 * n) for n in range(100, 120)]
    assert heard[-1] == pytest.approx(10.0 + 119 * 0.02, abs=0.002)


def test_a_stream_alone_does_not_wait() -> None:
    clock = PublisherClock()
    audio = Timeline(48_000, clock)
    Timeline(90_000, clock)  # a camera that never sends
    audio.stamp(0, 5.0)
    audio.report(NTP_2026, 0, 5.0)
    assert audio.reported


def test_an_ended_stream_is_not_waited_for() -> None:
    clock = PublisherClock()
    audio, video = Timeline(48_000, clock), Timeline(90_000, clock)
    audio.stamp(0, 5.0)
    video.stamp(0, 5.0)
    audio.report(NTP_2026, 0, 5.0)
    assert not audio.reported
    clock.remove(video)
    assert audio.reported


@given(st.floats(-4e9, 4e9))
def test_a_wrong_clock_still_gives_server_time(error: float) -> None:
    line = Timeline(48_000)
    line.stamp(0, 1000.0)
    line.report(NTP_2026 + error, 0, 1000.01)
    assert line.stamp(48_000, 1001.0) == pytest.approx(1001.01, abs=1e-4)


def test_a_clock_set_anew_mid_call_keeps_both_streams_aligned() -> None:
    clock = PublisherClock()
    audio, video = Timeline(48_000, clock), Timeline(90_000, clock)
    audio.stamp(0, 100.0)
    video.stamp(0, 100.0)
    audio.report(NTP_2026, 0, 100.0)
    video.report(NTP_2026, 0, 100.0)
    audio.stamp(480_000, 110.0)
    video.stamp(900_000, 110.0)
    # The publisher's clock jumps by an hour.
    audio.report(NTP_2026 + 3610, 480_000, 110.0)
    assert not audio.reported and not video.reported
    video.report(NTP_2026 + 3610, 900_000, 110.0)
    assert audio.reported and video.reported
    a, v = audio.stamp(528_000, 111.0), video.stamp(990_000, 111.0)
    assert a == pytest.approx(111.0, abs=0.01)
    assert v == pytest.approx(a, abs=1e-6)


def test_a_stream_that_starts_over_goes_by_arrival_again() -> None:
    line = Timeline(90_000)
    line.stamp(0, 10.0)
    line.report(NTP_2026, 0, 10.0)
    t = line.stamp(90_000 * 3600, 11.0)
    assert not line.reported
    assert t == pytest.approx(11.0)


def test_time_of_a_decoded_frame_is_that_of_its_stamp() -> None:
    line = Timeline(48_000)
    with pytest.raises(LookupError):
        line.time(0)
    stamps = {960 * n: line.stamp(960 * n, 7.0 + 0.02 * n) for n in range(600)}
    line.report(NTP_2026, 960 * 599, 30.0)
    assert line.time(960 * 590) == stamps[960 * 590]
    assert line.time(960 * 599 + 480) == pytest.approx(stamps[960 * 599] + 0.01)


def test_jitter_of_reports_is_averaged() -> None:
    line = Timeline(90_000)
    line.stamp(0, 10.0)
    line.report(NTP_2026, 0, 10.0)
    line.report(NTP_2026 + 1.02, 90_000, 11.02)
    assert line.stamp(180_000, 12.0) == pytest.approx(12.005)


@given(
    st.lists(
        st.tuples(st.integers(1, 300_000), st.floats(0.0, 3.0), st.sampled_from(["frame", "report"])),
        max_size=40,
    )
)
def test_time_is_strictly_increasing_whatever_comes(events: list[tuple[int, float, str]]) -> None:
    line = Timeline(90_000)
    pts, arrival, last = 0, 100.0, None
    for ticks, wait, kind in events:
        arrival += wait
        if kind == "report":
            line.report(NTP_2026 + ticks / 1000, pts + ticks, arrival)
        else:
            pts += ticks
            t = line.stamp(pts, arrival)
            assert last is None or t > last
            last = t


def test_clock_rate_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="clock rate"):
        Timeline(0)
