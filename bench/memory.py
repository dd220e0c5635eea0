"""Memory of server, engine and observer over a 10-minute call. `python -m bench.memory`."""

from __future__ import annotations

import time

from bench.call import call, resident
from bench.page import publish, table, verdict

MINUTES = 10
LIMIT = 10.0
"""MB by which all together may grow after that and count as flat: the heap's fragmentation moves by a few."""

SETTLED = 2
"""Minutes after which caches are full and growth is judged."""


def main() -> None:
    samples: list[list[float]] = []
    with call() as running:
        running.join_demo()
        running.watch()
        running.until("earshot_agent_separated", 100)
        pids = running.processes
        for _ in range(MINUTES + 1):
            samples.append([resident(pid) for pid in pids.values()])
            time.sleep(60)
        blocks = running.metrics()["earshot_agent_blocks"]
    shown = [0, 1, SETTLED, 5, MINUTES]
    rows = [[name, *(f"{samples[minute][i]:.0f}" for minute in shown)] for i, name in enumerate(pids)]
    growth = [samples[-1][i] - samples[SETTLED][i] for i in range(len(pids))]
    text = table(["resident MB after", *(f"{minute} min" for minute in shown)], rows)
    grown = ", ".join(f"{name} {more:+.1f} MB" for name, more in zip(pids, growth, strict=True))
    text += f"\n\nGrowth from minute {SETTLED} to {MINUTES}: {grown} ({blocks:.0f} blocks of sound). "
    text += f"Limit: {LIMIT:.0f} MB in all: {verdict(sum(growth), LIMIT)}."
    publish("memory", "python -m bench.memory", text)


if __name__ == "__main__":
    main()
