"""Clocks that are set, and machines that sleep: nothing is late, expired or over because of them."""

import asyncio
import os
import time

import aiortc.clock
import aiortc.rate
import pytest

from streamer import clock
from streamer.auth import Denied, Tokens
from streamer.client.file_tracks import PlayClock
from streamer.rooms.shelf import RESULT, Shelf
from streamer.rtc import packet_sender, steady_time
from streamer.settings import Settings

DAY = 24 * 3600.0


@pytest.fixture
def sleep(monkeypatch):
    """Has the machine sleep: for so many seconds nothing runs, and its monotonic clock goes on."""
    slept, real = [0.0], []

    async def sleeps(seconds):
        loop = asyncio.get_running_loop()
        if not real:
            real.append(loop.time)
            monkeypatch.setattr(loop, "time", lambda: real[0]() + slept[0])
        slept[0] += seconds
        # What is due by now is called.
        for _ in range(10):
            await asyncio.sleep(0)

    return sleeps


async def test_who_wakes_has_the_whole_time_again(sleep):
    called = []
    deadline = clock.Deadline(30, lambda: called.append(True))
    await sleep(3600)
    await sleep(29)
    assert not called
    await sleep(1.1)
    assert called
    clock.Deadline(30, lambda: called.append(True)).cancel()
    await sleep(30)
    deadline.cancel()
    assert called == [True]


async def test_a_timeout_counts_what_was_slept_as_nothing(sleep):
    event = asyncio.Event()

    async def waits():
        async with clock.timeout(30):
            await event.wait()

    waiting = [asyncio.create_task(waits()) for _ in range(2)]
    await sleep(0)
    await sleep(3600)
    assert not any(task.done() for task in waiting)
    waiting[0].cancel()
    await sleep(30.1)
    assert isinstance(waiting[1].exception(), TimeoutError) and waiting[0].cancelled()
    async with clock.timeout(30):
        event.set()
        await event.wait()


@pytest.mark.parametrize("step", [40 * DAY, -40 * DAY])
def test_a_clock_that_is_set_makes_no_token_older(monkeypatch, step):
    tokens, real = Tokens(Settings()), time.time
    before = tokens.mint("session", "room1", "publish", "p1")
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert tokens.verify(before, "room1", "session").participant == "p1"
    tokens.verify(tokens.mint("session", "room1", "publish", "p1"), "room1", "session")
    tokens._clock = lambda: clock.now() + 301
    with pytest.raises(Denied, match="expired"):
        tokens.verify(before, "room1", "session")


@pytest.mark.parametrize("step", [40 * DAY, -40 * DAY])
async def test_a_clock_that_is_set_deletes_no_recording(tmp_path, monkeypatch, step):
    shelf, real = Shelf(Settings(recordings=tmp_path)), time.time
    folders = [tmp_path / f"20260101-12000{number}-room1-0123456789abcdef" for number in range(3)]
    for folder, age in zip(folders, (0.0, 0.0, 45 * DAY), strict=True):
        (folder / RESULT).mkdir(parents=True)
        # The second one is made by the clock that is wrong.
        moment = real() - age + (step if folder == folders[1] else 0.0)
        os.utime(folder, (moment, moment))
    monkeypatch.setattr(time, "time", lambda: real() + step)
    await shelf.sweep()
    # One that both clocks find old goes; set back, the clock finds none old.
    assert [folder.exists() for folder in folders] == [True, True, step < 0]


def test_aiortc_goes_by_the_servers_time(monkeypatch):
    steady_time.install()
    monkeypatch.setattr(clock, "_UNIX_MINUS_MONOTONIC", clock.origin())
    clock.share(clock.origin() + 100 * DAY)
    assert aiortc.clock.current_ms() == pytest.approx((clock.now() + 2_208_988_800) * 1000, abs=1000)
    assert aiortc.rtcrtpreceiver.time.time() == pytest.approx(clock.now(), abs=1)
    assert aiortc.rtcrtpsender.time.time() == pytest.approx(clock.now(), abs=1)
    assert packet_sender.ntp_time() / 2**32 == pytest.approx(clock.now() + 2_208_988_800, abs=1)
    assert aiortc.clock.current_ntp_time() / 2**32 == pytest.approx(clock.now() + 2_208_988_800, abs=1)


def test_a_counter_of_bits_does_not_go_through_the_night():
    class Buckets(list):
        looked = 0

        def __getitem__(self, index):
            self.looked += 1
            assert self.looked < 5_000, "every millisecond is looked at"
            return super().__getitem__(index)

    steady_time.install()
    counter = aiortc.rate.RemoteBitrateEstimator().incoming_bitrate
    for moment in (0, 10, 20):
        counter.add(100, moment)
    assert counter.rate(99) == 8000 * 300 // 100
    counter._buckets = Buckets(counter._buckets)
    night = int(DAY * 1000)
    counter.add(50, night)
    assert counter.rate(night) == 8000 * 50 // 1000
    counter.add(50, night + 500)
    assert counter.rate(night + 500) == 8000 * 100 // 1000


def test_a_file_does_not_make_up_for_what_was_slept():
    now = [100.0]
    play = PlayClock(lambda: now[0])
    assert play.behind(0.0) == 0.0
    now[0] += 0.5
    assert play.behind(0.02) == pytest.approx(0.48), "a busy machine catches up"
    assert play.behind(0.48) == pytest.approx(0.02)
    now[0] += 60.0
    assert play.behind(0.5) == 0.0
    assert play.behind(0.52) == pytest.approx(-0.02)
    assert play.behind(9.0) == pytest.approx(-8.5)
    now[0] += 8.5
    assert play.behind(11.0) == pytest.approx(-2.0), "a picture that comes seldom is none that was slept through"
