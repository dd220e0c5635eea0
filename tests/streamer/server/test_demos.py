"""The demo's participant that a page asks for."""

import asyncio
import sys

import pytest

from streamer.rooms.errors import Full
from streamer.server import demos
from streamer.server.demos import Demos
from streamer.settings import Settings
from tests.streamer.server.http import bearer, client, join, new_room

SLEEPS = (sys.executable, "-c", "import os, sys, time; print(sys.argv, os.environ['EARSHOT_INVITE']); time.sleep(60)")


async def playing(started, names, seconds=30.0):
    async with asyncio.timeout(seconds):
        while list(started._playing) != names:  # noqa: ASYNC110 - tasks that end tell nobody
            await asyncio.sleep(0.02)


async def test_only_the_host_has_it_come_and_one_plays_at_a_time():
    async with client() as http:
        context = http.context
        context.demos._program = SLEEPS
        room, other = await new_room(http), await new_room(http)
        address = f"/rooms/{room['room']}/demo"
        assert (await http.post(address)).status_code == 401
        assert (await http.post(address, headers=bearer(room["invite"]))).status_code == 403
        assert (await http.post(address, headers=bearer(other["host"]))).status_code in (401, 403)
        for _ in range(2):
            assert (await http.post(address, headers=bearer(room["host"]))).status_code == 202
        assert list(context.demos._playing) == [room["room"]]
        refused = await http.post(f"/rooms/{other['room']}/demo", headers=bearer(other["host"]))
        assert refused.status_code == 503 and "somebody else" in refused.json()["reason"]
        await context.demos.close()
        assert not context.demos._playing
        assert (await join(http, room)).status_code == 201


async def test_it_ends_when_nobody_is_there_to_see_it(monkeypatch):
    monkeypatch.setattr(demos, "LOOK_EVERY", 0.02)
    monkeypatch.setattr(demos, "ALONE_SECONDS", 0.2)
    async with client() as http:
        started = Demos(http.context.rooms, Settings(), SLEEPS)
        started.start("room1", 1, "invite")
        await playing(started, [])
        # Somebody sees it; then its time is over.
        room = http.context.rooms.create()
        room.join("Ann", "publish").had_control = True
        started.start(room.id, 1, "invite")
        await asyncio.sleep(0.6)
        assert list(started._playing) == [room.id]
        monkeypatch.setattr(demos, "MOST_SECONDS", 0.0)
        await playing(started, [])


async def test_one_that_ends_makes_room_for_another(monkeypatch):
    monkeypatch.setattr(demos, "LOOK_EVERY", 0.02)
    async with client() as http:
        started = Demos(http.context.rooms, Settings(), (sys.executable, "-c", "pass"))
        started.start("room1", 1, "invite")
        with pytest.raises(Full):
            started.start("room2", 1, "invite")
        await playing(started, [])
