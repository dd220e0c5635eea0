"""What a run finds, written as it becomes known by two threads."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from models.active_speaker.joined import now
from streamer.recordings.exports.event_log import EVENTS

BESIDE = ".beside.jsonl"
"""File of the events of what looks and listens beside the engine, while it goes on."""


class EventFiles:
    """Events of the engine and, apart, of what works beside it: put after each other they do not depend on threads.

    Args:
        folder: Where `events.jsonl` is made.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / BESIDE
        self._events: IO[str] = (folder / EVENTS).open("w", encoding="utf-8")
        self._beside: IO[str] = self._path.open("w+", encoding="utf-8")

    def event(self, t: float, type: str, /, **more: object) -> None:
        """Write an event of the engine."""
        _write(self._events, t, type, more)

    def beside(self, t: float, type: str, /, **more: object) -> None:
        """Write an event of what works beside it; from one other thread."""
        _write(self._beside, t, type, more)

    def finish(self, joined: Sequence[tuple[int, int]] = ()) -> None:
        """Put all into one file.

        Args:
            joined: Speakers that turned out to be somebody else, (gone, stays) each: events of both are the latter's.
        """
        with self._events, self._beside:
            self._beside.seek(0)
            shutil.copyfileobj(self._beside, self._events)
        self._path.unlink()
        if joined:
            self._rename(joined)

    def _rename(self, joined: Sequence[tuple[int, int]]) -> None:
        path = Path(self._events.name)
        with path.open(encoding="utf-8") as lines, self._path.open("w", encoding="utf-8") as out:
            for line in lines:
                event = json.loads(line)
                event |= {key: now(joined, event[key]) for key in ("id", "face") if isinstance(event.get(key), int)}
                out.write(json.dumps(event) + "\n")
        self._path.replace(path)

    def abandon(self) -> None:
        """Close the files, whatever became of them."""
        for file in (self._events, self._beside):
            with contextlib.suppress(OSError):
                file.close()


def _write(file: IO[str], t: float, type: str, more: dict[str, object]) -> None:
    file.write(json.dumps({"t": round(t, 4), "type": type, **more}) + "\n")
