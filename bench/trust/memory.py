"""Calls with people who come and go: memory of server, engine and observer. `python -m bench.trust.memory`.

Calls of puppets (`earshot load`) begin, last for a while and end, again and again; it is measured when all have ended.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from dataclasses import dataclass

import numpy as np

from bench.call import Call, anonymous, call, descriptors, threads
from bench.page import TRUST, publish, table, verdict
from streamer.commands.load import load
from streamer.errors import UserError
from streamer.server.app import SWEEP_EVERY

LIMIT = 10.0
"""MB an hour by which all processes together may grow."""

WARM = 1 / 3
"""Share of the time after which growth is judged: models, caches and the heap have reached their size."""

SETTLE_SECONDS = SWEEP_EVERY + 2
"""After which a server has given back what the calls took."""


@dataclass(frozen=True)
class Moment:
    """What there is between two rounds of calls: minutes since the first, and by process MB, open files and threads."""

    minutes: float
    pids: dict[str, int]
    memory: dict[str, float]
    files: dict[str, int]
    threads: dict[str, int]
    tasks: float


def look(running: Call, began: float) -> Moment:
    """Measure."""
    pids = running.processes
    return Moment(
        (time.monotonic() - began) / 60,
        pids,
        {name: anonymous(pid) for name, pid in pids.items()},
        {name: descriptors(pid) for name, pid in pids.items()},
        {name: threads(pid) for name, pid in pids.items()},
        running.metrics()["earshot_tasks"],
    )


def measure(running: Call, calls: int, faces: int, hold: float, minutes: float) -> tuple[list[Moment], int]:
    """Hold calls, again and again; return looks, and how many rounds failed."""
    moments, failed, began = list[Moment](), 0, time.monotonic()
    while not moments or moments[-1].minutes < minutes:
        try:
            asyncio.run(load(running.address, calls, faces, hold, None))
        except UserError as error:
            # A machine that is too busy lets nobody in for a while; who came has to be gone all the same.
            print(f"a round failed: {error}")
            failed += 1
        time.sleep(SETTLE_SECONDS)
        try:
            moments.append(look(running, began))
            print(f"{moments[-1].minutes:.1f} min: {moments[-1].memory}", flush=True)
        except (LookupError, FileNotFoundError):
            print("a process is being started anew")
    return moments, failed


def slope(moments: list[Moment], name: str) -> float:
    """Return by how many MB an hour a process grows: of the straight lines nearest to its memory, one a process that
    had the name, all of which rise alike."""
    pids = [one.pids[name] for one in moments]
    each = np.array([[pid == other for other in dict.fromkeys(pids)] for pid in pids], float)
    hours = np.array([[one.minutes / 60] for one in moments])
    return float(np.linalg.lstsq(np.hstack([hours, each]), [one.memory[name] for one in moments])[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--faces", type=int, default=2, help="in each call")
    parser.add_argument("--hold", type=float, default=20.0, help="seconds that everybody stays")
    parser.add_argument("--idle", type=float, default=600.0, help="seconds for which a room is kept that all have left")
    options = parser.parse_args()
    # Pictures that come before the first key frame are told one by one.
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    with call(room_idle=str(options.idle)) as running:
        moments, failed = measure(running, options.calls, options.faces, options.hold, options.minutes)
        blocks = running.metrics().get("earshot_blocks_total", 0)
    last = moments[-1]
    warm = [one for one in moments if one.minutes >= WARM * last.minutes]
    shown = [moments[0], warm[0], warm[len(warm) // 2], last]
    grown = {name: slope(warm, name) for name in last.memory}
    rows = [
        [
            name,
            *(f"{one.memory[name]:.0f}" for one in shown),
            f"{grown[name]:+.1f}",
            f"{last.memory[name] - warm[0].memory[name]:+.1f}" if last.pids[name] == warm[0].pids[name] else "-",
        ]
        for name in last.memory
    ]
    head = [
        "MB that are no file's, after",
        *(f"{one.minutes:.0f} min" for one in shown),
        "MB an hour, fitted",
        "MB from the second to the last column",
    ]
    text = table(head, rows)
    text += f"\n\n{len(moments)} rounds of {options.calls} calls with {options.faces} faces and a listener each, "
    text += f"{options.hold:g} s long, {blocks:.0f} blocks of sound in all; {failed} rounds failed. "
    text += f"Rooms are kept for {options.idle:g} s. "
    anew = [f"{name} {n - 1} times" for name in last.memory if (n := len({one.pids[name] for one in moments})) > 1]
    text += f"Started anew meanwhile: {', '.join(anew) if anew else 'none'}. "
    left = [
        f"{kind} of {name}: {before} → {after}"
        for kind in ("files", "threads")
        for name in last.memory
        if (before := getattr(warm[0], kind)[name]) < (after := getattr(last, kind)[name])
    ]
    left += [f"tasks: {warm[0].tasks:.0f} → {last.tasks:.0f}"] if last.tasks > warm[0].tasks else []
    text += f"Descriptors, threads and tasks between rounds: {', '.join(left) if left else 'as many as before'}. "
    text += f"All together {sum(grown.values()):+.1f} MB an hour from minute {warm[0].minutes:.0f} on. "
    text += f"Limit: {LIMIT:g} MB an hour: {verdict(sum(grown.values()), LIMIT)}."
    command = (
        f"python -m bench.trust.memory --minutes {options.minutes:g} --calls {options.calls} --faces {options.faces}"
    )
    command += "" if options.idle == parser.get_default("idle") else f" --idle {options.idle:g}"
    publish("memory", command, text, TRUST)


if __name__ == "__main__":
    main()
