"""A clock that is set and a machine that sleeps, in the middle of a call."""

from __future__ import annotations

import asyncio
import time

from tests.live.peers import BeepTrack, FlashTrack, until

HOUR = 3600.0


async def test_a_call_survives_a_night_and_a_clock_that_is_set(site, monkeypatch) -> None:
    room, loop = await site.room(), asyncio.get_running_loop()
    ann = await site.join(room, "Ann")
    page = await site.control(room, ann["token"])
    tracks = BeepTrack(loop.time()), FlashTrack(loop.time())
    publisher = await site.publish(room, ann["token"], *tracks)
    viewer = await site.watch(room, room["watch_invite"])
    # Sound and picture, and Ann's page alone, which says nothing for now.
    await until(lambda: all(len(viewer.frames.get(kind, [])) > 10 for kind in ("audio0", "video1")))
    place = site.context.rooms.get(room["room"])
    people, sessions = set(place.participants), [s for one in place.participants.values() for s in one.sessions]

    # The machine sleeps for eight hours, and its clock is set to another month when it wakes.
    wall, steady, running = time.time, time.monotonic, loop.time
    monkeypatch.setattr(time, "time", lambda: wall() + 40 * 24 * HOUR)
    monkeypatch.setattr(time, "monotonic", lambda: steady() + 8 * HOUR)
    monkeypatch.setattr(loop, "time", lambda: running() + 8 * HOUR)
    for track in tracks:
        track._origin += 8 * HOUR
    viewer.frames["audio0"].clear()
    viewer.frames["video1"].clear()
    woken, played = loop.time(), place.desk.statistics().played
    await until(lambda: all(len(viewer.frames[kind]) > 20 for kind in ("audio0", "video1")))
    lasted = loop.time() - woken
    # Nothing is made up for: eight hours are 1.4 million frames.
    assert place.desk.statistics().played - played < 50 * (lasted + 1)
    assert len(viewer.frames["audio0"]) < 50 * (lasted + 1)
    assert all(session.connected for session in sessions)
    assert publisher.pc.connectionState == viewer.pc.connectionState == "connected"
    assert set(place.participants) == people

    # The page speaks again by its socket, and gets a token for the hours to come.
    await page.send(type="ping", n=7)
    await until(lambda: "token" in page.newest)
    again = await site.control(room, page.newest["token"]["token"])
    await until(lambda: "welcome" in again.newest)
    assert place.participants.keys() == people
