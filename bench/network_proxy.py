"""A bad network between a client and the server: a UDP proxy that loses, delays, reorders, cuts and moves."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from typing import Any, cast

CANDIDATE = re.compile(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host.*", re.IGNORECASE)

Address = tuple[str, int]


class _Port(asyncio.DatagramProtocol):
    """One of the proxy's sockets: hands on what comes in."""

    def __init__(self, received: Callable[[bytes, Address], None]) -> None:
        self._received = received
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._received(data, (addr[0], addr[1]))

    @property
    def address(self) -> Address:
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")[:2]
        return host, port

    def send(self, data: bytes, address: Address) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, address)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()


async def _port(host: str, received: Callable[[bytes, Address], None]) -> _Port:
    loop = asyncio.get_running_loop()
    _, port = await loop.create_datagram_endpoint(lambda: _Port(received), local_addr=(host, 0))
    return port


class Proxy:
    """Each side takes it for the other one. Perfect until `worsen`.

    Args:
        seed: of what is lost and delayed.
    """

    def __init__(self, seed: int = 0) -> None:
        self.passed = self.lost = 0
        self.cut = False
        self._random = random.Random(seed)
        self._loss = self._jitter = 0.0
        self._client: Address | None = None
        self._server: Address | None = None
        self._inner: _Port | None = None
        self._outer: _Port | None = None

    async def offered(self, sdp: str) -> str:
        """Return a client's description as the server is to get it."""
        await self._open(_candidate(sdp)[0])
        assert self._outer is not None
        return _at(sdp, self._outer.address)

    def answered(self, sdp: str) -> str:
        """Return the server's description as the client is to get it."""
        assert self._inner is not None, "a client has offered, or its server"
        self._server = _candidate(sdp)
        return _at(sdp, self._inner.address)

    async def offering(self, sdp: str) -> str:
        """Return the description of a server that offers as the client is to get it."""
        await self._open(_candidate(sdp)[0])
        return self.answered(sdp)

    async def _open(self, host: str) -> None:
        if self._inner is None:
            self._inner = await _port(host, self._from_client)
            self._outer = await _port(host, self._from_server)

    def worsen(self, loss: float, jitter: float) -> None:
        """Lose this share of the datagrams, and delay each by up to `jitter` seconds, which reorders them."""
        self._loss, self._jitter = loss, jitter

    async def move(self) -> None:
        """Come from another address from now on, as behind a router that was started anew."""
        assert self._outer is not None
        old, self._outer = self._outer, await _port(self._outer.address[0], self._from_server)
        old.close()

    def close(self) -> None:
        """End it."""
        for port in (self._inner, self._outer):
            if port is not None:
                port.close()

    def _from_client(self, data: bytes, address: Address) -> None:
        self._client = address
        self._pass(lambda: self._outer, data, self._server)

    def _from_server(self, data: bytes, address: Address) -> None:
        self._pass(lambda: self._inner, data, self._client)

    def _pass(self, way: Callable[[], _Port | None], data: bytes, to: Address | None) -> None:
        if to is None or self.cut or self._random.random() < self._loss:
            self.lost += 1
            return
        self.passed += 1

        def send() -> None:
            port = way()
            if port is not None and not self.cut:
                port.send(data, to)

        if self._jitter:
            asyncio.get_running_loop().call_later(self._random.uniform(0.0, self._jitter), send)
        else:
            send()


def _candidate(sdp: str) -> Address:
    """Return the first address of a description."""
    found = CANDIDATE.search(sdp)
    assert found is not None, "a description has an IPv4 address"
    return found[1], int(found[2])


def _at(sdp: str, address: Address) -> str:
    """Put one candidate in the place of all: the address given."""
    lines: list[str] = []
    fresh = True
    for line in sdp.splitlines():
        if line.startswith("m="):
            fresh = True
        if not line.startswith("a=candidate:"):
            lines.append(line)
        elif fresh:
            lines.append(f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host")
            fresh = False
    return "\r\n".join(lines) + "\r\n"
