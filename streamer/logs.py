"""Logging to stderr, one line an event; what comes in a flood is counted and said once."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

WINDOW = 10.0
"""Seconds over which the lines of one place in the code are counted."""

MOST_LINES = 20
"""Lines of one place in a window; the others are only counted."""

FORMAT = "EARSHOT_LOG_FORMAT"
"""Variable by which the processes that a server starts write as it does."""

Place = tuple[str, int, str]


@dataclass(slots=True)
class _Window:
    ends: float
    lines: int = 0


class LimitedHandler(logging.StreamHandler[TextIO]):
    """A handler that writes so many lines of one place in the code, and then how many more there were.

    Args:
        stream: to write to.
        clock: monotonic time, seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._clock = clock
        self._windows: dict[Place, _Window] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        now = self._clock()
        self._end(now)
        window = self._windows.setdefault((record.pathname, record.lineno, record.name), _Window(now + WINDOW))
        window.lines += 1
        if window.lines <= MOST_LINES:
            super().emit(record)

    def close(self) -> None:
        """Say what was only counted."""
        self._end(float("inf"))
        super().close()

    def _end(self, now: float) -> None:
        for place in [place for place, window in self._windows.items() if window.ends <= now]:
            more = self._windows.pop(place).lines - MOST_LINES
            if more > 0:
                path, line, name = place
                text = "%d more lines like those before within %g s"
                super().emit(logging.LogRecord(name, logging.WARNING, path, line, text, (more, WINDOW), None))


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: time (RFC 3339), level, logger, process, message and, if any, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one."""
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def configure_logging(level: str, form: str | None = None) -> None:
    """Log to stderr, in the processes that are started, too.

    Args:
        level: debug, info, warning or error.
        form: text or json; None for that of the process that started this one.
    """
    form = form or os.environ.get(FORMAT, "text")
    os.environ[FORMAT] = form
    handler = LimitedHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else plain)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    # aiortc tells of every candidate at info, httpx of every request.
    for name in ("aioice", "aiortc", "httpx"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
