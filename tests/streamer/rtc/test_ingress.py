"""What strangers and guests can send by UDP, against a real peer on the loopback interface."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import ssl
import struct
import weakref

import pytest
from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.rtc import ingress
from streamer.rtc.ingress import LONGEST_DATAGRAM, MOST_SOURCES, MOST_WAITING, IngressConnection, IngressProtocol
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings
from tests.streamer.rtc.conftest import calling, until

pytestmark = pytest.mark.usefixtures("loopback")

ALERT = bytes.fromhex("15fefd000000000000000000020228")
CLOSE_NOTIFY = bytes.fromhex("15fefd000000000000000000020100")
CLIENT_HELLO = (
    bytes.fromhex("16feff0000000000000000002e010000220000000000000022fefd") + bytes(32) + b"\0\0\0\2\xc0\x2b\1\0"
)
SERVER_HELLO = bytes.fromhex("16fefd0000000000000000002e020000260000000000000026fefd") + bytes(32) + b"\0\xc0\x2b\0"
RTP = b"\x80\x6f\0\1\0\0\0\1\0\0\0\1" + bytes(40)
FOREIGN = [ALERT, CLOSE_NOTIFY, CLIENT_HELLO, SERVER_HELLO, RTP]
MALFORMED = bytes.fromhex("000100082112a442") + bytes(12) + b"\x00\x24\x00\x02ab\0\0"
"""A binding request of 28 bytes whose PRIORITY has two."""


@pytest.mark.parametrize("datagram", [b"", *FOREIGN], ids=["empty", "alert", "close", "client", "server", "rtp"])
async def test_a_join_survives_what_comes_from_elsewhere_before_ice(datagram: bytes) -> None:
    async with calling() as call:
        call.spray(datagram, datagram)
        await until(lambda: call.link.drops.total == 2)
        await call.connect()
        assert call.peer.connected


async def test_nothing_from_elsewhere_ends_or_enters_a_session() -> None:
    async with calling() as call:
        await call.connect()
        for _ in range(3):
            call.spray(b"", *FOREIGN, bytes(20), MALFORMED)
            await asyncio.sleep(0.01)
        await until(lambda: call.link.drops.total == 3 * 8)
        drops = call.link.drops
        assert (drops.empty, drops.foreign, drops.malformed, drops.unauthentic) == (3, 15, 6, 0)
        assert call.peer.connected and call.client.connectionState == "connected"


async def test_an_empty_datagram_of_the_client_itself_is_nothing_either() -> None:
    async with calling() as call:
        await call.connect()
        ((_, pair),) = call.client.getSenders()[0].transport.transport._connection._nominated.items()
        # asyncio sends no empty datagram.
        own = pair.protocol.transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(own.fileno())) as same:
            same.sendto(b"", pair.remote_addr)
        await until(lambda: call.link.drops.empty == 1)
        assert call.peer.connected


async def test_a_flood_of_an_abandoned_port_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with calling(connect_deadline=0.5) as call:
        for _ in range(20):
            call.spray(*[RTP * 20] * 50)
            await asyncio.sleep(0)
        await until(lambda: call.peer.closed)
        assert call.link.drops.foreign > 100
        assert call.link._queue.qsize() <= 1, "no more than the note that it has ended"


def test_what_waits_is_bounded() -> None:
    async def fill() -> None:
        link = IngressConnection(ice_controlling=False)
        for _ in range(MOST_WAITING + 88):
            link.data_received(RTP, 1)
        assert (link._queue.qsize(), link.drops.overflow) == (MOST_WAITING, 88)
        await link.close()
        link.data_received(RTP, 1)
        assert (link._queue.qsize(), link.drops.late) == (1, 1)

    asyncio.run(fill())


async def test_memory_does_not_wait_for_a_full_collection() -> None:
    async def made() -> weakref.ref[object]:
        async with calling(connect_deadline=0.2) as call:
            call.spray(b"", MALFORMED)
            await until(lambda: call.peer.closed)
            await call.peer.close()
            return weakref.ref(call.link)

    gc.collect()
    gc.disable()
    try:
        link = await made()
        await asyncio.sleep(0.05)
        assert link() is None
    finally:
        gc.enable()


async def test_malformed_stun_costs_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with calling() as call:
        caplog.clear()
        call.spray(*[MALFORMED] * 20)
        await until(lambda: call.link.drops.malformed == 20)
        assert [record for record in caplog.records if record.name == "asyncio"] == []


def check(link: IngressConnection, **attributes: object) -> stun.Message:
    """A binding request as the client would make it."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes |= {"USERNAME": f"{link.local_username}:x", "PRIORITY": 1} | attributes
    request.add_message_integrity(link.local_password.encode())
    return request


class Wire:
    """Stands for a datagram transport; keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))


async def connection() -> tuple[IngressConnection, IngressProtocol, Wire]:
    link, wire = IngressConnection(ice_controlling=False), Wire()
    protocol = IngressProtocol(link)
    protocol.transport = wire  # type: ignore[assignment]
    await link.gather_candidates()
    protocol.local_candidate = link.local_candidates[0]
    return link, protocol, wire


async def test_only_who_has_the_password_is_answered_and_then_may_send() -> None:
    link, protocol, wire = await connection()
    wrong = check(link)
    wrong.add_message_integrity(b"x" * 22)
    bare = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    for message in (wrong, bare, check(link, USERNAME="other:x")):
        protocol.datagram_received(bytes(message), ("192.0.2.1", 9))
    assert (wire.sent, link.drops.unauthentic, link.checked) == ([], 3, False)
    protocol.datagram_received(RTP, ("192.0.2.1", 9))
    protocol.datagram_received(bytes(check(link)), ("192.0.2.1", 9))
    protocol.datagram_received(RTP, ("192.0.2.1", 9))
    protocol.datagram_received(RTP, ("192.0.2.1", 10))
    protocol.datagram_received(RTP + bytes(LONGEST_DATAGRAM), ("192.0.2.1", 9))
    assert (len(wire.sent), link._queue.qsize(), link.drops.foreign, link.drops.long) == (1, 1, 2, 1)
    await link.close()


async def test_a_check_without_a_priority_gets_in_too() -> None:
    link, protocol, wire = await connection()
    link._early_checks_done = True
    request = check(link)
    del request.attributes["PRIORITY"]
    request.add_message_integrity(link.local_password.encode())
    protocol.datagram_received(bytes(request), ("192.0.2.1", 9))
    assert len(wire.sent) == 1 and [candidate.port for candidate in link.remote_candidates] == [9]
    await link.close()


async def test_a_client_checks_from_so_many_addresses_and_no_more() -> None:
    link, protocol, wire = await connection()
    for port in range(1, 1000):
        protocol.datagram_received(bytes(check(link)), ("192.0.2.1", port))
    assert (len(wire.sent), link.drops.crowded) == (MOST_SOURCES, 999 - MOST_SOURCES)
    await link.close()


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_datagram_is_taken_or_counted(data: bytes, is_stun: bool) -> None:
    async def receive() -> None:
        link, wire = IngressConnection(ice_controlling=False), Wire()
        protocol = IngressProtocol(link)
        protocol.transport = wire  # type: ignore[assignment]
        whole = b"\0\1" + struct.pack("!H", len(data)) + stun.COOKIE.to_bytes(4, "big") + bytes(12) + data
        protocol.datagram_received(whole if is_stun else data, ("192.0.2.1", 9))
        assert (link.drops.total, wire.sent, link._queue.qsize()) == (1, [], 0)

    asyncio.run(receive())


async def test_every_connection_of_a_peer_has_the_filter() -> None:
    async with calling() as call:
        assert type(call.link) is IngressConnection
        assert {type(protocol) for protocol in call.link._protocols} == {IngressProtocol}
    peer = Peer(Settings(), PeerCounts())
    assert ingress.connections(peer.pc) == []
    await peer.close()


async def test_names_of_servers_are_looked_up_here_alone_and_certificates_are_for_names(monkeypatch):
    asked = []

    async def find(name, seconds):
        asked.append(name)
        return {"stun.example": "192.0.2.1", "turn.example": "192.0.2.2"}.get(name)

    monkeypatch.setattr(ingress.NAMES, "find", find)
    connection = ingress.IngressConnection(
        ice_controlling=False, stun_server=("stun.example", 1), turn_server=("turn.example", 2), turn_ssl=True
    )
    await connection._look_up(1.0)
    assert (connection.stun_server, connection.turn_server) == (("192.0.2.1", 1), ("192.0.2.2", 2))
    context = connection.turn_ssl
    assert (context.check_hostname, context.verify_mode) == (True, ssl.CERT_REQUIRED)
    # asyncio asks for the host it connects to.
    secured = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=False, server_hostname="192.0.2.2")
    assert secured.server_hostname == "turn.example"
    gone = ingress.IngressConnection(ice_controlling=False, turn_server=("nowhere.example", 2))
    await gone._look_up(1.0)
    assert gone.turn_server is None and asked == ["stun.example", "turn.example", "nowhere.example"]
