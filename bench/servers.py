"""Two media servers behind one door, one of them killed: gaps of listeners. `python -m bench.servers`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import httpx

from bench.call import call, cpu_seconds
from bench.page import publish, table, verdict
from streamer.commands.load import _open, media
from streamer.commands.load_report import Room
from streamer.demo.clip import demo_clip

KILLS = 3
HOLD = 10.0
"""Seconds of a call before a server is killed, and after."""

LIMIT = 5.0
"""Seconds until a listener in a call of the killed server hears again."""

UNHURT = 0.5
"""Seconds that a listener elsewhere may be without sound: on a machine that starts a server meanwhile."""


def media_servers(parent: int) -> dict[str, int]:
    """Process numbers by name."""
    found = {}
    for pid in map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text().split()):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"streamer.commands.media_server" in command:
            found[command[-2].decode()] = pid
    return found


async def rooms_of(http: httpx.AsyncClient) -> dict[str, float]:
    """How many rooms each server has."""
    text = (await http.get("/metrics")).text
    return {name: float(n) for name, n in re.findall(r'^earshot_rooms{server="(\d)"} (\S+)$', text, re.M)}


async def held(address: str, front: int) -> tuple[list[float], list[float], float]:
    """Gaps of listeners in calls of the killed server, and in others; cores that the door took for two calls."""
    hurt: list[float] = []
    unhurt: list[float] = []
    cores: list[float] = []
    loops = media(demo_clip())
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as http:
        for _ in range(KILLS):
            while len(await rooms_of(http)) < 2:  # noqa: ASYNC110 - the server is another process
                await asyncio.sleep(0.1)
            calls: dict[str, Room] = {}
            while len(calls) < 2:
                before = await rooms_of(http)
                room = await _open(address, loops, 1, None)
                after = await rooms_of(http)
                calls[next(name for name in after if after[name] > before[name])] = room
            await asyncio.gather(*(caller.came.wait() for room in calls.values() for caller in room.callers))
            spent, began = cpu_seconds(front), time.monotonic()
            await asyncio.sleep(HOLD)
            cores.append((cpu_seconds(front) - spent) / (time.monotonic() - began))
            for room in calls.values():
                room.listening.longest_gap = 0.0
            lost = min(calls)
            os.kill(media_servers(front)[lost], signal.SIGKILL)
            await asyncio.sleep(HOLD)
            for name, room in calls.items():
                (hurt if name == lost else unhurt).append(room.listening.longest_gap)
                for task in room.tasks:
                    task.cancel()
                await asyncio.gather(*room.tasks, return_exceptions=True)
    return hurt, unhurt, sum(cores) / len(cores)


def main() -> None:
    with call(models=False, servers="2", room_idle="1") as running:
        hurt, unhurt, cores = asyncio.run(held(running.address, running.server.pid))
    rows = [
        ["its server killed", f"{sorted(hurt)[len(hurt) // 2]:.2f} s", f"{max(hurt):.2f} s", verdict(max(hurt), LIMIT)],
        [
            "in another server's call",
            f"{sorted(unhurt)[len(unhurt) // 2]:.2f} s",
            f"{max(unhurt):.2f} s",
            verdict(max(unhurt), UNHURT),
        ],
    ]
    text = table(["longest gap of a listener", "median", "at most", f"limit {LIMIT:g} s, {UNHURT:g} s"], rows)
    text += (
        f"\n\nTwo media servers, a call each of one face and a listener; one server killed, {KILLS} times. Everybody "
    )
    text += (
        "comes back as the page does, to the other server at once, while the killed one starts. The front door took "
    )
    text += f"{cores:.3f} cores for both calls. Without models; the clients share the machine."
    publish("servers", "python -m bench.servers", text)


if __name__ == "__main__":
    main()
