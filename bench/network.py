"""Bad networks, and Janus beside this server: `python -m bench.network`, some six minutes.

Without models: what is measured is the way of media. Clients go through a UDP proxy (`bench/network_proxy.py`).
"""

from __future__ import annotations

import asyncio
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription

from bench import network_browser
from bench.call import Call, call, cpu_seconds
from bench.network_fan import JANUS_PORT, Feed, start_janus
from bench.network_media import Clip, Made, Pictures, Tone
from bench.network_peers import AGAIN, PATIENCE, Client, connection
from bench.page import publish, table, verdict
from bench.summary import ROOT

LOSSES, JITTERS = (0.0, 0.02, 0.05, 0.15), (0.0, 0.05, 0.2)
SETTLE, SECONDS = 1.5, 6.0
CUT, BACK = 20.0, 12.0
FAN_SECONDS = 8.0
LISTENERS = (1, 16)
LIMIT, JANUS = 0.010, 0.003
"""Of a core, that a listener may cost; and what Janus takes on the machine for which that was said."""


class Measured(NamedTuple):
    """Rows of tables, of one server.

    Attributes:
        fans: what listeners cost it.
        seen: what Chromium sees through a bad network.
        back: how soon Chromium sees something after a cut.
    """

    fans: list[list[str]]
    seen: list[list[str]]
    back: list[list[str]]


async def rooms(http: httpx.AsyncClient, count: int) -> list[tuple[str, str]]:
    """Make rooms: the id and the invite of each."""
    made = [(await http.post("/rooms")).json() for _ in range(count)]
    return [(room["room"], room["invite"]) for room in made]


async def lossy(http: httpx.AsyncClient, jitter: float) -> list[list[str]]:
    """Measure all losses of publishers at one jitter, side by side, each in a room of its own."""
    start = time.monotonic()
    pairs = []
    for seed, (room, invite) in enumerate(await rooms(http, len(LOSSES))):
        sender, listener = Client(http, room, invite, Tone, Pictures, start=start), Client(http, room, invite)
        await sender.open(seed)
        await listener.open(seed + 100)
        pairs.append((sender, listener))
    await seen(listener for _, listener in pairs)
    for loss, (sender, _) in zip(LOSSES, pairs, strict=True):
        sender.proxy.worsen(loss, jitter)
    await asyncio.sleep(SETTLE)
    begin = time.monotonic()
    await asyncio.sleep(SECONDS)
    end = time.monotonic()
    rows = []
    for loss, (_, listener) in zip(LOSSES, pairs, strict=True):
        count, share = listener.meter.frozen(begin, end)
        rows.append(
            [
                f"{loss:.0%}",
                f"{1000 * jitter:.0f} ms",
                f"{count}",
                f"{share:.0%}",
                f"{listener.meter.concealed(begin, end):.1%}",
            ]
        )
    await asyncio.gather(*(client.close() for pair in pairs for client in pair))
    return rows


async def seen(listeners: Any) -> None:
    """Wait until all listeners have had a second of picture and sound."""
    async with asyncio.timeout(40):
        for listener in listeners:
            while len(listener.meter.pictures) < 10 or len(listener.meter.blocks) < 40:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)


async def broken(http: httpx.AsyncClient) -> list[list[str]]:
    """Measure how long it takes until media is back after a cut, and after a change of address."""
    start, cases = time.monotonic(), []
    for (room, invite), (publisher, moves) in zip(
        await rooms(http, 4), [(False, False), (True, False), (False, True), (True, True)], strict=True
    ):
        sender, listener = Client(http, room, invite, Tone, Pictures, start=start), Client(http, room, invite)
        await sender.open()
        await listener.open()
        cases.append((sender, listener, publisher, moves))
    await seen(listener for _, listener, _, _ in cases)
    moments: list[float] = []

    async def disturb(sender: Client, listener: Client, publisher: bool, moves: bool) -> float:
        client = sender if publisher else listener
        client.keep()
        if moves:
            await asyncio.sleep(CUT)
            await client.proxy.move()
        else:
            client.proxy.cut = True
            await asyncio.sleep(CUT)
            client.proxy.cut = False
        moment = time.monotonic()
        await asyncio.sleep(BACK)
        return moment

    moments = await asyncio.gather(*(disturb(*case) for case in cases))
    rows = []
    for (sender, listener, publisher, moves), moment in zip(cases, moments, strict=True):
        # What was still on its way when the address changed is not it.
        picture, sound = listener.meter.back(moment + 0.5)
        sessions = (sender if publisher else listener).sessions
        rows.append(
            [
                "the publisher" if publisher else "a listener",
                "comes from another address" if moves else f"is cut off for {CUT:.0f} s",
                spoken(picture + 0.5),
                spoken(sound + 0.5),
                "the same" if sessions == 1 else "a new one",
            ]
        )
    await asyncio.gather(*(client.close() for sender, listener, _, _ in cases for client in (sender, listener)))
    return rows


def spoken(seconds: float) -> str:
    """Write a time, which may be endless."""
    return "not within the bench" if math.isinf(seconds) else f"{seconds:.1f} s"


async def fan(name: str, pid: int, clip: Path, start: float, url: str, *room: str) -> list[list[str]]:
    """Measure what listeners cost a server, and how late they are."""

    async def cost(seconds: float) -> float:
        before, began = cpu_seconds(pid), time.monotonic()
        await asyncio.sleep(seconds)
        return (cpu_seconds(pid) - before) / (time.monotonic() - began)

    await asyncio.sleep(2)
    alone, rows = await cost(FAN_SECONDS), []
    for count in LISTENERS:
        options = [str(clip), str(start), str(FAN_SECONDS + 1), str(count), url, *room]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.network_fan", *options, cwd=ROOT, stdout=subprocess.PIPE, limit=2**24
        )
        assert process.stdout is not None
        try:
            if (await process.stdout.readline()).strip() != b"up":
                raise RuntimeError(f"the listeners of {name} did not come up")
            used = await cost(FAN_SECONDS)
            got = json.loads(await process.stdout.readline())
            # They say goodbye.
            await asyncio.wait_for(process.wait(), 20)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        pictures, sounds = (np.array(got[kind]) * 1000 for kind in ("pictures", "sounds"))
        rows.append(
            [
                name,
                f"{count}",
                f"{max(0.0, used - alone) / count:.4f}",
                f"{np.median(pictures):.0f} ms, {np.quantile(pictures, 0.95):.0f} ms",
                f"{np.median(sounds):.0f} ms, {np.quantile(sounds, 0.95):.0f} ms" if sounds.size else "none heard",
                f"{got['freezes']:.1f}",
            ]
        )
    return rows


async def published(http: httpx.AsyncClient, clip: Clip) -> tuple[RTCPeerConnection, str, str, float]:
    """Publish a clip in a new room: the publisher, the room, its invite, and when the clip's first piece was due."""
    [(room, invite)] = await rooms(http, 1)
    start, pc = time.monotonic(), connection()
    for kind, pieces in (("audio", clip.sound), ("video", clip.pictures)):
        pc.addTransceiver(Made(kind, pieces, start), "sendonly")
    await pc.setLocalDescription(await pc.createOffer())
    headers = {"content-type": "application/sdp", "authorization": f"Bearer {invite}"}
    answer = await http.post(f"/rooms/{room}/whip", content=pc.localDescription.sdp, headers=headers)
    answer.raise_for_status()
    await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    return pc, room, invite, start


async def ours(running: Call, http: httpx.AsyncClient, clip: Clip, path: Path) -> Measured:
    """Measure this server."""
    pc, room, invite, start = await published(http, clip)
    try:
        fans = await fan("Earshot", running.server.pid, path, start, running.address, room, invite)
        seen, back = await listened("Earshot", network_browser.earshot(http, room, invite))
        return Measured(fans, seen, [back])
    finally:
        await pc.close()


async def listened(name: str, connect: network_browser.Connect) -> tuple[list[list[str]], list[str]]:
    """Measure what Chromium sees of a server through a bad network, and after a cut."""
    async with network_browser.chromium() as page:
        rows = [row for jitter in JITTERS for row in await network_browser.listened(name, page, connect, jitter)]
        return rows, await network_browser.interrupted(name, page, connect)


async def theirs(clip: Clip, path: Path) -> Measured:
    """Measure Janus; a row that says so where it is not installed."""
    try:
        process = await asyncio.to_thread(start_janus)
    except FileNotFoundError:
        return Measured([["Janus", "", "not installed (`apt install janus`)", "", "", ""]], [], [])
    start, url = time.monotonic(), f"http://127.0.0.1:{JANUS_PORT}"
    feed = asyncio.create_task(Feed(clip, start).run())
    try:
        fans = await fan("Janus", process.pid, path, start, url)
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            seen, back = await listened("Janus", network_browser.janus(http))
        return Measured(fans, seen, [back])
    finally:
        feed.cancel()
        process.terminate()
        await asyncio.to_thread(process.wait)
        await asyncio.gather(feed, return_exceptions=True)


async def measure(running: Call, clip: Clip, path: Path) -> tuple[Measured, list[list[str]], list[list[str]]]:
    """Measure everything of this server, one thing after the other."""
    async with httpx.AsyncClient(base_url=running.address, timeout=60, trust_env=False) as http:
        own = await ours(running, http, clip, path)
        paths = [row for jitter in JITTERS for row in await lossy(http, jitter)]
        breaks = await broken(http)
    return own, paths, breaks


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, clip = Path(folder) / "clip", Clip.make()
        clip.save(path)
        with call(models=False) as running:
            own, paths, breaks = asyncio.run(measure(running, clip, path))
        other = asyncio.run(theirs(clip, path))
    head = ["server", "listeners", "cores a listener", "picture late, p50, p95", "sound late, p50, p95"]
    text = table([*head, f"freezes in {FAN_SECONDS:.0f} s"], own.fans + other.fans)
    many, beside = (next(float(row[2]) for row in reversed(one.fans)) for one in (own, other))
    text += (
        "\n\nOne publisher, VP8 at 854x480 and 600 kbit/s and Opus; listeners who only count packets; without "
        "models. Late is from when a piece was due to leave its sender until it is there; one listener pays for "
        "the mix alone. This server mixes anew; Janus hands on what comes. Limit: "
        f"{LIMIT} of a core a listener, of {LISTENERS[-1]}: {verdict(many, LIMIT)}. It was set on a machine on which "
        f"Janus takes {JANUS}, so as {LIMIT / JANUS:.1f} times that; here it is {many / beside:.1f} times.\n\n"
    )
    head = ["server", "loss", "jitter", "freezes", "frozen", "pictures a second", "sound concealed", "sound held"]
    text += table(head, own.seen + other.seen)
    text += (
        f"\n\nChromium listens through the bad way, to the same stream, for {network_browser.SECONDS:.0f} s; the "
        "figures are its own. Lost pictures are asked for again and sent again; lost sound is not, by either server. "
        "Held is what its jitter buffer adds.\n\n"
    )
    text += table(["server", "picture back after", "sound back after"], own.back + other.back)
    text += (
        f"\n\nChromium, cut off for {network_browser.CUT:.0f} s and whole again; {network_browser.CUTS} listeners, "
        "within the time from one key frame to the next, which come every two seconds: this publisher cannot be "
        "asked for one, others are.\n\n"
    )
    text += table(["loss to the server", "jitter", "freezes", "frozen", "sound concealed"], paths)
    text += (
        f"\n\nThe way from the publisher is bad. Over {SECONDS:.0f} s, at an aiortc listener behind a good one, of "
        "small pictures that aiortc makes 15 of a second. A freeze is a gap of over 0.2 s; concealed is what was "
        "silent or too late. Jitter, here and above, is up to that much for each packet by itself, so that packets "
        "overtake one another.\n\n"
    )
    text += table(["who", "what", "picture back after", "sound back after", "session"], breaks)
    text += (
        f"\n\nFrom when the network is whole again. A client that has got nothing for {PATIENCE:.0f} s makes a new "
        f"session, and tries again every {AGAIN:.0f} s."
    )
    publish("network", "python -m bench.network", text)


if __name__ == "__main__":
    main()
