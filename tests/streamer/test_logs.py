"""A flood of log lines is counted and said once; single lines come through."""

import io
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, datetime

from streamer.logs import MOST_LINES, WINDOW, JsonLines, LimitedHandler


def test_a_flood_is_counted_and_said_once():
    now = 0.0
    stream = io.StringIO()
    handler = LimitedHandler(stream, clock=lambda: now)
    log = logging.Logger("t")
    log.addHandler(handler)
    for number in range(5000):
        log.error("out of files: %d", number)
    log.error("something else")
    assert stream.getvalue().splitlines() == [f"out of files: {n}" for n in range(MOST_LINES)] + ["something else"]
    now = WINDOW
    log.error("later")
    more = f"{5000 - MOST_LINES} more lines like those before within 10 s"
    assert stream.getvalue().splitlines()[MOST_LINES:] == ["something else", more, "later"]
    for _ in range(MOST_LINES + 1):
        log.error("at the end")
    handler.close()
    assert stream.getvalue().splitlines()[-2:] == ["at the end", "1 more lines like those before within 10 s"]


def test_lines_as_json():
    stream = io.StringIO()
    handler = LimitedHandler(stream)
    handler.setFormatter(JsonLines())
    log = logging.Logger("earshot.t")
    log.addHandler(handler)
    log.warning("two\nlines, %s", "ü")
    try:
        raise ValueError("bad")
    except ValueError:
        log.exception("it failed")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert datetime.fromisoformat(first.pop("time")).tzinfo == UTC
    assert first == {"level": "warning", "logger": "earshot.t", "process": os.getpid(), "message": "two\nlines, ü"}
    assert second["level"] == "error" and second["exception"].endswith("ValueError: bad")


def test_processes_that_are_started_write_as_the_server_does():
    code = "from streamer.logs import *; import os, logging; configure_logging('info', 'json'); logging.info('a')"
    code += "; os.execv(os.sys.executable, [os.sys.executable, '-c', 'from streamer.logs import *; "
    code += 'configure_logging("info"); logging.info("b")\'])'
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stderr
    assert [json.loads(line)["message"] for line in said.splitlines()] == ["a", "b"]
