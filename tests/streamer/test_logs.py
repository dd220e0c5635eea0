"""A flood of log lines is counted and said once; single lines come through."""

import io
import logging

from streamer.logs import MOST_LINES, WINDOW, LimitedHandler


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
