"""When a process with models is started anew."""

import asyncio
import time

import pytest

from streamer.workers import link
from streamer.workers.link import LONGEST_PAUSE, SERVED
from streamer.workers.process import ModelProcess


@pytest.fixture
def pauses(monkeypatch):
    """The pauses before new starts, none of which is waited for."""
    found, sleep = [], asyncio.sleep

    async def note(seconds):
        found.append(seconds)
        await sleep(0)

    monkeypatch.setattr(link.asyncio, "sleep", note)
    return found


class Mortal(ModelProcess):
    """Its models are up for so many seconds of each life, None for never, which are not waited for."""

    def __init__(self, lives):
        super().__init__("nothing", [], lambda ready: None, lambda message: None)
        self._lives = iter(lives)

    async def _run(self):
        try:
            seconds = next(self._lives)
        except StopIteration:
            self.again = False
            return
        if seconds is not None:
            self._ready_at = time.monotonic() - seconds
        raise OSError("gone")


async def lived(*lives):
    mortal = Mortal(lives)
    mortal.start()
    await mortal.ended()


async def test_one_that_dies_before_it_has_served_comes_back_later_each_time(pauses):
    await lived(*7 * [None])
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE]


async def test_one_that_has_served_is_back_at_once(pauses):
    await lived(None, SERVED - 1, None, SERVED + 1, SERVED + 1, None)
    assert pauses == [0.25, 0.5, 1.0, 0.25, 0.25, 0.5]
