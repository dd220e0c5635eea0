"""Measures what a room, a face and a watcher take: `python -m bench.plan_measure`, four minutes.

Traffic is that of the loopback device: give it one of its own with
`unshare --net sh -c "ip link set lo up; ip addr add 10.9.9.1/32 dev lo; python -m bench.plan_measure"`, as root.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.call import Call, call, cpu_seconds, resident
from bench.page import machine
from bench.plan_model import COSTS, PARTS
from bench.summary import ROOT

SETTLE, SECONDS = 15.0, 15.0
"""Until voices are known and networks warm, and of what is measured."""

IDLE, IDLE_BY = 0.03, 90.0
"""Cores up to which a process that has nothing to do counts as started, and seconds that this may take."""
WATCHERS = 6
HOLDS = 0.01
"""Share of late blocks up to which a run counts."""


def traffic() -> float:
    """Bytes that the loopback device has carried."""
    line = next(one for one in Path("/proc/net/dev").read_text().splitlines() if one.strip().startswith("lo:"))
    return float(line.split(":")[1].split()[0])


def measured(running: Call, models: bool = True) -> dict[str, float]:
    """Cores by process, memory and traffic over some seconds."""
    pids = running.processes if models else {"server": running.server.pid}
    before, carried, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, traffic(), time.monotonic()
    time.sleep(SECONDS)
    lasted = time.monotonic() - began
    found = {name: (cpu_seconds(pid) - before[name]) / lasted for name, pid in pids.items()}
    counts = running.metrics()
    found["late"] = counts.get("earshot_agent_late", 0.0) / max(1.0, counts.get("earshot_agent_blocks", 0.0))
    found["memory"] = sum(resident(pid) for pid in pids.values())
    return found | {"traffic": 8e-6 * (traffic() - carried) / lasted}


@contextlib.contextmanager
def puppets(running: Call, rooms: int, faces: int) -> Iterator[None]:
    """Hold calls of so many faces, and one more who watches, as `earshot load` does."""
    command = [sys.executable, "-m", "streamer", "load", "--rooms", str(rooms), "--faces", str(faces)]
    command += ["--minutes", "60", "--server", running.address]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        running.until("earshot_publishers", rooms * faces)
        running.until("earshot_watchers", rooms)
        time.sleep(SETTLE)
        yield
    finally:
        # It has nothing to lose; the server finds out by its silence.
        process.kill()
        process.wait()


def until_idle(running: Call) -> None:
    """Wait until every process has started: its models are loaded and tried once.

    Raises:
        TimeoutError: one of them never comes to rest.
    """
    give_up = time.monotonic() + IDLE_BY
    pids = running.processes
    while time.monotonic() < give_up:
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        time.sleep(2.0)
        if all(cpu_seconds(pid) - before[name] <= IDLE * 2.0 for name, pid in pids.items()):
            return
    raise TimeoutError("a process of the server does not come to rest")


def until_empty(running: Call) -> None:
    """Wait until the server has noticed that nobody is there."""
    while running.metrics()["earshot_peers_open"]:
        time.sleep(0.5)


def main() -> None:
    found: dict[str, Any] = {}
    with call() as running:
        until_idle(running)
        found["idle"] = measured(running)
        for rooms, faces in ((1, 1), (1, 2), (2, 1)):
            with puppets(running, rooms, faces):
                found[f"{rooms} x {faces}"] = measured(running)
            until_empty(running)
            until_idle(running)
    with call(models=False) as running:
        running.join_demo()
        running.watch()
        for count in (1, WATCHERS):
            for _ in range(count - 1):
                running.watch()
            running.until("earshot_publishers", 1)
            running.until("earshot_watchers", count)
            time.sleep(SETTLE)
            found[f"1 watched by {count}"] = measured(running, models=False)
    COSTS.write_text(json.dumps(costs(found), indent=1) + "\n", "utf-8")
    print(COSTS.read_text("utf-8"))


def costs(found: dict[str, Any]) -> dict[str, Any]:
    """Solve for what a room, a face and a stream to a watcher take; the run of two rooms is left for the check.

    With f faces and one watcher, of whom alone the puppets' streams are wanted, there are f streams to watchers.
    """
    if any(run["late"] > HOLDS for run in found.values()):
        raise SystemExit("blocks were late, so models left out work: this machine is too small, or has other work")
    few, more = found["1 watched by 1"], found[f"1 watched by {WATCHERS}"]
    pair = {name: (more[name] - few[name]) / (WATCHERS - 1) for name in ("server", "memory")}

    def solve(name: str, pair: float = 0.0) -> dict[str, float]:
        idle, one, two = (found[run][name] for run in ("idle", "1 x 1", "1 x 2"))
        face = two - one - pair
        # A room of its own costs nothing less than nothing.
        face = min(face, one - idle - pair)
        return {"room": round(one - idle - pair - face, 4), "face": round(face, 4), "pair": round(pair, 4)}

    cores = {part: solve(part, pair["server"] if part == "server" else 0.0) for part in PARTS}
    # Of one face that one watches half goes in, half out: pictures are not encoded anew.
    stream = found["1 x 1"]["traffic"] / 2
    return {
        "command": "python -m bench.plan_measure",
        "machine": machine(),
        "cores": cores,
        "memory": solve("memory", pair["memory"]),
        "idle_memory": round(found["idle"]["memory"], 1),
        "inward": {"face": round(stream, 3)},
        "outward": {"pair": round(stream, 3)},
        "runs": {run: {name: round(value, 4) for name, value in one.items()} for run, one in found.items()},
    }


if __name__ == "__main__":
    main()
