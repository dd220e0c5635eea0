"""What aiortc 1.16 and aioice 0.13 let through, each shown on the library alone.

A test that fails here says that the library has closed it: the guard in `streamer.rtc` that is named can go.
"""

from __future__ import annotations

import asyncio
import inspect
import struct
import threading
import time

import aioice.ice
import pytest
from aioice import stun
from aiortc import RTCCertificate, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver
from aiortc.codecs.h264 import H264Decoder
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    HeaderExtensionsMap,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtpPacket,
    unpack_remb_fci,
)

from streamer.rtc.ingress import IngressConnection, IngressProtocol
from tests.streamer.rtc.test_ingress import MALFORMED

Protocol: type[aioice.ice.StunProtocol] = IngressProtocol.__mro__[1]
Connection: type[aioice.ice.Connection] = IngressConnection.__mro__[1]


async def plain() -> tuple[aioice.ice.Connection, aioice.ice.StunProtocol]:
    connection = Connection(ice_controlling=False)
    protocol = Protocol(connection)
    protocol.local_candidate = aioice.Candidate("1", 1, "udp", 1, "192.0.2.2", 9, "host")
    return connection, protocol


async def test_aioice_queues_what_anybody_sends_before_any_check_and_without_bound() -> None:
    """`ingress`: a source that has passed a check, and a queue of `MOST_WAITING`."""
    connection, protocol = await plain()
    for _ in range(5000):
        protocol.datagram_received(b"", ("203.0.113.9", 1))
    assert connection._queue.qsize() == 5000


async def test_aioice_raises_for_a_malformed_message() -> None:
    """`ingress`: malformed STUN is counted."""
    _, protocol = await plain()
    with pytest.raises(struct.error):
        protocol.datagram_received(MALFORMED, ("203.0.113.9", 1))


async def test_aioice_keeps_what_it_queued_after_the_end() -> None:
    """`ingress`: close empties the queue."""
    connection, protocol = await plain()
    protocol.datagram_received(b"x", ("203.0.113.9", 1))
    await connection.close()
    assert connection._queue.qsize() == 2


async def test_aioice_learns_any_number_of_addresses() -> None:
    """`ingress`: `MOST_SOURCES`."""
    connection, protocol = await plain()
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"PRIORITY": 1})
    for port in range(1, 201):
        connection.check_incoming(request, ("203.0.113.9", port), protocol)
    assert len(connection.remote_candidates) == 200
    await connection.close()


def test_aiortc_reads_the_first_byte_of_nothing() -> None:
    """`ingress`: empty datagrams."""
    from streamer.rtc.dtls import DtlsTransport

    assert "first_byte = data[0]" in inspect.getsource(DtlsTransport.__mro__[1]._recv_next)


def test_aiortc_announces_three_hashes_and_offers_no_suite_for_rsa() -> None:
    """`dtls.Certificate`."""
    certificate = RTCCertificate.generateCertificate()
    assert [found.algorithm for found in certificate.getFingerprints()] == ["sha-256", "sha-384", "sha-512"]
    assert "ECDHE-RSA" not in inspect.getsource(RTCCertificate._create_ssl_context)


def test_aiortc_parsers_raise_more_than_value_errors() -> None:
    """`dtls.DtlsTransport`: no packet ends a session."""
    with pytest.raises(struct.error):
        unpack_remb_fci(b"REMB\xff\0\0\0")
    ids = HeaderExtensionsMap()
    ids._HeaderExtensionsMap__ids.abs_send_time = 1
    with pytest.raises(struct.error):
        ids.get(0xBEDE, b"\x10\0\0\0")


def test_aiortc_packs_no_report_of_many_sources_or_much_jitter() -> None:
    """`rtp_limits`: reports are split and bounded."""
    block = RtcpReceiverInfo(1, 0, 0, 0, 0, 0, 0)
    assert bytes(RtcpRrPacket(1, [block] * 31))[0] == 0x9F
    assert bytes(RtcpRrPacket(1, [block] * 32))[0] == 0xA0, "padding, and a count of none"
    with pytest.raises(struct.error):
        bytes(RtcpRrPacket(1, [block] * 256))
    with pytest.raises(struct.error):
        bytes(RtcpReceiverInfo(1, 0, 0, 0, 1 << 32, 0, 0))


def test_aiortc_walks_through_a_jump() -> None:
    """`rtp_limits.SteadyNacks`."""
    nacks, seen = NackGenerator(), []
    nacks.missing = type("Counted", (set,), {"add": lambda self, number: seen.append(number)})()
    nacks.add(RtpPacket(sequence_number=0))
    nacks.add(RtpPacket(sequence_number=30_000))
    assert len(seen) == 29_999


async def test_aiortc_sends_again_what_it_is_asked_for_as_often_as_it_is_asked() -> None:
    """`rtp_limits`: once a round trip, and a budget."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sender, sent = pc.addTransceiver("video").sender, []

    async def send(data: bytes) -> None:
        sent.append(data)

    sender.transport._send_rtp = send
    sender._RTCRtpSender__rtp_history[1] = RtpPacket(sequence_number=1)
    await sender._handle_rtcp_packet(RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, lost=[1] * 300))
    assert len(sent) == 300
    await pc.close()


async def test_aiortc_joins_the_decoder_on_the_loop() -> None:
    """`rtp_limits`: the loop does not wait for a picture."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    receiver: RTCRtpReceiver = pc.addTransceiver("video").receiver
    release = threading.Event()
    thread = threading.Thread(target=release.wait, args=(5,))
    thread.start()
    receiver._RTCRtpReceiver__decoder_thread = thread
    threading.Timer(0.2, release.set).start()
    began, ticked = time.monotonic(), asyncio.create_task(asyncio.sleep(0))
    receiver._handle_disconnect()
    assert time.monotonic() - began > 0.15 and not ticked.done()
    await ticked
    await pc.close()


def test_aiortc_decodes_pictures_of_any_size() -> None:
    """`rtp_limits.bounded_decoder`."""
    assert "max_pixels" not in H264Decoder().codec.options
