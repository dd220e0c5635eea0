"""A name server that hangs keeps two threads and nobody else."""

import asyncio
import gc
import threading

from streamer.rtc.names import THREADS, Names


async def test_a_lookup_that_hangs_is_asked_once_and_left_behind():
    answer, asked = threading.Event(), []

    def lookup(name):
        asked.append(name)
        assert answer.wait(30)
        return "192.0.2.7"

    names = Names(lookup)
    assert await asyncio.gather(*(names.find("stun.example", 0.05) for _ in range(40))) == [None] * 40
    assert asked == ["stun.example"]
    assert await names.find("192.0.2.1", 0.05) == "192.0.2.1" and await names.find("::1", 0.05) == "::1"
    assert [await names.find(f"{number}.example", 0.05) for number in range(5)] == [None] * 5
    assert len(asked) == THREADS
    answer.set()
    assert await names.find("stun.example", 30) == "192.0.2.7"


async def test_a_name_that_is_none():
    def lookup(name):
        raise OSError("Name or service not known")

    names = Names(lookup)
    assert await names.find("nowhere.example", 5) is None


async def test_what_fails_when_nobody_waits_any_more_is_no_error():
    said, answer = [], threading.Event()
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context["message"]))

    def lookup(name):
        assert answer.wait(30)
        raise OSError("Temporary failure in name resolution")

    names = Names(lookup)
    assert await names.find("stun.example", 0.05) is None
    answer.set()
    # This one waits for the same answer, and so until it has come.
    assert await names.find("stun.example", 30) is None
    await asyncio.sleep(0)
    del names
    gc.collect()
    assert not said
