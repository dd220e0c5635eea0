import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.channel import Channel, ChannelClosed


async def test_drops_the_oldest_and_counts_it() -> None:
    channel: Channel[int] = Channel(2, "numbers")
    assert [channel.put_nowait(n) for n in range(4)] == [None, None, 0, 1]
    assert [await channel.get(), await channel.get()] == [2, 3]
    statistics = channel.statistics()
    assert (statistics.name, statistics.capacity) == ("numbers", 2)
    assert (statistics.received, statistics.dropped, statistics.depth) == (4, 2, 0)


async def test_get_waits_for_an_item() -> None:
    channel: Channel[str] = Channel(1)
    waiting = asyncio.create_task(channel.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.put_nowait("now")
    assert await waiting == "now"


async def test_close_gives_out_what_is_left_then_ends() -> None:
    channel: Channel[int] = Channel(3)
    channel.put_nowait(1)
    channel.put_nowait(2)
    channel.close()
    assert channel.put_nowait(3) == 3
    assert [item async for item in channel] == [1, 2]
    with pytest.raises(ChannelClosed):
        await channel.get()
    assert channel.statistics().dropped == 1
    channel.close()


async def test_close_wakes_every_reader() -> None:
    channel: Channel[int] = Channel(1)

    async def read() -> list[int]:
        return [item async for item in channel]

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.sleep(0)
    channel.close()
    assert await asyncio.gather(*readers) == [[], [], []]


async def test_clear_counts_as_dropped() -> None:
    channel: Channel[int] = Channel(5)
    for n in range(3):
        channel.put_nowait(n)
    assert channel.clear() == 3
    assert (len(channel), channel.statistics().dropped) == (0, 3)


def test_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Channel(0)


@given(st.integers(1, 7), st.lists(st.booleans(), max_size=60))
def test_keeps_the_newest_in_order(capacity: int, puts: list[bool]) -> None:
    async def run() -> None:
        channel: Channel[int] = Channel(capacity)
        model: list[int] = []
        for n, put in enumerate(puts):
            if put:
                channel.put_nowait(n)
                model = [*model, n][-capacity:]
            elif model:
                assert await channel.get() == model.pop(0)
        statistics = channel.statistics()
        assert statistics.depth == len(model)
        assert statistics.received == sum(puts)

    asyncio.run(run())
