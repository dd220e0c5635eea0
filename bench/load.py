"""CPU per session, and how many sessions hold before blocks are late. `python -m bench.load`."""

from __future__ import annotations

import time

from bench.call import Call, call, cpu_seconds
from bench.page import publish, table, verdict

SECONDS = 30
LIMIT = 1.2
MOST = 4
HOLDS = 0.01
"""Share of late blocks up to which a number of sessions counts as holding."""


def measure(running: Call, seconds: float) -> dict[str, float]:
    """CPU share of each process, share of late blocks, pictures looked at per second and session."""
    pids = running.processes
    before, counts = {name: cpu_seconds(pid) for name, pid in pids.items()}, running.metrics()
    started = time.monotonic()
    time.sleep(seconds)
    lasted, after = time.monotonic() - started, running.metrics()
    grown = {name: after[name] - counts[name] for name in after if name in counts}
    shares = {name: (cpu_seconds(pid) - before[name]) / lasted for name, pid in pids.items()}
    return shares | {
        "late": grown["earshot_agent_late"] / max(1.0, grown["earshot_agent_blocks"]),
        "pictures": grown["earshot_engine_video_sent_total"] / lasted,
        "hear": grown["earshot_engine_hear_cpu_total"] / lasted,
        "see": grown["earshot_engine_see_cpu_total"] / lasted,
    }


def main() -> None:
    rows, holds, one = [], 0, 0.0
    with call() as running:
        running.watch()
        for sessions in range(1, MOST + 1):
            running.join_demo()
            # 15 s until both puppets of the newest one have been seen and heard.
            running.until("earshot_agent_separated", running.metrics().get("earshot_agent_separated", 0) + 750)
            got = measure(running, SECONDS)
            one = one or got["server"] + got["engine"] + got["looker"]
            holds = sessions if got["late"] <= HOLDS else holds
            rows.append(
                [
                    f"{sessions} x 2 faces",
                    f"{got['server']:.2f}",
                    f"{got['engine']:.2f}",
                    f"{got['looker']:.2f}",
                    f"{got['server'] + got['engine'] + got['looker']:.2f}",
                    f"{got['observer']:.2f}",
                    f"{1000 * got['hear'] / sessions / 2 / 50:.1f} ms",
                    f"{1000 * got['see'] / max(got['pictures'], 1e-9) / 2:.1f} ms",
                    f"{got['pictures'] / sessions:.0f}",
                    f"{got['late']:.1%}",
                ]
            )
            if got["late"] > HOLDS:
                break
    head = [
        "sessions",
        "server, cores",
        "engine, cores",
        "looker, cores",
        "all three",
        "observer, cores",
        "hear, a block and face",
        "see, a picture and face",
    ]
    text = table([*head, "pictures/s", "late blocks"], rows)
    text += (
        f"\n\n{holds} sessions of two faces hold (at most {HOLDS:.0%} of blocks late), measured with the participants "
    )
    text += "and one listener running on the same machine: they encode and decode there too. "
    text += "The observer (heat maps, tags, captions) runs at a lower priority. "
    text += f"Limit: at most {LIMIT} cores for one session of two faces: {verdict(one, LIMIT)}."
    publish("load", "python -m bench.load", text)


if __name__ == "__main__":
    main()
