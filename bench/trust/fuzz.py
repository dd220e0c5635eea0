"""Inputs that are nearly right, to everything that reads strangers' bytes. `python -m bench.trust.fuzz`.

Each is made from a number, `--seed` and which one it is, so that one that breaks something can be had again.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import time
from dataclasses import dataclass, field

from bench.page import TRUST, publish, table, verdict
from bench.trust.targets import SOCKET_BATCH, TARGETS

TIMES = 100_000
SLOW = 0.25
"""Seconds of processor time for one input, or a batch of one socket's, from which on it is slow."""

EXPECTED = ("aiortc", "aioice")


@dataclass
class Outcome:
    """What came of the inputs of one kind.

    Attributes:
        count: how many there were.
        slowest: seconds of processor time.
        broken: what was raised or logged as an error, with the input.
        slow: inputs that took too long.
    """

    count: int = 0
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)


class Errors(logging.Handler):
    """Keeps what is logged as a mistake of the server."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if not record.name.startswith(EXPECTED):
            self.said.append(logging.Formatter("%(name)s: %(message)s").format(record))


async def run(name: str, times: int, seed: int) -> Outcome:
    """Feed so many inputs of a kind."""
    target, _, batch = TARGETS[name]
    outcome, errors = Outcome(), Errors()
    logging.getLogger().addHandler(errors)
    fed: object = None
    try:
        async with target() as feed:
            for number in range(-(-times // batch)):
                source, began = random.Random(f"{seed} {name} {number}"), time.process_time()
                try:
                    fed = await feed(source)
                except Exception as error:
                    outcome.broken.append(f"{name} {number}: {error!r}")
                    logging.getLogger("bench").debug("%s %d", name, number, exc_info=True)
                took = time.process_time() - began
                outcome.count += batch
                outcome.slowest = max(outcome.slowest, took)
                if took > SLOW:
                    outcome.slow.append(f"{name} {number}: {took:.2f} s, {str(fed)[:200]!r}")
                if errors.said:
                    outcome.broken += [f"{name} {number}: {said}" for said in errors.said]
                    errors.said.clear()
    finally:
        logging.getLogger().removeHandler(errors)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="inputs whose kind has this in its name")
    options = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    chosen = [name for name in TARGETS if not options.only or options.only in name]
    found = {name: asyncio.run(run(name, options.times * TARGETS[name][1] // 100, options.seed)) for name in chosen}
    for outcome in found.values():
        print("\n".join([*outcome.broken[:20], *outcome.slow[:20]]))
    rows = [
        [name, f"{one.count:,}", str(len(one.broken)), str(len(one.slow)), f"{1000 * one.slowest:.0f} ms"]
        for name, one in found.items()
    ]
    text = table(["inputs", "how many", "that broke something", "slow", "processor time of the slowest"], rows)
    bad = sum(len(one.broken) + len(one.slow) for one in found.values())
    text += f"\n\nSeeded changes of good inputs and of `tests/corpus`; of the socket {SOCKET_BATCH} at once. "
    text += f"Broken: an exception nobody expects, an error in the log, or a status of 500. Slow: over {SLOW:g} s. "
    text += f"Limit: none: {verdict(bad, 0)}."
    if not options.only:
        publish("fuzz", f"python -m bench.trust.fuzz --times {options.times} --seed {options.seed}", text, TRUST)
    else:
        print(text)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
