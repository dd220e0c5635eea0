"""Ready or not, and why; and the way of a block, counted."""

import shutil
from collections import namedtuple
from types import SimpleNamespace

import pytest

from streamer.server.readiness import LOOKS, Readiness
from streamer.settings import Settings
from streamer.stages import MIXED, RECEIVED, SENT, Stages
from tests.streamer.server.http import client

Usage = namedtuple("Usage", "total used free")


def judged(engine=True, stopping=False, wanted=True):
    stages = Stages()
    parts = Settings(engine=wanted), SimpleNamespace(ready=engine), SimpleNamespace(stopping=stopping)
    return Readiness(*parts, stages), stages


def test_all_is_well():
    readiness, _ = judged()
    assert readiness.reasons() == [] and (readiness.lag, readiness.late) == (0.0, 0.0)


def test_engine_and_end():
    assert judged(engine=False)[0].reasons() == ["The models are not up yet; calls carry plain sound."]
    assert judged(engine=False, wanted=False)[0].reasons() == []
    assert judged(stopping=True)[0].reasons() == ["The server is about to stop."]


def test_a_loop_that_comes_too_late_half_of_the_time_and_not_one_pause():
    readiness, _ = judged()
    readiness.look(9.0)
    for _ in range(LOOKS - 1):
        readiness.look(0.001)
    assert readiness.reasons() == []
    for _ in range(LOOKS // 2 + 1):
        readiness.look(0.15)
    assert readiness.reasons() == ["The machine is too busy: the server comes 150 ms too late."]


@pytest.mark.parametrize(("late", "blocks", "reason"), [(21, 79, "21%"), (20, 80, None), (30, 60, None)])
def test_voices_that_are_late(late, blocks, reason):
    readiness, stages = judged()
    readiness.look(0.0)
    for number in range(blocks + late):
        stages.went_on(late=number < late)
    readiness.look(0.0)
    told = [f"The machine is too busy: voices of {reason} of the sound are late."] if reason else []
    assert readiness.reasons() == told
    for _ in range(LOOKS):
        readiness.look(0.0)
    assert readiness.reasons() == [], "that was more than 10 s ago"


async def test_ready_tells_of_a_full_disk(monkeypatch):
    async with client() as http:
        assert (await http.get("/ready")).json() == {"status": "ready", "voices_separated": False}
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(1 << 30, 1 << 30, 5 << 20))
        answer = await http.get("/ready")
        assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
        assert answer.json()["reason"].startswith("The disk is full: 5 MB are free in ")
        http.context.rooms.stop(0)
        assert (await http.get("/ready")).json()["reason"].startswith("The server is about to stop. The disk")


def test_the_way_of_a_block_is_counted():
    stages = Stages()
    for seconds in (0.004, 0.05, 0.07, 2.0):
        stages.passed(SENT, seconds)
    stages.passed(RECEIVED, -1.0)
    stages.went_on(late=True)
    stages.went_on(late=False)
    samples = {
        (s.name, s.labels.get("stage"), s.labels.get("le")): s.value for m in stages.collect() for s in m.samples
    }
    bucket = "earshot_block_seconds_bucket"
    assert [samples[bucket, SENT, le] for le in ("0.005", "0.06", "0.08", "1.0", "+Inf")] == [1, 2, 3, 3, 4]
    assert samples[bucket, RECEIVED, "0.005"] == 1 and samples[bucket, MIXED, "+Inf"] == 0
    assert (samples["earshot_blocks_total", None, None], samples["earshot_blocks_late_total", None, None]) == (2, 1)
