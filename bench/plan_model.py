"""What rooms take: a formula and a simulation of the same service, from measured costs (`plan_costs.json`).

Calls begin by chance (a Poisson process) and last 45 minutes on average, however they are distributed. Their sizes are
Zipf-like. A new call goes to the server that has the fewest (`streamer/front/placement.py`), and stays there. A server
is four processes, each of which keeps one core busy at most; it holds as many rooms as leave every one of them below
`BUSY` in 99 of 100 moments.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

COSTS = Path(__file__).with_name("plan_costs.json")
BUSY = 0.7
"""Of a core: from there on blocks begin to be late by chance alone."""

QUANTILE = 0.99
MINUTES = 45.0
"""Mean length of a call."""

PARTS = ("server", "engine", "looker", "observer")


@dataclass(frozen=True)
class Room:
    """A call: people who talk, one face each, and others who only watch."""

    faces: int
    listeners: int


@dataclass(frozen=True)
class Cost:
    """What a room takes of something: so much itself, and so much for each face and each watcher.

    Every face is also sent to all others: `pair` is for each stream from one to another.
    """

    room: float = 0.0
    face: float = 0.0
    pair: float = 0.0

    def of(self, room: Room) -> float:
        """What this room takes."""
        viewers = room.faces + room.listeners
        return self.room + self.face * room.faces + self.pair * (room.faces * viewers - room.faces)


@dataclass(frozen=True)
class Costs:
    """By process cores, then megabytes, and megabits a second in and out; `said` is the file as it is."""

    cores: dict[str, Cost]
    memory: Cost
    idle: float
    inward: Cost
    outward: Cost
    said: dict[str, Any] = field(default_factory=dict)


def load_costs(path: Path = COSTS) -> Costs:
    """Read the constants; the file names the command that renews them."""
    said = json.loads(path.read_text("utf-8"))
    cores = {part: Cost(**said["cores"][part]) for part in PARTS}
    memory, inward, outward = (Cost(**said[name]) for name in ("memory", "inward", "outward"))
    return Costs(cores, memory, said["idle_memory"], inward, outward, said)


def zipf(faces: int, listeners: int, power: float = 1.5) -> list[tuple[Room, float]]:
    """Rooms of one to `faces` faces and none to `listeners` watchers, and the probability of each."""
    one, other = np.arange(1, faces + 1.0) ** -power, np.arange(1, listeners + 2.0) ** -power
    one, other = one / one.sum(), other / other.sum()
    return [(Room(f + 1, w), float(one[f] * other[w])) for f in range(faces) for w in range(listeners + 1)]


def moments(cost: Cost, sizes: Iterable[tuple[Room, float]]) -> tuple[float, float, float]:
    """Mean, variance and third central moment of what one room takes."""
    values = [(cost.of(room), share) for room, share in sizes]
    mean = sum(value * share for value, share in values)
    return mean, *(sum((value - mean) ** n * share for value, share in values) for n in (2, 3))


def quantile(mean: float, variance: float, third: float, q: float = QUANTILE) -> float:
    """Quantile of a sum by its first three moments (Cornish and Fisher, 1938)."""
    if variance <= 0:
        return mean
    z, sd = NormalDist().inv_cdf(q), math.sqrt(variance)
    return mean + sd * (z + (z * z - 1) * third / (6 * sd**3))


def most_rooms(rooms: float, servers: int) -> float:
    """Rooms on a server in all but one of a hundred moments: the Poisson number of all, divided evenly.

    What chance leaves uneven among servers when calls end is filled by the next that begin: half a room on average.
    """
    total = quantile(rooms, rooms, rooms)
    return total / servers + (0.5 if servers > 1 else 0.0)


def formula(costs: Costs, sizes: list[tuple[Room, float]], rooms: float, servers: int) -> dict[str, float]:
    """What each process of a server takes in all but one of a hundred moments, in cores."""
    count = most_rooms(rooms, servers)
    mean_count = rooms / servers
    # Their number and their sizes are drawn by chance; both add to the spread.
    spread = max(count - mean_count, 0.0) / NormalDist().inv_cdf(QUANTILE)
    found = {}
    for part in PARTS:
        mean, variance, third = moments(costs.cores[part], sizes)
        whole = mean_count * variance + spread**2 * mean**2
        skew = mean_count * third + 3 * spread**2 * mean * variance + spread**4 / max(mean_count, 1e-9) * mean**3
        found[part] = quantile(mean_count * mean, whole, skew)
    return found


def servers_for(costs: Costs, sizes: list[tuple[Room, float]], rooms: float, most: int = 200_000) -> int:
    """The fewest servers that hold so many rooms on average."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if max(formula(costs, sizes, rooms, middle).values()) <= BUSY:
            high = middle
        else:
            low = middle + 1
    return low


def simulate(
    costs: Costs, sizes: list[tuple[Room, float]], rooms: float, servers: int, calls: int, seed: int = 1
) -> dict[str, float]:
    """The same by a simulation of calls that come and go; the first third of it is not looked at.

    Returns:
        By process, the quantile over time and servers, in cores.
    """
    random = np.random.default_rng(seed)
    rate = rooms / MINUTES
    kinds = [room for room, _ in sizes]
    table = np.array([[costs.cores[part].of(room) for part in PARTS] for room in kinds])
    drawn = random.choice(len(kinds), calls, p=[share for _, share in sizes])
    begins = np.cumsum(random.exponential(1 / rate, calls))
    # Log-normal: half of all calls are much shorter than the mean.
    lengths = random.lognormal(math.log(MINUTES) - 0.5, 1.0, calls)
    loads, counts = np.zeros((servers, len(PARTS))), np.zeros(servers, int)
    ends: list[tuple[float, int, int]] = []
    waiting = [(0, int(server)) for server in random.permutation(servers)]
    heapq.heapify(waiting)
    seen = []
    every = max(1, calls // 3000)
    for number, (begin, kind, length) in enumerate(zip(begins, drawn, lengths, strict=True)):
        while ends and ends[0][0] <= begin:
            _, server, old = heapq.heappop(ends)
            loads[server] -= table[old]
            counts[server] -= 1
            heapq.heappush(waiting, (int(counts[server]), server))
        while counts[waiting[0][1]] != waiting[0][0]:
            heapq.heappop(waiting)
        if number > calls // 3 and number % every == 0:
            # Calls come by chance, so that each sees the service as it is at any moment.
            seen.append(loads[random.integers(servers, size=min(servers, 64))].copy())
        _, server = heapq.heappop(waiting)
        loads[server] += table[kind]
        counts[server] += 1
        heapq.heappush(waiting, (int(counts[server]), server))
        heapq.heappush(ends, (float(begin + length), server, int(kind)))
    return dict(zip(PARTS, np.quantile(np.concatenate(seen), QUANTILE, axis=0).tolist(), strict=True))
