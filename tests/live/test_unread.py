"""Clients that read nothing of what they are sent: they hold little memory, and end at their deadline."""

from __future__ import annotations

import asyncio
import json
import mimetypes
import socket
import time
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from streamer.server import http
from tests.live.conftest import Site, serving
from tests.live.peers import until

DEADLINE = 1.0
MEMORY = 2 << 20
"""Bytes that may wait for one client in this process: what is read at once may be answered at once."""


@pytest.fixture
def transports(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Transport]:
    """What every HTTP connection writes to."""
    found: list[asyncio.Transport] = []
    made = http.Protocol.connection_made

    def noted(self: http.Protocol, transport: asyncio.Transport) -> None:
        found.append(transport)
        made(self, transport)

    monkeypatch.setattr(http.Protocol, "connection_made", noted)
    return found


def small_socket(site: Site) -> socket.socket:
    """Connect with a small buffer for what is received."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    return sock


async def reached(site: Site) -> socket.socket:
    sock = small_socket(site)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.http.base_url.port))
    return sock


async def test_who_reads_no_answer_is_closed_at_the_deadline(transports: list[asyncio.Transport]) -> None:
    await asyncio.to_thread(mimetypes.init)
    async with serving(unread_deadline=DEADLINE) as site:
        sock = await reached(site)
        try:
            # Together far more than the system's buffers hold.
            request = b"GET /static/messages.schema.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            began = time.monotonic()
            await asyncio.get_running_loop().sock_sendall(sock, 1000 * request)
            await until(lambda: bool(transports))
            [transport] = transports
            most = 0

            def gone() -> bool:
                nonlocal most
                most = max(most, transport.get_write_buffer_size())
                return site.context.connections.count == 0

            await until(gone, 30)
            assert time.monotonic() - began >= DEADLINE / 2
            assert 0 < most < MEMORY
        finally:
            sock.close()


async def silent_socket(site: Site, room: dict[str, str]) -> Any:
    """A control socket after its hello, from which nothing more is read."""
    sock = await reached(site)
    url = f"ws://127.0.0.1:{site.http.base_url.port}/rooms/{room['room']}/control"
    raw = await connect(url, sock=sock, proxy=None, ping_interval=None)
    await raw.send(json.dumps({"type": "hello", "token": (await site.join(room, "Ann"))["token"]}))
    await raw.recv()
    raw.transport.pause_reading()
    return raw


async def test_who_pings_and_reads_no_pong_is_closed_at_the_deadline(transports: list[asyncio.Transport]) -> None:
    async with serving(unread_deadline=DEADLINE, resume_grace=0.1) as site:
        room = await site.room()
        raw = await silent_socket(site, room)
        control = transports[-1]
        pings = 1000 * Frame(Opcode.PING, bytes(125)).serialize(mask=True)
        most = sent = 0
        async with asyncio.timeout(60):
            while not control.is_closing():
                if raw.transport.get_write_buffer_size() < len(pings) and not raw.transport.is_closing():
                    raw.transport.write(pings)
                    sent += len(pings)
                await asyncio.sleep(0)
                most = max(most, control.get_write_buffer_size())
        assert 0 < most < MEMORY
        place = site.context.rooms.get(room["room"])
        await until(lambda: place.participants == {})
        raw.transport.abort()
        await until(lambda: control not in transports or site.context.connections.count <= 1)


async def test_who_reads_no_message_is_closed_at_the_deadline(transports: list[asyncio.Transport]) -> None:
    async with serving(unread_deadline=DEADLINE, resume_grace=0.1) as site:
        room = await site.room()
        raw = await silent_socket(site, room)
        control = transports[-1]
        place = site.context.rooms.get(room["room"])
        [ann] = place.participants.values()
        outbox = ann.outbox
        most = n = 0
        async with asyncio.timeout(60):
            while not control.is_closing():
                # Captions are what passes by; none is larger.
                outbox.put(json.dumps({"type": "caption", "text": "x" * 10_000}), f"caption {n}", passing=True)
                n += 1
                await asyncio.sleep(0)
                most = max(most, control.get_write_buffer_size())
        statistics = outbox.statistics()
        assert statistics.depth <= 200 and statistics.dropped > 0
        assert 0 < most < MEMORY
        await until(lambda: place.participants == {})
        raw.transport.abort()
