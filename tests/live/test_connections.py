"""Connections that are opened and left: they keep nobody out, and end at their deadline."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from streamer.server.connections import raise_descriptor_limit
from tests.live.conftest import Site, serving
from tests.live.peers import until

HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: "


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    raise_descriptor_limit()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


class Strangers:
    """Connections that send something and then no more."""

    def __init__(self, site: Site) -> None:
        self.port = site.http.base_url.port
        self.open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def come(self, number: int, address: str, sent: bytes) -> None:
        for _ in range(number):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
            self.open.append((reader, writer))
            writer.write(sent)

    async def ended(self) -> list[bytes]:
        """What each was sent until its end."""

        async def rest(reader: asyncio.StreamReader) -> bytes:
            try:
                return await reader.read()
            except ConnectionResetError:
                return b""

        async with asyncio.timeout(20):
            return await asyncio.gather(*(rest(reader) for reader, _ in self.open))

    def close(self) -> None:
        for _, writer in self.open:
            writer.transport.abort()


async def page(site: Site, address: str) -> float:
    """Seconds until a client at another address has the page."""
    began = time.monotonic()
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE
    transport = httpx.AsyncHTTPTransport(local_address=address, verify=plain)
    async with httpx.AsyncClient(transport=transport, base_url=site.http.base_url) as http:
        assert (await http.get("/")).status_code == 200
    return time.monotonic() - began


async def test_half_requests_of_one_address_keep_nobody_out(site: Site) -> None:
    strangers = Strangers(site)
    try:
        await strangers.come(600, "127.0.0.2", HALF)
        assert await page(site, "127.0.0.3") < 1
        connections = site.context.connections
        assert connections.refused >= 600 - site.context.settings.connections_per_client
        assert connections.count <= site.context.settings.connections_per_client + 1
        for stranger in strangers.open:
            stranger[1].transport.abort()
        await until(lambda: connections.count == 0)
        await page(site, "127.0.0.2")
    finally:
        strangers.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HALF,
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /",
        b"POST /rooms/r/whip HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nbody",
    ],
    ids=["nothing", "half a header", "half of a second header", "half a body, after a refusal"],
)
async def test_who_sends_a_little_at_a_time_is_closed_at_the_deadline(sent: bytes) -> None:
    async with serving(request_deadline=0.5) as site:
        strangers = Strangers(site)
        await strangers.come(3, "127.0.0.1", sent)

        async def drip() -> None:
            while True:
                await asyncio.sleep(0.1)
                for _, writer in strangers.open:
                    writer.write(b"x")

        dripping = asyncio.create_task(drip())
        try:
            answers = await strangers.ended()
        finally:
            dripping.cancel()
            strangers.close()
        assert [answer.count(b"HTTP/1.1 ") for answer in answers] == [int(b"\r\n\r\n" in sent)] * 3
        assert site.context.connections.expired == 3
        await until(lambda: site.context.connections.count == 0)


async def test_who_has_asked_is_left_in_peace() -> None:
    async with serving(request_deadline=0.3) as site:
        room = await site.room()
        socket = await site.control(room, (await site.join(room, "Ann"))["token"])
        reader, writer = await asyncio.open_connection("127.0.0.1", site.http.base_url.port)
        for _ in range(4):
            writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.15)
        writer.close()
        await asyncio.sleep(0.3)
        await socket.send(type="ping", n=1)
        await until(lambda: "pong" in socket.newest)


@pytest.fixture
async def certificate(tmp_path: Path) -> dict[str, Path]:
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(chain), "-subj", "/CN=localhost"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    return {"tls_cert": chain, "tls_key": key}


@contextlib.asynccontextmanager
async def serving_tls(**settings: Any) -> AsyncIterator[Site]:
    async with serving(**settings) as site:
        site.http.base_url = httpx.URL(str(site.http.base_url).replace("http:", "https:"))
        yield site


async def test_tls_without_a_hello_counts(certificate: dict[str, Path]) -> None:
    async with serving_tls(request_deadline=60, **certificate) as site:
        strangers = Strangers(site)
        try:
            await strangers.come(200, "127.0.0.2", b"")
            assert await page(site, "127.0.0.3") < 1
            connections, most = site.context.connections, site.context.settings.connections_per_client
            assert (connections.refused, connections.expired) == (200 - most, 0)
        finally:
            strangers.close()


async def test_tls_without_a_hello_or_a_header_ends_at_the_deadline(certificate: dict[str, Path]) -> None:
    async with serving_tls(request_deadline=1.5, **certificate) as site:
        strangers = Strangers(site)
        try:
            await strangers.come(2, "127.0.0.2", b"")
            await strangers.come(1, "127.0.0.2", b"\x16\x03\x01\x02\x00")
            context = ssl.create_default_context(cafile=certificate["tls_cert"])
            context.check_hostname = False
            half = await asyncio.open_connection("127.0.0.1", strangers.port, ssl=context)
            half[1].write(HALF)
            strangers.open.append(half)
            assert await strangers.ended() == [b""] * 4
            assert site.context.connections.expired == 4
            await until(lambda: site.context.connections.count == 0)
        finally:
            strangers.close()


async def test_a_full_server_says_so() -> None:
    async with serving(max_connections=20, connections_per_client=30) as site:
        strangers = Strangers(site)
        try:
            await strangers.come(17, "127.0.0.2", b"")
            await until(lambda: site.context.connections.count >= 17)
            answer = await site.http.get("/health")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert answer.json() == {"reason": "The server has as many connections as it can."}
            await strangers.come(10, "127.0.0.2", b"")
            await until(lambda: site.context.connections.refused > 0)
            assert site.context.connections.count <= 20
        finally:
            strangers.close()


async def test_behind_a_trusted_proxy_clients_are_counted_by_what_it_tells() -> None:
    async with serving(proxies="127.0.0.1", connections_per_client=8, secret="s" * 16) as site:
        url = f"ws://127.0.0.1:{site.http.base_url.port}/rooms/none/control"
        sockets = []
        try:
            for number in range(12):
                forwarded = {"X-Forwarded-For": f"192.0.2.{number}"}
                sockets.append(await connect(url, additional_headers=forwarded, proxy=None))
            for number in range(8):
                forwarded = {"X-Forwarded-For": f"2001:db8::{number}"}
                sockets.append(await connect(url, additional_headers=forwarded, proxy=None))
            answer = await site.http.get("/health", headers={"X-Forwarded-For": "2001:db8::9"})
            assert answer.status_code == 429
            assert answer.json() == {"reason": "Your address has 8 requests and WebSockets open already."}
            assert (await site.http.get("/health", headers={"X-Forwarded-For": "2001:db8:0:1::"})).status_code == 200
        finally:
            for socket in sockets:
                await socket.close()
