"""Twenty connections of each real client that is installed. `python -m bench.clients [NAME...]` (`scripts/clients`
installs them)."""

from __future__ import annotations

import asyncio
import statistics
import sys

from bench.call import call
from bench.clients.programs import PROGRAMS, Connection, Program, connections, free_port
from bench.page import publish, table

TIMES = 20


def row(program: Program, made: list[Connection]) -> list[str]:
    """What came of a client's connections."""
    columns = [c.publish for c in made if c.publish], [c.watch for c in made if c.watch]
    times = [f"{statistics.median(column):.2f} s, at most {max(column):.2f} s" if column else "" for column in columns]
    name = f"{program.name} ({program.version()})"
    return [name, str(len(made)), str(sum(c.error is not None for c in made)), *times]


def main() -> None:
    rows = []
    names = sys.argv[1:] or list(PROGRAMS)
    for name in names:
        program = PROGRAMS[name]()
        if program.missing is not None:
            print(program.missing, file=sys.stderr)
            rows.append([program.name, "not installed here", "", "", ""])
            continue
        page = free_port()
        origin = f"http://127.0.0.1:{page}"
        with call(models=False, allowed_origins=origin, requests_per_second="100") as running:
            made = asyncio.run(connections(program, running.address, running.made, TIMES, page))
        for error in dict.fromkeys(connection.error for connection in made if connection.error is not None):
            print(f"{program.name}: {error}", file=sys.stderr)
        rows.append(row(program, made))
    head = ["client", "connections", "failed", "publish: until connected", "watch: until sound and picture"]
    text = table(head, rows)
    text += "\n\nEach publishes sound and picture by WHIP and watches them come back by WHEP; medians. The server and "
    text += "the client share the machine, and the models are off."
    if names == list(PROGRAMS):
        publish("clients", "python -m bench.clients", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
