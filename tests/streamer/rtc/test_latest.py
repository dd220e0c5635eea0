import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.latest import Latest


async def test_drops_the_older_and_counts_it() -> None:
    cell: Latest[int] = Latest()
    for n in range(4):
        cell.put(n)
    assert await anext(cell) == 3
    assert cell.dropped == 3
    cell.put(4)
    assert await anext(cell) == 4
    assert cell.dropped == 3


async def test_a_reader_waits_for_a_value() -> None:
    cell: Latest[str] = Latest()
    waiting = asyncio.ensure_future(anext(cell))
    await asyncio.sleep(0)
    assert not waiting.done()
    cell.put("now")
    assert await waiting == "now"


async def test_close_gives_out_what_is_left_then_ends() -> None:
    cell: Latest[int] = Latest()
    cell.put(1)
    cell.close()
    cell.put(2)
    assert [value async for value in cell] == [1]
    with pytest.raises(StopAsyncIteration):
        await anext(cell)
    assert cell.dropped == 1
    cell.close()


async def test_close_wakes_every_reader() -> None:
    cell: Latest[int] = Latest()

    async def read() -> list[int]:
        return [value async for value in cell]

    readers = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.sleep(0)
    cell.close()
    assert await asyncio.gather(*readers) == [[], [], []]


@given(st.lists(st.booleans(), max_size=60))
def test_keeps_the_newest(puts: list[bool]) -> None:
    async def run() -> None:
        cell: Latest[int] = Latest()
        held: list[int] = []
        taken = 0
        for n, put in enumerate(puts):
            if put:
                cell.put(n)
                held = [n]
            elif held:
                assert await anext(cell) == held.pop()
                taken += 1
        assert cell.dropped == sum(puts) - taken - len(held)

    asyncio.run(run())
