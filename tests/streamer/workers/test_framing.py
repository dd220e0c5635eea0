import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.workers import framing


@given(st.dictionaries(st.text(max_size=8), st.integers(-(2**40), 2**40) | st.binary(max_size=64), max_size=5))
def test_both_readers_read_what_was_written(message):
    data = framing.encode(message)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        assert framing.read_blocking(theirs) == message

    async def streamed():
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        return await framing.read(reader)

    assert asyncio.run(streamed()) == message


def test_a_broken_length_is_noticed():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"\xff\xff\xff\xff")
        with pytest.raises(ValueError, match="exceeds"):
            framing.read_blocking(theirs)


def test_the_end_of_the_stream_is_an_eof():
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(EOFError):
            framing.read_blocking(theirs)
