"""People who join, watch and leave, thousands of times: what is left of them. `python -m bench.trust.cycles`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass

import httpx
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from bench.call import Call, anonymous, call, descriptors, threads
from bench.page import TRUST, publish, table, verdict
from bench.trust.tone import Ear, ToneTrack
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient
from streamer.errors import UserError
from streamer.server.app import SWEEP_EVERY

TIMES, AT_ONCE = 10_000, 8
WHOLE_EVERY = 10
"""Of so many watchers one connects and hears; the others stop when they have their answer, as a page that is closed."""

WARM = 0.1
"""Share of the cycles after which memory is judged: caches, pools and the heap's arenas have filled."""

LIMIT = 1.0
"""KB that a cycle may leave in the server."""

SETTLE_SECONDS = SWEEP_EVERY + 2
"""After which a connection that was given up is gone, and the server has given back what it took."""


@dataclass(frozen=True)
class Left:
    """What a server has at a moment: MB that are no file's, open files, threads, tasks, connections of media."""

    cycles: int
    memory: float
    files: int
    threads: int
    tasks: float
    peers: float


async def look(running: Call, cycles: int) -> Left:
    """Measure."""
    metrics, pid = await asyncio.to_thread(running.metrics), running.server.pid
    counts = metrics["earshot_tasks"], metrics["earshot_peers_open"]
    return Left(cycles, anonymous(pid), descriptors(pid), threads(pid), *counts)


async def plain_offer() -> str:
    """Return the offer of a watcher of sound and one picture."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
    for kind in ("audio", "video"):
        pc.addTransceiver(kind, "recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp: str = pc.localDescription.sdp
    await pc.close()
    return sdp


async def cycle(http: httpx.AsyncClient, at: str, invite: str, offer: str, whole: bool) -> None:
    """Join, connect the page's socket, watch, and leave."""
    joined = (await http.post(f"{at}/join", json={"name": "Somebody", "invite": invite})).raise_for_status().json()
    headers = {"Authorization": f"Bearer {joined['token']}", "Content-Type": "application/sdp"}
    async with connect(at.replace("http", "ws", 1) + "/control", proxy=None) as socket:
        await socket.send(json.dumps({"type": "hello", "token": joined["token"]}))
        assert json.loads(await socket.recv())["type"] == "welcome"
        if whole:
            ear = Ear()
            async with WhepClient(f"{at}/whep", joined["token"], 1, ear.listen):
                async with asyncio.timeout(60):
                    while ear.pieces < 5:  # noqa: ASYNC110 - until sound comes
                        await asyncio.sleep(0.02)
            await ear.close()
        else:
            answer = (await http.post(f"{at}/whep", content=offer, headers=headers)).raise_for_status()
            (await http.delete(answer.headers["location"], headers=headers)).raise_for_status()
        await socket.send(json.dumps({"type": "leave"}))
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass


async def measure(running: Call, times: int, minutes: float) -> tuple[list[Left], int]:
    """Go through the cycles, a few at once, while somebody sends; return looks, and how many failed."""
    at, offer, left = f"{running.address}/rooms/{running.room}", await plain_offer(), list[Left]()
    until, begun, done, failures = time.monotonic() + 60 * minutes, 0, 0, Counter[str]()

    async def work(http: httpx.AsyncClient) -> None:
        nonlocal begun, done
        while begun < times and time.monotonic() < until:
            begun += 1
            try:
                await cycle(http, at, running.made["watch_invite"], offer, begun % WHOLE_EVERY == 0)
            except (AssertionError, TimeoutError, UserError, httpx.HTTPError, WebSocketException) as error:
                # Deadlines pass on a machine that has no time: who is left then has to be gone, too.
                failures[type(error).__name__] += 1
            done += 1
            if done % max(1, times // 20) == 0:
                left.append(await look(running, done))

    async with WhipClient(f"{at}/whip", running.invite, [ToneTrack()]):
        async with httpx.AsyncClient(base_url=running.address, timeout=60, trust_env=False) as http:
            # Somebody came and went before: what is made on first use stays, as the thread that gives memory back.
            await cycle(http, at, running.made["watch_invite"], offer, whole=True)
            await asyncio.sleep(SETTLE_SECONDS)
            left.append(await look(running, 0))
            await asyncio.gather(*(work(http) for _ in range(AT_ONCE)))
        await asyncio.sleep(SETTLE_SECONDS)
        left.append(await look(running, done))
    print(f"failed: {dict(failures)}")
    return left, failures.total()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--minutes", type=float, default=120.0, help="after which it is enough")
    options = parser.parse_args()
    fast = {"requests_per_second": "100000", "requests_burst": "100000"}
    with call(models=False, **fast) as running:
        left, failed = asyncio.run(measure(running, options.times, options.minutes))
    last = left[-1]
    warm = next(moment for moment in left if moment.cycles >= WARM * last.cycles)
    half = next(moment for moment in left if moment.cycles >= last.cycles / 2)
    shown = [left[0], warm, half, last]
    head = ["after cycles", "MB that are no file's", "descriptors", "threads", "tasks", "media connections"]
    rows = [
        [
            f"{one.cycles:,}",
            f"{one.memory:.1f}",
            str(one.files),
            str(one.threads),
            f"{one.tasks:.0f}",
            f"{one.peers:.0f}",
        ]
        for one in shown
    ]
    text = table(head, rows)
    each = 1024 * (last.memory - warm.memory) / max(1, last.cycles - warm.cycles)
    text += f"\n\nJoin, control socket, WHEP, leave, {AT_ONCE} at once; every {WHOLE_EVERY}th connects and hears; "
    text += f"{failed} failed. "
    text += f"The last row is {SETTLE_SECONDS:.0f} s after the last cycle. "
    text += f"From cycle {warm.cycles:,} on one leaves {each:.2f} KB. "
    text += f"Limits: {LIMIT:g} KB a cycle: {verdict(each, LIMIT)}; "
    same = last.files <= left[0].files and last.tasks <= left[0].tasks and last.threads <= left[0].threads
    text += f"no descriptor, thread, task: {verdict(0 if same else 1, 0)}."
    publish("cycles", f"python -m bench.trust.cycles --times {last.cycles}", text, TRUST)


if __name__ == "__main__":
    main()
