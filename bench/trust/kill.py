"""Engine and observer killed many times in a call: the longest gap of a listener. `python -m bench.trust.kill`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from bench.call import Call, call, child_running
from bench.page import TRUST, publish, table, verdict
from bench.trust.tone import Ear, ToneTrack
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient
from streamer.workers.link import SERVED

TIMES = 200
LIMIT = 1.0
"""Seconds for which a listener may be without the tone."""

WORKERS = {"engine": "streamer.engine.worker", "observer": "streamer.observer.worker"}
BACK_SECONDS = 300.0
NOTHING, BEFORE, STRETCH = "nothing", 4, 5.0
"""How often, and for how many seconds each time, it is listened before anything is killed: a busy machine has gaps of
its own."""

PAUSES = SERVED + 0.2, SERVED + 2.0
"""Seconds, at the least and at the most, from a process being back to its next death: before, its next start waits."""


@dataclass
class Kills:
    """What came of them.

    Attributes:
        gaps: seconds in which no sound came, the longest of each kill until the next one.
        silences: seconds of sound without the tone, likewise.
        back: seconds from the kill to the models being up again.
    """

    gaps: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)


def pid_of(running: Call, module: str) -> int | None:
    """Return the process that runs a module, None while there is none."""
    with contextlib.suppress(LookupError, FileNotFoundError):
        return child_running(running.server.pid, module)
    return None


async def up(running: Call, name: str, before: int | None) -> int:
    """Wait until another process than `before` has its models up, and return its number."""
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            pid = pid_of(running, WORKERS[name])
            if pid not in (None, before):
                metrics = await asyncio.to_thread(running.metrics)
                if metrics[f"earshot_{name}_ready"]:
                    assert pid is not None
                    return pid
            await asyncio.sleep(0.2)


async def kill(running: Call, ear: Ear, times: int, until: float) -> dict[str, Kills]:
    """Kill engine and observer, each as soon as it has served again, until there were as many or there is no more time.

    What is heard from one death to the next, of whichever of the two, is the former's.
    """
    found, killed = {name: Kills() for name in (*WORKERS, NOTHING)}, [NOTHING]

    def close_book() -> None:
        gap, silence = ear.take()
        found[killed[-1]].gaps.append(gap)
        found[killed[-1]].silences.append(silence)

    async def go_on(name: str) -> None:
        pid = await up(running, name, None)
        while len(killed) <= times:
            await asyncio.sleep(random.uniform(*PAUSES))
            close_book()
            killed.append(name)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            pid = await up(running, name, pid)
            found[name].back.append(time.monotonic() - began)

    ear.take()
    for _ in range(BEFORE):
        await asyncio.sleep(STRETCH)
        close_book()
    tasks = [asyncio.create_task(go_on(name)) for name in WORKERS]
    done, late = await asyncio.wait(tasks, timeout=until - time.monotonic())
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()
    await asyncio.sleep(PAUSES[1])
    close_book()
    return found


async def measure(running: Call, times: int, minutes: float) -> tuple[dict[str, Kills], bool]:
    """Return what came of the kills, and whether both who listens and who sends stayed connected."""
    at, ear = f"{running.address}/rooms/{running.room}", Ear()
    async with (
        WhipClient(f"{at}/whip", running.invite, [ToneTrack()]) as sender,
        WhepClient(f"{at}/whep", running.invite, 1, ear.listen) as listener,
    ):
        while ear.pieces < 100:  # noqa: ASYNC110 - until sound comes
            await asyncio.sleep(0.1)
        try:
            found = await kill(running, ear, times, time.monotonic() + 60 * minutes)
            return found, not (sender.lost.is_set() or listener.lost.is_set())
        finally:
            await ear.close()


def spread(values: list[float]) -> str:
    """Return median, 95th percentile and the largest, in words."""
    high = statistics.quantiles(values, n=20)[-1] if len(values) > 1 else values[0]
    return f"{statistics.median(values):.2f} s, 95 % within {min(high, max(values)):.2f} s, at most {max(values):.2f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--minutes", type=float, default=120.0, help="after which it is enough")
    parser.add_argument("--runs", type=Path, help="file with what came of earlier runs, which is added to")
    options = parser.parse_args()
    with call() as running:
        running.join_demo()
        running.until("earshot_agent_separated", 100, 300)
        found, stayed = asyncio.run(measure(running, options.times, options.minutes))
    runs = 1
    if options.runs is not None:
        with options.runs.open("a") as file:
            file.write(json.dumps([stayed, {name: asdict(kills) for name, kills in found.items()}]) + "\n")
        lines = [json.loads(line) for line in options.runs.read_text().splitlines()]
        runs, stayed = len(lines), all(stay for stay, _ in lines)
        found = {
            name: Kills(*([one for _, kills in lines for one in kills[name][what.name]] for what in fields(Kills)))
            for name in (*WORKERS, NOTHING)
        }
    rows = [
        [
            name,
            str(len(kills.gaps)),
            spread(kills.silences),
            spread(kills.gaps),
            spread(kills.back) if kills.back else "-",
        ]
        for name, kills in found.items()
        if kills.gaps
    ]
    text = table(["killed", "times", "without the tone", "without any sound", "models up again after"], rows)
    worst = max(silence for name in WORKERS for silence in found[name].silences)
    text += (
        f"\n\nBy SIGKILL, each {PAUSES[0]:g} to {PAUSES[1]:g} s after its models were up, at whatever the other was "
    )
    text += "just then; with two faces and a third participant who sends "
    text += (
        "a steady tone; heard by a listener through server and models. Nothing: 5 s before the first death of a run. "
    )
    text += f"In {runs} runs. " if runs > 1 else ""
    text += f"Sender and listener kept their connections all the time: {'yes' if stayed else '**no**'}. "
    text += f"Limit: {LIMIT:g} s without the tone: {verdict(worst, LIMIT)}."
    publish("kill", f"python -m bench.trust.kill --times {sum(len(found[name].gaps) for name in WORKERS)}", text, TRUST)


if __name__ == "__main__":
    main()
