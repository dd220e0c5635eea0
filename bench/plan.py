"""How many servers so many rooms take: `python -m bench.plan [--rooms N --faces F --listeners L]`; the page without.

`--faces` and `--listeners` are the most that a room has; sizes are Zipf-like. `--exact` for rooms all of that size.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.page import machine, table, verdict
from bench.plan_model import (
    BUSY,
    MINUTES,
    PARTS,
    QUANTILE,
    Costs,
    Room,
    as_rooms_see_it,
    formula,
    load_costs,
    mean,
    over,
    servers_for,
    simulate,
    zipf,
)
from bench.summary import ROOT

PAGE = ROOT / "bench" / "PLAN.md"
ROOMS = (100, 10_000)
FACES, LISTENERS = 2, 8
AGREES = 0.015
"""Of all moments, by which formula and simulation may differ."""

Sizes = list[tuple[Room, float]]


def row(costs: Costs, sizes: Sizes, rooms: int) -> list[str]:
    """What so many rooms take, as cells."""
    servers = servers_for(costs, sizes, rooms)
    cores = sum(mean(costs.cores[part], sizes) for part in PARTS) * rooms
    top = formula(costs, sizes, rooms, servers)
    part = max(PARTS, key=lambda name: top[name])
    memory = servers * costs.idle + rooms * mean(costs.memory, sizes)
    inward, outward = (rooms * mean(cost, sizes) for cost in (costs.inward, costs.outward))
    return [
        f"{rooms:,}",
        f"{servers:,}",
        f"{cores:,.1f}",
        f"{part}, {top[part]:.2f}",
        f"{memory / 1024:,.1f} GB",
        f"{inward:,.1f}",
        f"{outward:,.1f}",
    ]


HEAD = [
    "rooms at once, on average",
    "servers (4 processes each)",
    "cores busy, on average",
    "busiest process, p99, cores",
    "memory",
    "Mbit/s in",
    "Mbit/s out",
]


def singles(costs: Costs) -> list[list[str]]:
    """What one room of each of some sizes takes, as cells."""
    rows = []
    for room in (Room(1, 1), Room(2, 0), Room(2, 8), Room(4, 0), Room(4, 8), Room(8, 0), Room(8, 32)):
        cores = {part: cost.of(room) for part, cost in costs.cores.items()}
        part = max(PARTS, key=lambda name: cores[name])
        cells = [f"{room.faces}", f"{room.listeners}", f"{sum(cores.values()):.2f}", f"{part}, {cores[part]:.2f}"]
        cells += [f"{costs.memory.of(room):.0f} MB", f"{costs.inward.of(room):.1f}", f"{costs.outward.of(room):.1f}"]
        rows.append(cells)
    return rows


def compared(costs: Costs, sizes: Sizes) -> list[list[str]]:
    """Formula beside simulation, of the busiest process."""
    rows = []
    for rooms, calls in ((10, 60_000), (100, 60_000), (10_000, 90_000)):
        servers = servers_for(costs, sizes, rooms)
        came = np.mean(simulate(costs, sizes, rooms, servers, calls) > BUSY, axis=0)
        shares = as_rooms_see_it(rooms, servers)
        said = [over(costs.cores[part], sizes, shares) for part in PARTS]
        part = int(np.argmax(said))
        cells = [f"{rooms:,}", f"{servers:,}", PARTS[part], f"{said[part]:.2%}", f"{came[part]:.2%}"]
        rows.append([*cells, verdict(abs(said[part] - came[part]), AGREES)])
    return rows


def beside_the_run(costs: Costs, runs: dict[str, dict[str, float]]) -> list[list[str]]:
    """What two rooms were said to take, from runs of one, beside what they took."""
    idle, two, room = runs["idle"], runs["2 x 1"], Room(1, 1)
    said = {f"cores, {part}": idle[part] + 2 * costs.cores[part].of(room) for part in PARTS}
    came = {f"cores, {part}": two[part] for part in PARTS}
    said |= {"memory, MB": idle["memory"] + 2 * costs.memory.of(room)}
    said["Mbit/s"] = 2 * (costs.inward.of(room) + costs.outward.of(room))
    came |= {"memory, MB": two["memory"], "Mbit/s": two["traffic"]}
    return [[name, f"{said[name]:.2f}", f"{came[name]:.2f}", f"{said[name] / came[name] - 1:+.0%}"] for name in said]


def page(costs: Costs, said: dict[str, object]) -> str:
    """The whole page."""
    sizes = zipf(FACES, LISTENERS)
    runs: dict[str, dict[str, float]] = said["runs"]  # type: ignore[assignment]
    parts = [[name, f"{c.room:.3f}", f"{c.face:.3f}", f"{c.pair:.4f}"] for name, c in costs.cores.items()]
    parts.append(["memory, MB", f"{costs.memory.room:.1f}", f"{costs.memory.face:.1f}", f"{costs.memory.pair:.2f}"])
    parts.append(["Mbit/s in", "0", f"{costs.inward.face:.2f}", "0"])
    parts.append(["Mbit/s out", "0", "0", f"{costs.outward.pair:.2f}"])
    return TEXT.format(
        faces=FACES,
        listeners=LISTENERS,
        minutes=MINUTES,
        busy=BUSY,
        rest=1 - QUANTILE,
        one=table(["people", "watchers", "cores", "busiest process", "memory", "Mbit/s in", "out"], singles(costs)),
        many=table(HEAD, [row(costs, sizes, rooms) for rooms in ROOMS]),
        parts=table(["", "a room", "a face", "a stream to a viewer"], parts),
        idle=costs.idle,
        command=said["command"],
        there=said["machine"],
        beside=table(["", "said", "measured", "off"], beside_the_run(costs, runs)),
        agrees=AGREES,
        compared=table(["rooms", "servers", "process", "formula", "simulation", ""], compared(costs, sizes)),
        here=machine(),
    )


TEXT = """# What rooms take

Made by `python -m bench.plan`, without a GPU. Other sizes: `python -m bench.plan --rooms 500 --faces 2 --listeners 30`.

One room, everybody who talks before a camera of their own, and seen by all others:

{one}

Over 1 for the busiest process, a room is more than one server of this machine carries: the models leave out work.

Many rooms, of one to {faces} people who talk and none to {listeners} who watch, Zipf-like (exponent 1.5): mostly few.
Calls begin by chance and last {minutes:g} minutes on average. A server is the four processes that `earshot serve`
starts; none of them keeps more than one core busy, and it is full when one of them would be over {busy:g} of a core in
more than {rest:.0%} of all moments. Several fit on a machine with more cores (`--servers N`).

{many}

## What was measured

Cores by process, for a room, for each face in it, and for each stream from a face to somebody else:

{parts}

A server without rooms takes {idle:.0f} MB. `{command}`, on {there}.

## Whether it is true

What is above is made from runs of one room. Two rooms of one face, of which it knows nothing (a batch of both takes the
models less than twice one of each):

{beside}

Models that are late leave out work: `bench.plan_measure` refuses runs in which more than 1% of the blocks were.

The formula (a Poisson number of rooms, dealt out evenly, sizes folded) beside a simulation of calls that come, last and
go: share of a room's moments in which a process of its server is over {busy:g} of a core. They may differ by
{agrees:.1%} of all moments:

{compared}

`python -m bench.plan`, on {here}.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int)
    parser.add_argument("--faces", type=int, default=FACES)
    parser.add_argument("--listeners", type=int, default=LISTENERS)
    parser.add_argument("--exact", action="store_true")
    asked, costs = parser.parse_args(), load_costs()
    if asked.rooms is None:
        PAGE.write_text(page(costs, costs.said), "utf-8")
        print(PAGE.read_text("utf-8"))
        return
    if min(asked.rooms, asked.faces) < 1 or asked.listeners < 0:
        parser.error("at least one room, one face and no listener")
    room = Room(asked.faces, asked.listeners)
    sizes = [(room, 1.0)] if asked.exact else zipf(asked.faces, asked.listeners)
    try:
        print(table(HEAD, [row(costs, sizes, asked.rooms)]))
    except ValueError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
