"""What goes out is RTP as aiortc reads it, to each receiver under their own numbers."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pylibsrtp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.codecs.vpx import Vp8Encoder
from aiortc.rtcdtlstransport import State
from aiortc.rtp import HeaderExtensionsMap, RtcpRtpfbPacket, RtpPacket

from streamer.rtc import rtp_limits
from streamer.rtc.packet_sender import MOST_WAITING, PacketSender, PushedTrack, vp8_chunks, vp8_payloads
from tests.streamer.rtc.conftest import until

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"


class Wire:
    """Stands in for DTLS, ICE and the socket."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting = 0
        self._state = State.CONNECTED
        self._tx_srtp = SimpleNamespace(protect=lambda data: data)
        pair = SimpleNamespace(protocol=SimpleNamespace(transport=self), remote_addr=("192.0.2.1", 9))
        self.transport = SimpleNamespace(_connection=SimpleNamespace(_nominated={1: pair}))

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        assert address == ("192.0.2.1", 9)
        self.sent.append(data)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    async def _send_rtp(self, data: bytes) -> None:
        self.sent.append(data)

    def _unregister_rtp_sender(self, sender: object) -> None: ...


class Sending:
    """A sender of aiortc's with a `PacketSender` in it, and the wire it sends to."""

    def __init__(self, *extensions: str) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.sender = self.pc.addTransceiver("video", "sendonly").sender
        self.track = PushedTrack()
        self.track.kind = "video"
        self.sender.replaceTrack(self.track)
        self.out = PacketSender(self.sender)
        rtp_limits.limit(self.pc)
        self.wire = Wire()
        self.sender.setTransport(self.wire)  # type: ignore[arg-type]
        self.ids = HeaderExtensionsMap()
        named = [SimpleNamespace(uri=uri, id=n + 1) for n, uri in enumerate(extensions)]
        for owner in (self.ids, vars(self.sender)["_RTCRtpSender__rtp_header_extensions_map"]):
            owner.configure(SimpleNamespace(headerExtensions=named))
        vars(self.sender)["_RTCRtpSender__mid"] = "3"
        self.codec = SimpleNamespace(payloadType=97, clockRate=90_000, name="VP8")
        self.task = asyncio.get_running_loop().create_task(self.sender._run_rtp(self.codec))  # type: ignore[arg-type]

    @property
    def packets(self) -> list[RtpPacket]:
        return [RtpPacket.parse(data, self.ids) for data in self.wire.sent]

    async def close(self) -> None:
        self.task.cancel()
        await self.task
        await self.pc.close()


@pytest.mark.parametrize("extensions", [(), (MID,), (TIME,), (MID, TIME), (TIME, MID)])
async def test_packets_are_what_aiortc_reads(extensions: tuple[str, ...]) -> None:
    sending = Sending(*extensions)
    assert not sending.out.send([b"early"], 0) and not sending.out.ready
    await until(lambda: sending.out.ready)
    assert sending.out.send([b"a" * 1200, b"b" * 7], 3000)
    assert sending.out.send([b"c"], 6000)
    packets = sending.packets
    assert [packet.payload for packet in packets] == [b"a" * 1200, b"b" * 7, b"c"]
    assert [packet.marker for packet in packets] == [0, 1, 1]
    first = packets[0].sequence_number
    assert [packet.sequence_number for packet in packets] == [first, first + 1, first + 2]
    assert {packet.timestamp for packet in packets[:2]} == {(sending.out.origin + 3000) % 2**32}
    assert packets[2].timestamp == (sending.out.origin + 6000) % 2**32
    for packet in packets:
        assert (packet.payload_type, packet.ssrc) == (97, sending.sender._ssrc)
        assert packet.extensions.mid == ("3" if MID in extensions else None)
        assert (packet.extensions.abs_send_time is not None) == (TIME in extensions)
    # What aiortc's sender reports tell.
    state = vars(sending.sender)
    assert state["_RTCRtpSender__packet_count"] == 3 and state["_RTCRtpSender__octet_count"] == 1208
    assert state["_RTCRtpSender__rtp_timestamp"] == packets[2].timestamp
    await sending.close()
    assert sending.track.readyState == "ended" and not sending.out.ready
    assert not sending.out.send([b"late"], 9000)
    assert len(sending.wire.sent) == 3


async def test_what_is_lost_is_sent_again() -> None:
    sending = Sending(MID)
    await until(lambda: sending.out.ready)
    for n in range(200):
        sending.out.send([bytes([n])], n)
    numbers = [packet.sequence_number for packet in sending.packets]
    sending.wire.sent.clear()
    # One that is long gone, and one of the last 128.
    for number in (numbers[10], numbers[150]):
        await sending.sender._handle_rtcp_packet(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[number]))
    [packet] = sending.packets
    assert packet.payload == bytes([150]) and packet.sequence_number == numbers[150]
    assert packet.timestamp == (sending.out.origin + 150) % 2**32
    assert packet.extensions.mid == "3" and packet.marker == 1
    await sending.close()


async def test_a_socket_that_takes_no_more_loses_and_does_not_fill() -> None:
    sending = Sending()
    await until(lambda: sending.out.ready)
    sending.wire.waiting = MOST_WAITING + 1
    assert not sending.out.send([b"a", b"b"], 0)
    assert sending.out.dropped == 2 and sending.wire.sent == []
    sending.wire.waiting = 0
    assert sending.out.send([b"c"], 1)
    await sending.close()


async def test_a_receiver_that_fails_is_nobody_elses_fault() -> None:
    sending = Sending()
    await until(lambda: sending.out.ready)

    def fail(data: bytes) -> bytes:
        raise pylibsrtp.Error("no key")

    protect, sending.wire._tx_srtp.protect = sending.wire._tx_srtp.protect, fail
    first = sending.out._number
    assert not sending.out.send([b"a", b"b"], 0)
    sending.wire._tx_srtp.protect = protect
    assert sending.out.send([b"c"], 1)
    # No number is used twice under one key.
    assert [packet.sequence_number for packet in sending.packets] == [first + 2]
    assert sending.out.dropped == 2
    await sending.close()


async def test_sequence_numbers_begin_anew_after_the_last() -> None:
    sending = Sending()
    await until(lambda: sending.out.ready)
    sending.out._number = 0xFFFF
    sending.out.send([b"a", b"b"], 2**32 - 1)
    assert [packet.sequence_number for packet in sending.packets] == [0xFFFF, 0]
    assert sending.packets[0].timestamp == (sending.out.origin - 1) % 2**32
    await sending.close()


@pytest.mark.parametrize("size", [1, 1296, 1297, 5000])
def test_vp8_is_packed_as_aiortc_does(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    assert vp8_payloads(vp8_chunks(data), 77) == Vp8Encoder._packetize(data, 77)
