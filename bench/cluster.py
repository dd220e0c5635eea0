"""What callers notice when parts of a cluster are killed and renewed: `python -m bench.cluster` (extra `cluster`).

Three machines of `ray.cluster_utils.Cluster`, which are processes of this one, with a media server each, and with
`--engines 2` engines that all of these use. In each of twelve calls, six with engines, somebody sends a tone and
somebody listens, as aiortc clients that come back as the page does. Sound only, and twelve without models: more is too
much for the two cores of a machine for development. Measured is for how long a listener heard nothing of the tone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from aiortc import RTCPeerConnection, RTCRtpSender

from bench.cluster_machines import SERVERS, START_SECONDS, Machines
from bench.page import publish, table
from models.common.arrays import F32
from streamer.client.caller import Caller
from streamer.client.listening import Listening
from streamer.client.replay import LoopTrack, sound_loop
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient
from streamer.cluster.names import KEEPERS, MANAGER, MODELS, NAMESPACE, SERVER
from streamer.cluster.node import let_in
from streamer.settings import Settings

ROOMS, ROOMS_WITH_ENGINES = 12, 6

RATE = 48_000
LOUD = 0.05
"""Peak from which the tone is heard."""

RENEW_SECONDS = 240.0
PAUSE = 3.0
"""Seconds of calm before and after what is done."""

BACK_SECONDS = 30.0
"""For which a listener may hear nothing before the room counts as lost."""


class Sender(WhipClient):
    """Sends what is encoded already."""

    def _prepare(self, pc: RTCPeerConnection) -> None:
        for track in self._tracks:
            opus = [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == "audio/opus"]
            pc.addTransceiver(track, direction="sendonly").setCodecPreferences(opus)


class Ears(Listening):
    """Knows when the tone was heard."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self.loud: list[float] = []

    def hear(self, pcm: F32) -> None:
        """Take sound (N,) that has come just now."""
        if pcm.size and float(np.abs(pcm).max()) > LOUD:
            self.loud.append(time.monotonic())

    def gap(self, since: float, until: float) -> float:
        """Return the longest time without the tone, seconds."""
        times = [since, *(at for at in self.loud if since < at < until), until]
        return max(after - before for before, after in itertools.pairwise(times))


class Room:
    """One call."""

    def __init__(self, base: str, made: dict[str, str], tone: Any) -> None:
        self.id, self.ears = made["room"], Ears()

        def send(at: str, token: str) -> WhipClient:
            return Sender(f"{at}/whip", token, [LoopTrack(tone, time.monotonic())])

        def listen(at: str, token: str) -> WhipClient:
            return WhepClient(f"{at}/whep", token, 0, self.ears.take)

        self.callers = [
            Caller(base, self.id, made["invite"], "Tone", send),
            Caller(base, self.id, made["watch_invite"], "Ears", listen),
        ]
        self.tasks = [asyncio.create_task(caller.run()) for caller in self.callers]

    async def close(self) -> None:
        """Leave."""
        self.ears.end()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Trial:
    """What is done to a cluster under calls, and what listeners notice of it."""

    def __init__(self, base: str, machines: Machines) -> None:
        import ray

        ray.init(machines.cluster.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        self.base, self.machines, self.ray = base, machines, ray
        self.manager = ray.get_actor(MANAGER, NAMESPACE)
        self.rooms: list[Room] = []
        self.rows: list[list[str]] = []

    async def open(self, count: int) -> None:
        """Have calls."""
        tone = sound_loop((0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32))
        async with httpx.AsyncClient(base_url=self.base, timeout=20) as http:
            for _ in range(count):
                self.rooms.append(Room(self.base, (await http.post("/rooms")).json(), tone))
        for room in self.rooms:
            await asyncio.wait_for(asyncio.gather(*(caller.came.wait() for caller in room.callers)), START_SECONDS)
        await self.all_up()
        await self.steady()

    async def steady(self) -> None:
        """Wait until all have been heard for a while."""
        async with asyncio.timeout(BACK_SECONDS):
            while any(room.ears.gap(time.monotonic() - 1, time.monotonic()) > 0.5 for room in self.rooms):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await asyncio.sleep(PAUSE)

    async def servers(self) -> dict[str, frozenset[str]]:
        """Return which rooms each media server has."""
        return {name: member.rooms for name, member in (await self.manager.members.remote()).items()}

    async def all_up(self) -> None:
        """Wait until there are as many media servers as there are to be, and all have their models."""
        async with asyncio.timeout(START_SECONDS):
            while (  # noqa: ASYNC110
                len(members := await self.manager.members.remote()) < SERVERS
                or not all(member.ready for member in members.values())
                or len({await self.engine(n) for n in range(self.machines.engines)} - {None}) < self.machines.engines
            ):
                await asyncio.sleep(0.2)

    async def engine(self, number: int) -> tuple[str, int] | None:
        """Return where the media server of a number has its engine."""
        spot = await self.manager.models.remote("engine", number)
        return None if spot is None else (spot.host, spot.port)

    async def do(self, what: str, touched: set[str], act: Callable[[], Awaitable[None]]) -> None:
        """Do something, and measure."""
        since = time.monotonic()
        await act()
        # As long as somebody may not have noticed yet.
        await asyncio.sleep(PAUSE)
        with contextlib.suppress(TimeoutError):
            await self.steady()
        until = time.monotonic()
        hurt = [room.ears.gap(since, until) for room in self.rooms if room.id in touched]
        others = [room.ears.gap(since, until) for room in self.rooms if room.id not in touched]
        lost = sum(room.ears.gap(until - 1, until) > 0.9 for room in self.rooms)
        show = [f"{max(gaps):.2f} s" if gaps else "-" for gaps in (hurt, others)]
        self.rows.append([what, str(len(hurt)), show[0], str(len(others)), show[1], str(lost)])
        print(json.dumps(self.rows[-1]), flush=True)

    async def kill_server(self) -> None:
        """Kill a media server's process."""
        name, rooms = next((name, rooms) for name, rooms in (await self.servers()).items() if rooms)
        pid = await self.ray.get_actor(name, NAMESPACE).pid.remote()

        async def act() -> None:
            os.kill(pid, signal.SIGKILL)

        await self.do("a media server killed", set(rooms), act)
        await self.all_up()

    async def kill_engine(self) -> None:
        """Kill an engine, with the actor that it belongs to."""
        actor = self.ray.get_actor(f"{MODELS}engine-0", NAMESPACE)
        spot, pid = await actor.spot.remote(), await actor.pid.remote()
        servers = (await self.servers()).items()
        numbers = {name: int(name.removeprefix(SERVER)) for name, _ in servers}
        touched = [rooms for name, rooms in servers if await self.engine(numbers[name]) == (spot.host, spot.port)]

        async def act() -> None:
            os.kill(pid, signal.SIGKILL)

        await self.do("an engine killed", set().union(*touched), act)
        await self.all_up()

    async def kill_manager(self) -> None:
        """Kill the manager's process, and a keeper's."""
        for name in (MANAGER, KEEPERS[0]):

            async def act(name: str = name) -> None:
                self.ray.kill(self.ray.get_actor(name, NAMESPACE), no_restart=False)

            await self.do(f"{name.rstrip('-01')} killed", set(), act)

    async def kill_node(self) -> None:
        """Kill a whole machine."""
        rooms = {node: await self.on(node.node_id) for node in self.machines.nodes[1:]}
        node = max(rooms, key=lambda node: len(rooms[node]))
        self.machines.nodes.remove(node)

        async def act() -> None:
            self.machines.kill_node(node)

        await self.do("a whole machine killed", rooms[node], act)
        await self.all_up()

    async def on(self, node: str) -> set[str]:
        """Return which rooms a machine has."""
        rooms: set[str] = set()
        for name, had in (await self.servers()).items():
            if await self.ray.get_actor(name, NAMESPACE).node.remote() == node:
                rooms |= had
        return rooms

    async def renew(self) -> None:
        """Put a new media server in the place of each."""

        async def act() -> None:
            await self.manager.renew.remote()
            async with asyncio.timeout(RENEW_SECONDS):
                while await self.manager.renewing.remote():  # noqa: ASYNC110
                    await asyncio.sleep(0.3)

        await self.do("everything renewed", {room.id for room in self.rooms}, act)

    async def drain(self) -> None:
        """Have a machine go, as at its SIGTERM."""
        node = self.machines.nodes[1].node_id
        rooms = await self.on(node)

        async def act() -> None:
            await self.manager.drain.remote(node)
            async with asyncio.timeout(RENEW_SECONDS):
                while await self.manager.on.remote(node):  # noqa: ASYNC110
                    await asyncio.sleep(0.3)

        await self.do("a machine drained", rooms, act)


async def trial(machines: Machines, rooms: int, parts: list[str]) -> list[list[str]]:
    """Run it."""
    async with machines.front() as base:
        running = Trial(base, machines)
        try:
            await running.open(rooms)
            for part in parts:
                await getattr(running, part)()
            print(json.dumps({"cuts": sum(c.cuts for r in running.rooms for c in r.callers)}))
        finally:
            await asyncio.gather(*(room.close() for room in running.rooms))
            running.ray.shutdown()
    return running.rows


PARTS = ("kill_server", "kill_engine", "kill_manager", "kill_node", "renew", "drain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", type=int, default=0)
    parser.add_argument("--rooms", type=int)
    parser.add_argument("--parts", nargs="+", choices=PARTS)
    parser.add_argument("--no-page", action="store_true", help="Print it only.")
    told = parser.parse_args()
    engines: int = told.engines
    rooms: int = told.rooms or (ROOMS_WITH_ENGINES if engines else ROOMS)
    parts: list[str] = told.parts or [part for part in PARTS if engines or part != "kill_engine"]
    own = {"PORT": "0", "ENGINE": str(engines > 0), "OBSERVER": "false", "REQUESTS_BURST": "100000"}
    own["TOKEN_KEY"] = "k" * 32
    os.environ |= {f"EARSHOT_{name}": value for name, value in own.items()}
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[1])}
    let_in(Settings(), "127.0.0.1")
    # In the main thread: Ray sets signal handlers.
    machines = Machines(engines)
    try:
        rows = asyncio.run(trial(machines, rooms, parts))
    finally:
        machines.cluster.shutdown()
    head = ["what", "rooms touched", "longest silence there", "other rooms", "longest silence there", "rooms lost"]
    body = table(head, rows)
    if told.no_page:
        print(body)
    elif engines:
        publish("cluster_engines", f"python -m bench.cluster --engines {engines}", body)
    else:
        publish("cluster", "python -m bench.cluster", body)


if __name__ == "__main__":
    main()
