"""The short way of encoded media to one receiver: header, SRTP, socket, in one call and without a task of its own.

aiortc asks a track for each frame, packs it anew for each viewer and goes through five coroutines a packet. Here
whoever has media pushes it: what is the same for all (the payloads) is made once, and what is a receiver's own (SSRC,
sequence numbers, timestamps, keys) is put before it. Sender reports and retransmissions stay aiortc's.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Sequence
from typing import Any

from aiortc import MediaStreamTrack, RTCRtpCodecParameters, RTCRtpSender
from aiortc.codecs.h264 import H264Encoder
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcdtlstransport import State
from aiortc.rtcrtpsender import random_sequence_number
from aiortc.rtp import RTP_HISTORY_SIZE, HeaderExtensions, HeaderExtensionsMap, RtpPacket
from aiortc.utils import random32

from streamer.clock import now
from streamer.rtc.datagrams import Segments

log = logging.getLogger("earshot.rtp")

MOST_WAITING = 256 * 1024
"""Bytes that wait for a socket the system takes no more for; what comes then is lost, as a network would lose it."""

VP8_CHUNK = 1296
"""Bytes of a VP8 picture in one packet: aiortc's 1300 less the descriptor."""

_MASK = 0xFFFFFFFF
_HEADER = struct.Struct("!BBHLL")
_CONNECTED = State.CONNECTED
_NTP_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""


class PushedTrack(MediaStreamTrack):
    """A track whose media is pushed to its receiver; nobody asks it for any."""

    async def recv(self) -> Any:
        """Refuse."""
        raise MediaStreamError


class PacketSender:
    """Takes the place of the task that an `RTCRtpSender` sends by.

    Make it before the sender starts, that is before the answer is set.

    Args:
        sender: whose SSRC, transport and reports are used.
        on_ready: called when packets can go out.

    Attributes:
        origin: what is added to pts to get RTP timestamps, 32 bits.
        codec: what was negotiated; None before the sender has started and after it has ended.
        octets: of payload sent so far.
        dropped: packets that could not be sent, mostly because the socket had no room.
    """

    def __init__(self, sender: RTCRtpSender, on_ready: Callable[[], None] = lambda: None) -> None:
        self.origin = random32()
        self.codec: RTCRtpCodecParameters | None = None
        self.octets = 0
        self.dropped = 0
        self._sender = sender
        self._on_ready = on_ready
        self._number = random_sequence_number()
        self._packets = 0
        self._extensions: tuple[bytes, bytes | None] = b"", None
        self._sent = _SentPackets()
        self._segments = Segments()
        setattr(sender, "_run_rtp", self._run)  # noqa: B010 - instance attributes over a method and a dict
        setattr(sender, "_RTCRtpSender__rtp_history", self._sent)  # noqa: B010

    @property
    def ready(self) -> bool:
        """Whether packets can go out."""
        return self.codec is not None and self._pair() is not None

    def send(self, payloads: Sequence[bytes], pts: int) -> bool:
        """Send one frame now.

        Args:
            payloads: of its packets.
            pts: ticks of the codec's RTP clock.

        Returns:
            Whether it went out; False too while the connection is not up.
        """
        sender, codec, pair = self._sender, self.codec, self._pair()
        if codec is None or pair is None or not payloads or not sender._enabled:
            return False
        socket = pair.protocol.transport
        if _waiting(socket) > MOST_WAITING:
            self.dropped += len(payloads)
            return False
        ntp = ntp_time()
        protect, note = sender.transport._tx_srtp.protect, self._sent.note
        head, tail = self._extensions
        extensions = head if tail is None else head + (ntp >> 14 & 0xFFFFFF).to_bytes(3, "big") + tail
        first, timestamp, ssrc = 0x90 if extensions else 0x80, (self.origin + pts) & _MASK, sender._ssrc
        number, kind = self._number, codec.payloadType
        assert kind is not None, "a codec that was negotiated has a payload type"
        # Also where it fails no number is used twice under one key.
        self._number = (number + len(payloads)) & 0xFFFF
        last, packets = len(payloads) - 1, []
        try:
            for place, payload in enumerate(payloads):
                if place == last:
                    kind |= 0x80
                packets.append(protect(_HEADER.pack(first, kind, number, timestamp, ssrc) + extensions + payload))
                note(number, kind, timestamp, payload)
                self.octets += len(payload)
                number = (number + 1) & 0xFFFF
            self._segments.send(socket, packets, pair.remote_addr)
        except Exception as error:
            # Whoever pushes has other receivers: one that fails is nobody else's fault.
            log.debug("a frame could not be sent: %r", error)
            self.dropped += len(payloads)
            return False
        self._packets += len(payloads)
        # What aiortc's task of sender reports tells of.
        state = sender.__dict__
        state["_RTCRtpSender__ntp_timestamp"] = ntp
        state["_RTCRtpSender__rtp_timestamp"] = timestamp
        state["_RTCRtpSender__octet_count"] = self.octets
        state["_RTCRtpSender__packet_count"] = self._packets
        return True

    def _pair(self) -> Any:
        """Return the pair of addresses that media goes by; None while the connection is not up."""
        transport = self._sender.transport
        return transport.transport._connection._nominated.get(1) if transport._state is _CONNECTED else None

    async def _run(self, codec: RTCRtpCodecParameters) -> None:
        """Stand in for aiortc's task: hold the sender open until it is stopped."""
        state = vars(self._sender)
        state["_RTCRtpSender__rtp_started"].set()
        mid = state["_RTCRtpSender__mid"]
        self._extensions = _around_send_time(mid, state["_RTCRtpSender__rtp_header_extensions_map"])
        self._sent.describe(self._sender._ssrc, mid)
        self.codec = codec
        self._on_ready()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # aiortc's `stop` has cancelled it, and waits for the event below.
            pass
        finally:
            self.codec = None
            if self._sender.track is not None:
                self._sender.track.stop()
                self._sender.replaceTrack(None)
            state["_RTCRtpSender__rtp_exited"].set()


class _SentPackets:
    """The last packets of a sender, as its retransmission looks for them."""

    def __init__(self) -> None:
        self._packets: list[tuple[int, int, int, bytes] | None] = [None] * RTP_HISTORY_SIZE
        self._ssrc = 0
        self._mid: str | None = None

    def describe(self, ssrc: int, mid: str | None) -> None:
        """Say what all packets have in common."""
        self._ssrc, self._mid = ssrc, mid

    def note(self, number: int, kind: int, timestamp: int, payload: bytes) -> None:
        """Remember a packet in place of the one of 128 packets before."""
        self._packets[number % RTP_HISTORY_SIZE] = number, kind, timestamp, payload

    def get(self, slot: int) -> RtpPacket | None:
        """Return the packet at sequence number modulo 128, to be sent again now."""
        sent = self._packets[slot]
        if sent is None:
            return None
        number, kind, timestamp, payload = sent
        packet = RtpPacket(kind & 0x7F, kind >> 7, number, timestamp, self._ssrc, payload)
        packet.extensions.mid = self._mid
        packet.extensions.abs_send_time = ntp_time() >> 14 & 0xFFFFFF
        return packet


def ntp_time() -> int:
    """Return the server's time as RTCP writes it: seconds since 1900 in 32.32 bits."""
    return int((now() + _NTP_EPOCH) * (1 << 32))


def vp8_chunks(data: bytes) -> list[bytes]:
    """Cut a VP8 picture into what fits behind a descriptor."""
    return [data[at : at + VP8_CHUNK] for at in range(0, len(data), VP8_CHUNK)]


def vp8_payloads(chunks: Sequence[bytes], picture: int) -> list[bytes]:
    """Put the payload descriptor (RFC 7741, 4.2) before each chunk of a picture.

    Args:
        chunks: of the picture.
        picture: its number, which grows by one a picture, 15 bits.
    """
    number = (0x8000 | picture & 0x7FFF).to_bytes(2, "big")
    first, other = b"\x90\x80" + number, b"\x80\x80" + number
    return [(other if place else first) + chunk for place, chunk in enumerate(chunks)]


def h264_payloads(data: bytes) -> list[bytes]:
    """Pack an H264 picture (Annex B) by RFC 6184: as units, aggregates and fragments."""
    return H264Encoder._packetize(H264Encoder._split_bitstream(data))


def _around_send_time(mid: str | None, ids: HeaderExtensionsMap) -> tuple[bytes, bytes | None]:
    """Return the header extensions before and after the three bytes of the time; all and None without a time."""

    def at(time: int) -> bytes:
        values = HeaderExtensions(mid=mid, abs_send_time=time)
        profile, value = ids.set(values)
        return struct.pack("!HH", profile, len(value) >> 2) + value if value else b""

    early, late = at(0), at(0xFFFFFF)
    if early == late:
        return early, None
    place = next(i for i, (a, b) in enumerate(zip(early, late, strict=True)) if a != b)
    return early[:place], early[place + 3 :]


def _waiting(socket: Any) -> int:
    """Return the bytes that wait in a transport; a TURN allocation has none of its own."""
    size = getattr(socket, "get_write_buffer_size", None)
    return size() if size is not None else 0
