"""Memory of server and engine over a 10-minute call. `python -m bench.memory`."""

from __future__ import annotations

import time

from bench.call import call, resident
from bench.page import publish, table, verdict

MINUTES = 10
LIMIT = 10.0
"""MB by which both together may grow after that and count as flat: the heap's fragmentation moves by a few."""

SETTLED = 2
"""Minutes after which caches are full and growth is judged."""


def main() -> None:
    samples: list[tuple[float, float]] = []
    with call() as running:
        running.join_demo()
        running.watch()
        running.until("earshot_agent_separated", 100)
        engine = running.engine
        for _ in range(MINUTES + 1):
            samples.append((resident(running.server.pid), resident(engine)))
            time.sleep(60)
        blocks = running.metrics()["earshot_agent_blocks"]
    shown = [0, 1, SETTLED, 5, MINUTES]
    rows = [[name, *(f"{samples[minute][i]:.0f}" for minute in shown)] for i, name in enumerate(("server", "engine"))]
    growth = [samples[-1][i] - samples[SETTLED][i] for i in range(2)]
    text = table(["resident MB after", *(f"{minute} min" for minute in shown)], rows)
    text += f"\n\nGrowth from minute {SETTLED} to {MINUTES}: server {growth[0]:+.1f} MB, engine {growth[1]:+.1f} MB "
    text += f"({blocks:.0f} blocks of sound). "
    text += f"Limit: {LIMIT:.0f} MB in all: {verdict(sum(growth), LIMIT)}."
    publish("memory", "python -m bench.memory", text)


if __name__ == "__main__":
    main()
