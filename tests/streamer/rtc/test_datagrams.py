"""Several packets in one call arrive as they would have one by one."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from streamer.rtc.datagrams import MOST_AT_ONCE, Segments, runs
from streamer.rtc.packet_sender import h264_payloads


@pytest.fixture
def sink() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        sink.settimeout(5)
        yield sink


async def opened() -> asyncio.DatagramTransport:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    return transport


class Counted:
    """A transport whose socket counts the calls, and fails if it is told to."""

    def __init__(self, transport: Any, error: OSError | None = None) -> None:
        self.calls = self.single = 0
        self._transport, self._error = transport, error
        self._sock = self

    def sendmsg(self, *arguments: Any) -> int:
        self.calls += 1
        if self._error is not None:
            raise self._error
        return int(self._transport._sock.sendmsg(*arguments))

    def sendto(self, data: bytes, address: Any) -> None:
        self.calls += 1
        self.single += 1
        self._transport.sendto(data, address)

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


async def test_a_picture_is_one_call(sink: socket.socket) -> None:
    transport, segments = await opened(), Segments()
    counted = Counted(transport)
    packets = [bytes([n]) * 1200 for n in range(9)] + [b"end"]
    segments.send(counted, packets, sink.getsockname())
    assert [sink.recv(2048) for _ in packets] == packets
    assert counted.calls == 1 and segments.usable
    transport.close()


async def test_a_large_picture_is_several_calls(sink: socket.socket) -> None:
    transport, segments = await opened(), Segments()
    counted = Counted(transport)
    packets = [n.to_bytes(2, "big") * 100 for n in range(100)]
    segments.send(counted, packets, sink.getsockname())
    assert [sink.recv(2048) for _ in packets] == packets
    assert counted.calls == -(-100 // MOST_AT_ONCE)
    transport.close()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EIO, errno.EAGAIN])
async def test_where_it_does_not_work_packets_go_one_by_one(sink: socket.socket, code: int) -> None:
    transport, segments = await opened(), Segments()
    counted = Counted(transport, OSError(code, "no"))
    packets = [b"a" * 100, b"b" * 100, b"c"]
    for _ in range(2):
        segments.send(counted, packets, sink.getsockname())
        assert [sink.recv(2048) for _ in packets] == packets
    # A socket that is full for a moment is asked again; one that cannot do it is not.
    assert segments.usable == (code == errno.EAGAIN)
    assert counted.calls == 6 + (2 if segments.usable else 1)
    transport.close()


async def test_what_waits_goes_first(sink: socket.socket) -> None:
    transport, segments = await opened(), Segments()
    counted = Counted(transport)
    counted.get_write_buffer_size = lambda: 1  # type: ignore[method-assign]
    segments.send(counted, [b"a" * 100, b"b" * 100], sink.getsockname())
    assert counted.single == 2
    transport.close()


async def test_a_turn_allocation_has_no_socket(sink: socket.socket) -> None:
    sent: list[bytes] = []

    class Allocation:
        def sendto(self, data: bytes, address: Any) -> None:
            sent.append(data)

    Segments().send(Allocation(), [b"a", b"b"], sink.getsockname())
    assert sent == [b"a", b"b"]


@pytest.mark.parametrize(
    "lengths", [[5], [5, 5, 5], [5, 5, 2], [5, 6, 2], [2, 5, 5], [5, 2, 5, 5, 3, 3, 1, 9], [7] * (3 * MOST_AT_ONCE)]
)
def test_runs_are_of_one_length_but_for_the_last(lengths: list[int]) -> None:
    packets = [bytes([n % 256]) * length for n, length in enumerate(lengths)]
    found = list(runs(packets))
    assert [packet for run in found for packet in run] == packets
    for run in found:
        assert len(run) <= MOST_AT_ONCE
        assert {len(packet) for packet in run[:-1]} <= {len(run[0])} and len(run[-1]) <= len(run[0])


def test_a_picture_in_h264_is_few_runs() -> None:
    unit = b"\x00\x00\x00\x01\x65" + bytes(n % 250 + 1 for n in range(30_000))
    payloads = h264_payloads(unit)
    assert len(payloads) > 20 and len(list(runs(payloads))) <= 3
