"""What the other side of a connection can make aiortc's receivers and senders do, and how much of it.

Call `limit` once the offer is applied and before the transport connects.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import aiortc.rtcrtpreceiver
from aiortc import RTCPeerConnection, RTCRtpCodecParameters, RTCRtpReceiver, RTCRtpSender
from aiortc.codecs import get_decoder
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RTP_HISTORY_SIZE,
    AnyRtcpPacket,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtpPacket,
)

from streamer.limits import Bucket
from streamer.rtc.bitstream import MOST_PIXELS

log = logging.getLogger("earshot.rtp")

MOST_REPORTS = 31
"""Report blocks in one receiver report: its count has five bits (RFC 3550, 6.4.1)."""

RESENT_A_SECOND, RESENT_AT_ONCE = 500_000.0, 500_000.0
"""Bytes that one session is sent again: of seven pictures of 2.5 Mbit/s each, every fifth packet."""

DEFAULT_ROUND_TRIP, SHORTEST_ROUND_TRIP, LONGEST_ROUND_TRIP = 0.1, 0.02, 1.0
"""Seconds within which a packet is sent again once: before the round trip is measured, and where that may lie."""

_PUT_OVER = (
    "stop",
    "_handle_rtcp_packet",
    "_retransmit",
    "_send_keyframe",
    "_send_rtcp",
    "_run_rtp",
    "_RTCRtpSender__rtp_history",
    "_RTCRtpReceiver__decoder_queue",
    "_RTCRtpReceiver__jitter_buffer",
    "_RTCRtpReceiver__remote_bitrate_estimator",
    "_RTCRtpReceiver__stop_decoder",
)
"""Attributes of receivers and senders that are set here, in `rtp`, in `packet_sender` and in `bandwidth`."""

JOIN_SECONDS = 2.0
"""For which the end of a session waits for a picture in the decoder."""


def limit(pc: RTCPeerConnection, clock: Callable[[], float] = time.monotonic) -> None:
    """Bound what the other side can ask of a connection.

    Args:
        pc: its remote description is set, its transport has not connected.
        clock: monotonic time, seconds.
    """
    setattr(aiortc.rtcrtpreceiver, "get_decoder", bounded_decoder)  # noqa: B010 - a module's function
    budget = Bucket(RESENT_A_SECOND, RESENT_AT_ONCE, RESENT_AT_ONCE, clock())
    for transceiver in pc.getTransceivers():
        _keep_reporting(transceiver.receiver)
        _join_elsewhere(transceiver.receiver)
        _bound_nacks(transceiver.receiver)
        _bound_resending(transceiver.sender, budget, clock)


def stop_decoders(pc: RTCPeerConnection) -> None:
    """End the decoders of a connection whose own close did not."""
    for transceiver in pc.getTransceivers():
        stop = getattr(transceiver.receiver, "_RTCRtpReceiver__stop_decoder", None)
        if stop is not None:
            stop()


def release(pc: RTCPeerConnection) -> None:
    """Take off what was put over a closed connection's methods and buffers: it holds what it was put on."""
    for transceiver in pc.getTransceivers():
        for part in (transceiver.receiver, transceiver.sender):
            for name in _PUT_OVER:
                vars(part).pop(name, None)


def bounded_decoder(codec: RTCRtpCodecParameters) -> Any:
    """Make aiortc's decoder, one that allocates no picture larger than `MOST_PIXELS`, whatever a header says."""
    decoder: Any = get_decoder(codec)
    if codec.mimeType.lower().startswith("video/"):
        decoder.codec.options = {"max_pixels": str(MOST_PIXELS)}
    return decoder


class SteadyNacks(NackGenerator):
    """Asks for what is missing; a jump further than packets are kept counts as a new beginning.

    aiortc walks through all numbers of a jump, up to 32,767 a packet.
    """

    def add(self, packet: RtpPacket) -> bool:
        """Note a packet, and say whether one is missing."""
        if self.max_seq is not None:
            ahead = (packet.sequence_number - self.max_seq) & 0xFFFF
            if RTP_HISTORY_SIZE < ahead < 0x8000:
                self.max_seq = packet.sequence_number
                self.missing.clear()
                return False
        return super().add(packet)


def _keep_reporting(receiver: RTCRtpReceiver) -> None:
    """Split reports that are too long; nothing that cannot be packed ends the task that sends them.

    If it ended, `receiver.stop` would wait for it for ever.
    """
    send = receiver._send_rtcp

    async def send_parts(packet: AnyRtcpPacket) -> None:
        parts: list[AnyRtcpPacket] = [packet]
        if isinstance(packet, RtcpRrPacket):
            for report in packet.reports:
                # Timestamps that jump to and fro add up to more jitter than the field holds.
                report.jitter = min(max(report.jitter, 0), 0xFFFFFFFF)
                report.fraction_lost = min(report.fraction_lost, 255)
            parts = [
                RtcpRrPacket(packet.ssrc, packet.reports[at : at + MOST_REPORTS])
                for at in range(0, len(packet.reports), MOST_REPORTS)
            ]
        for part in parts:
            try:
                await send(part)
            except Exception:
                log.debug("a report could not be sent", exc_info=True)

    setattr(receiver, "_send_rtcp", send_parts)  # noqa: B010 - an instance attribute over a method


def _join_elsewhere(receiver: RTCRtpReceiver) -> None:
    """End the decoder's thread without waiting for it on the event loop, as aiortc does."""
    stop = receiver.stop
    ending: list[threading.Thread] = []

    def stop_decoder() -> None:
        thread: threading.Thread | None = getattr(receiver, "_RTCRtpReceiver__decoder_thread")  # noqa: B009
        if thread is not None:
            getattr(receiver, "_RTCRtpReceiver__decoder_queue").put(None)  # noqa: B009
            setattr(receiver, "_RTCRtpReceiver__decoder_thread", None)  # noqa: B010
            ending.append(thread)

    async def stop_and_join() -> None:
        await stop()
        while ending:
            await asyncio.to_thread(ending.pop().join, JOIN_SECONDS)

    setattr(receiver, "_RTCRtpReceiver__stop_decoder", stop_decoder)  # noqa: B010
    setattr(receiver, "stop", stop_and_join)  # noqa: B010


def _bound_nacks(receiver: RTCRtpReceiver) -> None:
    if getattr(receiver, "_RTCRtpReceiver__nack_generator") is not None:  # noqa: B009
        setattr(receiver, "_RTCRtpReceiver__nack_generator", SteadyNacks())  # noqa: B010


def _bound_resending(sender: RTCRtpSender, budget: Bucket, clock: Callable[[], float]) -> None:
    """Send a packet again once a round trip, within the session's budget (RFC 4585, 6.2.1 asks for no more)."""
    handle, resend = sender._handle_rtcp_packet, sender._retransmit
    resent_at: dict[int, tuple[int, float]] = {}

    def round_trip() -> float:
        measured: float | None = getattr(sender, "_RTCRtpSender__rtt")  # noqa: B009
        if measured is None:
            return DEFAULT_ROUND_TRIP
        # The client's own reports say how long it is.
        return min(max(measured, SHORTEST_ROUND_TRIP), LONGEST_ROUND_TRIP)

    async def handle_bounded(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
            packet.lost = list(dict.fromkeys(packet.lost))[:RTP_HISTORY_SIZE]
        await handle(packet)

    async def resend_bounded(sequence_number: int) -> None:
        history: dict[int, RtpPacket] = getattr(sender, "_RTCRtpSender__rtp_history")  # noqa: B009
        slot, now = sequence_number % RTP_HISTORY_SIZE, clock()
        packet = history.get(slot)
        if packet is None or packet.sequence_number != sequence_number:
            return
        number, at = resent_at.get(slot, (-1, 0.0))
        if number == sequence_number and now - at < round_trip():
            return
        if budget.take(now, len(packet.payload)):
            return
        resent_at[slot] = sequence_number, now
        await resend(sequence_number)

    setattr(sender, "_handle_rtcp_packet", handle_bounded)  # noqa: B010
    setattr(sender, "_retransmit", resend_bounded)  # noqa: B010
