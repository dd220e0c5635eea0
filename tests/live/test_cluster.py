"""`earshot cluster`: programs are sent to the media server that has the room, and to another when that is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from streamer.client.caller import Caller
from streamer.client.listening import Listening
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient
from tests.live.peers import BeepTrack, until
from tests.live.process import running

# It takes half a minute, most of which is Ray's: CI does without.
pytest.importorskip("ray", reason="Ray is not installed (extra `cluster`)")

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def cluster(path, *flags, **settings):
    """A cluster with two media servers."""
    flags = ("--min", "2", "--max", "2", "--node-port", "6399", *flags)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", path)
        async with running("streamer", "cluster", *flags, **settings) as (process, site):
            site.http.follow_redirects = True
            yield site
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 60) == 0


@pytest.fixture
async def site():
    """One whose models are played."""
    async with cluster(f"{Path(__file__).parent / 'played'}:{ROOT}") as site:
        yield site


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


async def puts(site):
    """How often rooms were kept."""
    return sum(
        map(float, re.findall(r"^earshot_keep_puts_total{.*} (\S+)$", (await site.http.get("/metrics")).text, re.M))
    )


async def say_and_have_it_kept(site, control, text):
    """Write a line, and wait until what was known then is kept; a put that has begun may know less."""
    await control.send(type="say", text=text)
    for number in range(2):
        before = await puts(site)
        await control.send(type="say", text=f"and {number}")
        async with asyncio.timeout(60):
            while await puts(site) == before:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def back(site, room, who):
    """Come in again as oneself, as soon as another server has the room."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError, AssertionError):
                joined = await site.join(room, "Cid", who["resume"])
                return joined, await site.control(room, joined["token"])
            await asyncio.sleep(0.1)


async def test_a_killed_media_servers_call_goes_on_with_names_voices_and_words(site):
    made = await site.room()
    join, door = f"/rooms/{made['room']}/join", str(site.http.base_url)
    ears = Ears(0.0)

    def watching(at, token):
        return WhepClient(f"{at}/whep", token, 0, ears.take)

    def talking(at, token):
        return WhipClient(f"{at}/whip", token, [BeepTrack(time.monotonic())])

    callers = [
        Caller(door, made["room"], made["invite"], "Ann", talking),
        Caller(door, made["room"], made["watch_invite"], "Ben", watching),
    ]
    cid = await site.join(made, "Cid")
    control = await site.control(made, cid["token"])
    await until(lambda: "welcome" in control.newest, 60)
    tasks = [asyncio.create_task(caller.run()) for caller in callers]
    try:
        await until(lambda: ears.beeps > 3, 60)
        # A page cannot follow, and is passed on; a program is sent.
        body = {"name": "Eve", "invite": made["watch_invite"]}
        paged = await site.http.post(join, json=body, headers={"Origin": door})
        sent = await site.http.post(join, json=body)
        assert (paged.status_code, paged.url.port) == (201, site.http.base_url.port)
        assert sent.status_code == 201 and [answer.status_code for answer in sent.history] == [307]
        await until(lambda: control.insights["caption"])
        people = control.newest["room"]["room"]["participants"]
        ann = next(one["id"] for one in people if one["name"] == "Ann")
        assert control.insights["caption"][0]["text"] == "They know nothing yet."
        await control.send(type="rename", participant=ann, face=1, name="Grace")
        await control.send(type="fader", participant=ann, face=1, gain=0.25)
        await say_and_have_it_kept(site, control, "Is it on Tuesday?")

        os.kill(await asyncio.to_thread(listening_at, sent.url.port), signal.SIGKILL)
        await until(lambda: all(len(caller.joins) == 2 for caller in callers), 60)
        before = ears.beeps
        await until(lambda: ears.beeps > before + 3, 60)
        again, control = await back(site, made, cid)
        assert again["participant"] == cid["participant"]
        new = f"They know the voice of {ann}."
        await until(lambda: new in [line["text"] for line in control.insights["caption"]], 60)
        welcome = control.newest["welcome"]
        person = next(one for one in welcome["room"]["participants"] if one["id"] == ann)
        assert (person["name"], person["faces"]) == ("Ann", {"1": "Grace"})
        assert welcome["faders"]["gains"] == [{"participant": ann, "face": 1, "gain": 0.25}]
        assert control.newest["chat_history"]["lines"][0]["text"] == "Is it on Tuesday?"
        headers = {"Authorization": f"Bearer {again['token']}"}
        text = (await site.http.get(f"/rooms/{made['room']}/transcript.txt", headers=headers)).text
        said = [line.split("] ", 1)[1] for line in text.splitlines()]
        assert "Grace: They know nothing yet." in said and f"Grace: {new}" in said
        assert "Cid: [chat] Is it on Tuesday?" in said
    finally:
        ears.end()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def engines():
    """Processes of engines on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"streamer.engine.worker" in path.read_bytes():
                found.add(int(path.parent.name))
    return found


def parent(pid):
    """The process that has started another one."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def separated(site):
    """How many blocks of sound the models have had, by media server."""
    text = (await site.http.get("/metrics")).text
    return {
        server: float(n)
        for server, n in re.findall(r'^earshot_agent_separated{.*?server="(.*?)".*?} (\S+)$', text, re.M)
    }


async def test_all_media_servers_use_the_clusters_engine_and_get_another_when_it_is_killed():
    others = await asyncio.to_thread(engines)
    async with cluster(str(ROOT), "--engines", "1", engine="true") as site:
        at = str(site.http.base_url).rstrip("/")
        async with contextlib.AsyncExitStack() as calls:
            served = {}
            for _ in range(6):
                made = await site.room()
                join = await site.http.post(
                    f"/rooms/{made['room']}/join", json={"name": "Ann", "invite": made["invite"]}
                )
                served.setdefault(join.url.port, (made, join.json()))
            assert len(served) == 2
            for port, (made, joined) in served.items():
                whip = f"{at.rsplit(':', 1)[0]}:{port}/rooms/{made['room']}/whip"
                await calls.enter_async_context(WhipClient(whip, joined["token"], [BeepTrack(time.monotonic())]))
            # The models, the actor that has them, nobody.
            for victim in (lambda pid: pid, parent, None):
                before = await separated(site)

                async def more(before=before):
                    now = await separated(site)
                    return len(now) == 2 and all(n > before.get(server, 0) + 25 for server, n in now.items())

                async with asyncio.timeout(120):
                    while not await more():  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
                (one,) = await asyncio.to_thread(engines) - others
                others |= {one}
                if victim is not None:
                    os.kill(await asyncio.to_thread(victim, one), signal.SIGKILL)
    assert not await asyncio.to_thread(engines) - others
