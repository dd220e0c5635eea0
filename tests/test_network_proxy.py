"""The bad network of the bench does to datagrams what it says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from bench.network_proxy import CANDIDATE, Proxy


def described(port: int) -> str:
    lines = ["v=0", "m=audio 9", "a=mid:0"]
    lines += [f"a=candidate:{n} 1 udp 100 127.0.0.1 {port + n} typ host" for n in (0, 1)]
    return "\r\n".join([*lines, "m=video 9", "a=mid:1"]) + "\r\n"


def address_in(sdp: str) -> tuple[str, int]:
    [found] = CANDIDATE.findall(sdp)
    return found[0], int(found[1])


class Ends(NamedTuple):
    proxy: Proxy
    client: socket.socket
    server: socket.socket
    to_client: tuple[str, int]
    to_server: tuple[str, int]

    async def got(self, end: socket.socket, count: int) -> list[bytes]:
        async with asyncio.timeout(10):
            return [await asyncio.get_running_loop().sock_recv(end, 2048) for _ in range(count)]


@pytest.fixture(params=["the client offers", "the server offers"])
async def ends(request: pytest.FixtureRequest) -> AsyncIterator[Ends]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for end in sockets:
        end.bind(("127.0.0.1", 0))
        end.setblocking(False)
    client, server = sockets
    proxy = Proxy(seed=3)
    own, other = described(client.getsockname()[1]), described(server.getsockname()[1])
    if request.param == "the client offers":
        offered, answered = await proxy.offered(own), proxy.answered(other)
    else:
        # As Janus does.
        answered, offered = await proxy.offering(other), await proxy.offered(own)
    assert offered.count("a=mid:") == 2
    yield Ends(proxy, client, server, address_in(offered), address_in(answered))
    proxy.close()
    client.close()
    server.close()


async def test_a_good_network_hands_on_both_ways(ends: Ends) -> None:
    ends.client.sendto(b"ping", ends.to_server)
    assert await ends.got(ends.server, 1) == [b"ping"]
    ends.server.sendto(b"pong", ends.to_client)
    assert await ends.got(ends.client, 1) == [b"pong"]


async def test_a_bad_one_loses_and_reorders(ends: Ends) -> None:
    ends.proxy.worsen(0.5, 0.02)
    for n in range(200):
        ends.client.sendto(bytes([n]), ends.to_server)
    async with asyncio.timeout(10):
        while ends.proxy.passed + ends.proxy.lost < 200:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0.005)
    assert 70 < ends.proxy.lost < 130
    got = [data[0] for data in await ends.got(ends.server, ends.proxy.passed)]
    assert len(set(got)) == len(got) and got != sorted(got)


async def test_it_is_cut_and_moves(ends: Ends) -> None:
    ends.proxy.cut = True
    ends.client.sendto(b"lost", ends.to_server)
    async with asyncio.timeout(10):
        while not ends.proxy.lost:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0.005)
    ends.proxy.cut = False
    await ends.proxy.move()
    ends.client.sendto(b"moved", ends.to_server)
    async with asyncio.timeout(10):
        data, address = await asyncio.get_running_loop().sock_recvfrom(ends.server, 2048)
    assert data == b"moved" and address != ends.to_client
    # What goes to the old address goes nowhere; what goes to the new one arrives.
    ends.server.sendto(b"old", ends.to_client)
    ends.server.sendto(b"new", address)
    assert await ends.got(ends.client, 1) == [b"new"]
