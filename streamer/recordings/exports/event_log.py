"""`events.jsonl`: written as things become known, then put in order of time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"

FIRST, LAST = ("start", "speakers"), "end"


def events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a file; what is no event is left out."""
    with path.open("rb") as lines:
        for line in lines:
            if (event := _event(line)) is not None:
                yield event


def sort_events(path: Path, new: Iterable[dict[str, Any]] = ()) -> None:
    """Put the events of a file in order of time; those of one time stay in theirs.

    Only where each line lies is kept in memory.

    Args:
        path: The file; it is replaced at once.
        new: Events to stand in it instead of all others of their types.
    """
    added = {event["type"]: event for event in new}
    places = [(_rank(type), float(event["t"]), -1, type) for type, event in added.items()]
    at = 0
    with path.open("rb") as lines:
        for line in lines:
            event = _event(line)
            if event is not None and event["type"] not in added:
                places.append((_rank(event["type"]), event["t"], at, ""))
            at += len(line)
    temporary = path.with_name(f".{path.name}")
    with path.open("rb") as lines, temporary.open("wb") as out:
        for _, _, begin, type in sorted(places):
            if begin >= 0:
                lines.seek(begin)
            line = lines.readline() if begin >= 0 else json.dumps(added[type]).encode()
            out.write(line.rstrip(b"\n") + b"\n")
    temporary.replace(path)


def _rank(type: str) -> int:
    """Return where events of a type stand: some before, one after all that have a time."""
    return FIRST.index(type) if type in FIRST else len(FIRST) + (type == LAST)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(event, dict) and isinstance(event.get("type"), str) and isinstance(event.get("t"), int | float)
    return event if sound else None
