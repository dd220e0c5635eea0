"""Engine and observer killed many times in a call: the longest gap of a listener. `python -m bench.trust.kill`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import time
from dataclasses import dataclass, field

from bench.call import Call, call, child_running
from bench.page import TRUST, publish, table, verdict
from bench.trust.tone import Ear, ToneTrack
from streamer.client.whep_client import WhepClient
from streamer.client.whip_client import WhipClient

TIMES = 200
LIMIT = 1.0
"""Seconds for which a listener may be without the tone."""

WORKERS = {"engine": "streamer.engine.worker", "observer": "streamer.observer.worker"}
BACK_SECONDS = 180.0
AFTERWARDS = 3.0
"""Seconds for which it is listened after a process is back, before it is killed again."""


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
    """Kill engine and observer by turns, at any moment after they are up, until there is no more time."""
    pids = {name: await up(running, name, None) for name in WORKERS}
    found = {name: Kills() for name in WORKERS}
    for number in range(times):
        name = list(WORKERS)[number % 2]
        await asyncio.sleep(random.uniform(0.2, 2.0))
        ear.take()
        began = time.monotonic()
        os.kill(pids[name], signal.SIGKILL)
        pids[name] = await up(running, name, pids[name])
        found[name].back.append(time.monotonic() - began)
        await asyncio.sleep(AFTERWARDS)
        gap, silence = ear.take()
        found[name].gaps.append(gap)
        found[name].silences.append(silence)
        if time.monotonic() > until:
            break
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
    options = parser.parse_args()
    with call() as running:
        running.join_demo()
        running.until("earshot_agent_separated", 100)
        found, stayed = asyncio.run(measure(running, options.times, options.minutes))
    rows = [
        [name, str(len(kills.back)), spread(kills.silences), spread(kills.gaps), spread(kills.back)]
        for name, kills in found.items()
        if kills.back
    ]
    text = table(["killed", "times", "without the tone", "without any sound", "models up again after"], rows)
    worst = max(silence for kills in found.values() for silence in kills.silences)
    text += (
        "\n\nBy SIGKILL, by turns, 0.2 to 2 s after the last was up, with two faces and a third participant who sends "
    )
    text += "a steady tone; heard by a listener through server and models. "
    text += f"Sender and listener kept their connections all the time: {'yes' if stayed else '**no**'}. "
    text += f"Limit: {LIMIT:g} s without the tone: {verdict(worst, LIMIT)}."
    publish(
        "kill", f"python -m bench.trust.kill --times {sum(len(kills.back) for kills in found.values())}", text, TRUST
    )


if __name__ == "__main__":
    main()
