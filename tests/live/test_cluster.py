"""`earshot cluster`: programs are sent to the media server that has the room, and to another when that is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from streamer.client.caller import Caller
from streamer.client.listening import Listening
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient
from tests.live.peers import BeepTrack, until

# It takes half a minute, most of which is Ray's: CI does without.
pytest.importorskip("ray", reason="Ray is not installed (extra `cluster`)")

START_SECONDS = 150


@pytest.fixture
async def door():
    """The address of a cluster with two media servers."""
    own = {"EARSHOT_PORT": "0", "EARSHOT_ENGINE": "false", "EARSHOT_OBSERVER": "false", "OMP_NUM_THREADS": "1"}
    own |= {"EARSHOT_REQUESTS_BURST": "10000", "PYTHONPATH": str(Path(__file__).parents[2])}
    flags = ["--min", "2", "--max", "2", "--node-port", "6399", "--log-level", "warning"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer", "cluster", *flags), env=os.environ | own, stdout=asyncio.subprocess.PIPE
    )
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode()
        yield line.split()[-1].rstrip("/")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0


class Ears(Listening):
    beeps = 0

    def hear(self, pcm):
        self.beeps += bool(np.abs(pcm).max() > 0.2)


def listening_at(port):
    """The process that listens at a port of this machine."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A")
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == inode:
                return int(link.parts[2])
    raise LookupError(port)


async def test_a_call_goes_on_when_its_media_server_is_killed(door):
    async with httpx.AsyncClient(base_url=door, timeout=20) as http:
        made = (await http.post("/rooms")).json()
        join = f"/rooms/{made['room']}/join"
        sent = await http.post(join, json={"name": "Ann", "invite": made["invite"]})
        paged = await http.post(join, json={"name": "Ann", "invite": made["invite"]}, headers={"Origin": door})
        assert (sent.status_code, paged.status_code) == (307, 201), "a page cannot follow, and is passed on"
        there = urlsplit(sent.headers["location"])
        assert there.path == join and there.port != urlsplit(door).port

        ears = Ears(0.0)
        callers = [
            Caller(
                door,
                made["room"],
                made["invite"],
                "Ann",
                lambda at, token: WhipClient(f"{at}/whip", token, [BeepTrack(time.monotonic())]),
            ),
            Caller(
                door,
                made["room"],
                made["watch_invite"],
                "Ben",
                lambda at, token: WhepClient(f"{at}/whep", token, 0, ears.take),
            ),
        ]
        tasks = [asyncio.create_task(caller.run()) for caller in callers]
        try:
            await until(lambda: ears.beeps > 3, 30)
            os.kill(await asyncio.to_thread(listening_at, there.port), signal.SIGKILL)
            await until(lambda: all(len(caller.joins) == 2 for caller in callers), 30)
            before = ears.beeps
            await until(lambda: ears.beeps > before + 3, 30)
            again = await http.post(join, json={"name": "Cid", "invite": made["invite"]})
            assert again.status_code == 307 and urlsplit(again.headers["location"]).port != there.port
        finally:
            ears.end()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
