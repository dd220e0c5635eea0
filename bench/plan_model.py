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
from typing import Any

import numpy as np

COSTS = Path(__file__).with_name("plan_costs.json")
BUSY = 0.7
"""Of a core: from there on blocks begin to be late by chance alone."""

QUANTILE = 0.99
MINUTES = 45.0
"""Mean length of a call."""

STEP = 0.002
"""Cores to which distributions are rounded."""

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


def mean(cost: Cost, sizes: Iterable[tuple[Room, float]]) -> float:
    """What one room takes on average."""
    return sum(cost.of(room) * share for room, share in sizes)


def on_a_server(rooms: float, servers: int) -> dict[int, float]:
    """Probability of each number of rooms on a server: a Poisson number of all, dealt out as evenly as can be."""
    reach = 6 * math.sqrt(rooms) + 10
    shares: dict[int, float] = {}
    for count in range(max(0, math.floor(rooms - reach)), math.ceil(rooms + reach)):
        chance = math.exp(count * math.log(rooms) - rooms - math.lgamma(count + 1))
        few, left = divmod(count, servers)
        shares[few] = shares.get(few, 0.0) + chance * (1 - left / servers)
        shares[few + 1] = shares.get(few + 1, 0.0) + chance * left / servers
    return shares


def as_rooms_see_it(rooms: float, servers: int) -> dict[int, float]:
    """The same as a room finds it: nobody is on an empty server."""
    shares = {count: count * share for count, share in on_a_server(rooms, servers).items()}
    return {count: share / sum(shares.values()) for count, share in shares.items()}


def quantile(cost: Cost, sizes: list[tuple[Room, float]], shares: dict[int, float], q: float = QUANTILE) -> float:
    """Quantile of what a server's rooms take together: the distribution of one, folded with itself."""
    steps = [round(cost.of(room) / STEP) for room, _ in sizes]
    one = np.bincount(steps, [share for _, share in sizes])
    return float(np.searchsorted(np.cumsum(_together(one, shares)), q)) * STEP


def over(cost: Cost, sizes: list[tuple[Room, float]], shares: dict[int, float]) -> float:
    """Share of the moments in which a server's rooms take more than `BUSY` together."""
    steps = [round(cost.of(room) / STEP) for room, _ in sizes]
    one = np.bincount(steps, [share for _, share in sizes])
    return float(_together(one, shares)[round(BUSY / STEP) + 1 :].sum())


def _together(one: np.ndarray, shares: dict[int, float]) -> np.ndarray:
    several, whole = np.ones(1), np.zeros(1)
    for count in range(max(shares) + 1):
        longer = np.zeros(max(len(whole), len(several)))
        longer[: len(whole)] += whole
        longer[: len(several)] += shares.get(count, 0.0) * several
        whole, several = longer, np.convolve(several, one)
    return whole


def formula(costs: Costs, sizes: list[tuple[Room, float]], rooms: float, servers: int) -> dict[str, float]:
    """What each process of a room's server takes in all but one of a hundred moments of its calls, in cores."""
    shares = as_rooms_see_it(rooms, servers)
    return {part: quantile(costs.cores[part], sizes, shares) for part in PARTS}


def servers_for(costs: Costs, sizes: list[tuple[Room, float]], rooms: float, most: int = 200_000) -> int:
    """The fewest servers that hold so many rooms on average.

    Raises:
        ValueError: no number does: a room that is not rare is too much for one server.
    """
    low = max(1, math.ceil(max(mean(costs.cores[part], sizes) for part in PARTS) * rooms / 4))
    high = most
    if max(formula(costs, sizes, rooms, most).values()) > BUSY:
        raise ValueError("a room that is not rare is too much for one server")
    while low < high:
        middle = (low + high) // 2
        if max(formula(costs, sizes, rooms, middle).values()) <= BUSY:
            high = middle
        else:
            low = middle + 1
    return low


def simulate(
    costs: Costs, sizes: list[tuple[Room, float]], rooms: float, servers: int, calls: int, seed: int = 1
) -> np.ndarray:
    """The same service by a simulation of calls that come and go; the first third of it is not looked at.

    Returns:
        What each process takes, in cores, of each room's server at moments drawn by chance, (moments, processes).
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
            chosen = random.integers(servers, size=min(servers, 64))
            seen.append(np.repeat(loads[chosen], counts[chosen], axis=0))
        _, server = heapq.heappop(waiting)
        loads[server] += table[kind]
        counts[server] += 1
        heapq.heappush(waiting, (int(counts[server]), server))
        heapq.heappush(ends, (float(begin + length), server, int(kind)))
    return np.concatenate(seen)
