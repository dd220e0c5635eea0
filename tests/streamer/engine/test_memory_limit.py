"""A device that runs out of memory: fewer voices, then plain sound, then more again; the process never ends of it."""

import threading

import numpy as np
import pytest
import torch

from streamer.engine.client import AUDIO_IN_FLIGHT, EngineClient
from streamer.engine.engine import Engine
from streamer.engine.memory_limit import LONGEST_RETRY_SECONDS, RETRY_SECONDS, MemoryLimit, is_out_of_memory
from streamer.engine.types import BLOCK
from streamer.engine.worker import Block, Inbox, Worker
from tests.clock import Clock


def test_what_tells_of_memory():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory.")) and is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) and not is_out_of_memory(
        KeyError("a")
    )


def test_half_as_many_then_none_then_all_again():
    clock = Clock(0.0)
    limit = MemoryLimit(clock)
    voices = {"a": 2, "b": 2, "c": 1}
    assert limit.fitting(voices) == ["a", "b", "c"]
    limit.failed(5)
    assert (limit.most, limit.fitting(voices)) == (2, ["a"])
    limit.failed(2)
    assert (limit.most, limit.fitting(voices)) == (1, ["c"]), "a call is left out whole"
    limit.failed(1)
    assert (limit.most, limit.fitting(voices)) == (0, [])
    clock.now += 4 * RETRY_SECONDS - 0.1
    assert limit.fitting(voices) == []
    seen = []
    for _ in range(4):
        clock.now += 8 * RETRY_SECONDS + 0.1
        seen.append(limit.fitting(voices))
    assert seen == [["c"], ["a"], ["a", "b"], ["a", "b", "c"]] and limit.most is None
    for _ in range(9):
        limit.failed(9)
    clock.now += LONGEST_RETRY_SECONDS
    limit.fitting(voices)
    assert limit.most != 4, "it is tried again at some time"


class Allocator:
    """An engine on a device that has memory for so many voices."""

    def __init__(self, room, counts):
        self.room, self.counts, self.begun = room, counts, []

    def voices(self, sid):
        return self.counts[sid]

    def hear(self, blocks):
        if sum(self.counts[sid] for sid in blocks) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return dict.fromkeys(blocks, "voices")

    def start_over(self, sids):
        self.begun.append(list(sids))


def test_a_worker_goes_on_with_fewer():
    worker = object.__new__(Worker)
    worker.changed, worker._inboxes = threading.Condition(), {sid: Inbox() for sid in "abc"}
    worker._limit, worker._engine = MemoryLimit(Clock(0.0)), Allocator(3, {"a": 2, "b": 2, "c": 1})
    blocks = {sid: Block(0, 0.0, np.zeros(BLOCK, np.float32), 0.0) for sid in "abc"}
    assert worker._heard(blocks) == {} and worker._engine.begun == [["a", "b", "c"]]
    assert list(worker._heard(blocks)) == ["a"]
    assert (worker._unheard("b", 0), worker._unheard("b", 1), worker._unheard("gone", 7)) == (1, 2, 7)
    worker._engine.room = 0
    assert worker._heard(blocks) == {} and list(worker._heard(blocks)) == []
    worker._engine.hear = lambda blocks: 1 / 0
    with pytest.raises(ZeroDivisionError):
        worker._heard(blocks)


async def test_a_block_that_is_not_heard_is_not_waited_for():
    client = EngineClient()
    client._process._ready = True
    client.open("a", None, None, None)
    pcm = np.zeros(BLOCK, np.float32)
    assert [client.send_audio("a", n, 0.0, pcm) for n in range(AUDIO_IN_FLIGHT + 1)] == [True] * AUDIO_IN_FLIGHT + [
        False
    ]
    client.receive({"type": "unheard", "sid": "a", "dropped": 2})
    assert client._sessions["a"].audio_in_flight == AUDIO_IN_FLIGHT - 2
    assert (client.statistics.audio_dropped, client.statistics.audio_answered) == (3, 0)
    assert client.send_audio("a", 99, 0.0, pcm)


def test_an_engine_whose_allocator_fails_once_goes_on_as_before(picture, monkeypatch):
    engine = Engine()
    engine.open("a")
    noise = np.random.default_rng(1).normal(0, 0.1, (30, BLOCK)).astype(np.float32)

    def fails(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    for number, pcm in enumerate(noise):
        engine.see("a", 0.02 * number, picture)
        if number == 20:
            monkeypatch.setattr(engine._separator, "step", fails)
            with pytest.raises(torch.OutOfMemoryError):
                engine.hear({"a": (0.02 * number, pcm)})
            monkeypatch.undo()
            engine.start_over(["a", "unknown"])
            continue
        heard = engine.hear({"a": (0.02 * number, pcm)})["a"]
    assert engine.voices("a") == len(heard.ids) == 2
    delayed = np.concatenate([np.zeros(240, np.float32), noise.ravel()])[29 * BLOCK : 30 * BLOCK]
    np.testing.assert_allclose(heard.pcm.sum(axis=0) + heard.rest, delayed, atol=1e-5)
