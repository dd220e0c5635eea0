"""`earshot serve --servers 2`: rooms stay whole, one server dies and the other's calls notice nothing of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from tests.live.peers import BeepTrack, until
from tests.live.process import START_SECONDS, running


def processes(parent):
    """The media servers' process numbers by name."""
    found = {}
    for pid in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"streamer.commands.media_server" in command:
            found[command[-2].decode()] = pid
    return found


@pytest.fixture
async def front():
    async with running("streamer", "serve", "--servers", "2") as (process, site):
        yield process, site


async def counted(http, name):
    """A metric of each server."""
    text = (await http.get("/metrics")).text
    return {server: float(value) for server, value in re.findall(rf'^{name}{{server="(\d)"}} (\S+)$', text, re.M)}


async def call(site, room, resume=None):
    """Somebody who talks, and hears the room; and somebody who listens only."""
    ann = await site.join(room, "Ann", resume)
    await site.publish(room, ann["token"], BeepTrack(time.monotonic()))
    viewer = await site.watch(room, room["watch_invite"])
    await until(lambda: loud(viewer), 30)
    return ann, viewer


def loud(viewer):
    return any(np.abs(frame.to_ndarray()).max() > 8000 for frame in viewer.frames.get("audio0", []))


async def test_rooms_stay_whole_and_one_server_may_die(front):
    process, site = front
    rooms = [await site.room(), await site.room()]
    assert await counted(site.http, "earshot_rooms") == {"0": 1, "1": 1}, "a new room goes where fewest are"
    (ann, _), (_, unhurt) = [await call(site, room) for room in rooms]
    for name in ("publishers", "watchers"):
        assert await counted(site.http, f"earshot_{name}") == {"0": 1, "1": 1}, (
            "whoever comes to a room finds all others"
        )
    socket = await site.control(rooms[0], ann["token"])
    await until(lambda: "room" in socket.newest or "state" in socket.newest)

    pids = await asyncio.to_thread(processes, process.pid)
    assert set(pids) == {"0", "1"}

    # The server of the first room dies.
    heard = unhurt.frames["audio0"]
    before = heard[-1].pts
    text = (await site.http.get("/metrics")).text
    lost = next(server for server in pids if f'earshot_control_connections{{server="{server}"}} 1.0' in text)
    os.kill(pids[lost], signal.SIGKILL)
    await asyncio.wait_for(socket.raw.wait_closed(), 10)

    async def back():
        while True:
            answer = await site.http.post(
                f"/rooms/{rooms[0]['room']}/join",
                json={"name": "Ann", "invite": rooms[0]["invite"], "resume": ann["resume"]},
            )
            if answer.status_code == 201:
                return answer.json()
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)

    again = await asyncio.wait_for(back(), 20)
    _, viewer = await call(site, rooms[0], again["resume"])
    assert loud(viewer), "the room is back, with its people"
    assert (await counted(site.http, "earshot_publishers")) in (
        {lost: 0, str(1 - int(lost)): 2},
        {str(1 - int(lost)): 2},
    )

    # The other room's listener has lost nothing meanwhile.
    await until(lambda: heard[-1].pts >= before + 48_000)
    assert max(np.diff([frame.pts for frame in heard if frame.pts >= before])) <= 0.5 * 48_000

    # The server is started again, and the room, which lives elsewhere now, stays there whole.
    async with asyncio.timeout(START_SECONDS):
        while (await site.http.get("/ready")).json().get("servers") != {"0": "ready", "1": "ready"}:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert (await counted(site.http, "earshot_server_starts_total"))[lost] == 2
    await site.join(rooms[0], "Ben")
    assert (await counted(site.http, "earshot_participants"))[lost] == 0

    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 30) == 0
