"""Added delay of separation: from a block received to its sound sent. `python -m bench.delay`."""

from __future__ import annotations

import time

from bench.call import call
from bench.page import publish, table, verdict

SECONDS = 60
LIMIT = 0.08
ALIGNMENT = 0.017
"""Seconds by which the sound in a block lags the block: separator 15 ms, two resamplers 1 ms each."""


def main() -> None:
    with call() as running:
        running.join_demo()
        running.watch()
        running.until("earshot_agent_separated", 100)
        time.sleep(SECONDS)
        metrics = running.metrics()
    rows = []
    for part, name in (("voices", "voices separated"), ("sent", "sound sent to a listener")):
        values = [metrics[f'earshot_delay_{part}_seconds{{quantile="{q}"}}'] for q in (0.5, 0.95, 0.99)]
        # What is sent is as old as the block it came in; its sound is older by the alignment.
        rows.append([f"block received → {name}", *(f"{1000 * (v + ALIGNMENT):.0f} ms" for v in values)])
    late, blocks = metrics["earshot_agent_late"], metrics["earshot_agent_blocks"]
    text = table(["", "p50", "p95", "p99"], rows)
    text += f"\n\nThe 15 ms of the separator and 2 ms of resampling are included. {late:.0f} of {blocks:.0f} blocks "
    text += "were late and went on as plain sound. One session, two faces, 480p, one listener. "
    sent = metrics['earshot_delay_sent_seconds{quantile="0.95"}'] + ALIGNMENT
    text += f"Limit: p95 of at most {1000 * LIMIT:.0f} ms to the listener: {verdict(sent, LIMIT)}."
    publish("delay", "python -m bench.delay", text)


if __name__ == "__main__":
    main()
