"""How much a client can make aiortc's receivers and senders do."""

from __future__ import annotations

import asyncio
import threading

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtpPacket,
)

from streamer.rtc import rtp, rtp_limits
from streamer.rtc.rtp_limits import RESENT_AT_ONCE, SteadyNacks
from tests.clock import Clock
from tests.streamer.rtc.conftest import calling, until


async def limited(kind: str, clock: Clock | None = None):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = pc.addTransceiver(kind, "sendrecv")
    rtp_limits.limit(pc, clock or Clock(1000.0))
    return pc, transceiver


def filled(sender, first: int, size: int) -> list[int]:
    """Put 128 packets into a sender's history, and collect what it sends again."""
    history = sender._RTCRtpSender__rtp_history
    for number in range(first, first + 128):
        history[number % 128] = RtpPacket(96, 0, number, 0, 1, bytes(size))
    again: list[int] = []

    async def send(data: bytes) -> None:
        again.append(RtpPacket.parse(data).sequence_number)

    sender.transport._send_rtp = send
    return again


def nack(numbers) -> RtcpRtpfbPacket:
    return RtcpRtpfbPacket(RTCP_RTPFB_NACK, 1, 2, lost=list(numbers))


async def test_a_packet_is_sent_again_once_a_round_trip() -> None:
    clock = Clock(1000.0)
    pc, transceiver = await limited("video", clock)
    again = filled(transceiver.sender, 1000, 100)
    for _ in range(300):
        await transceiver.sender._handle_rtcp_packet(nack([1000, 1001] * 100))
    assert again == [1000, 1001]
    clock.now += 0.09
    await transceiver.sender._handle_rtcp_packet(nack([1000]))
    assert again == [1000, 1001]
    clock.now += 0.02
    await transceiver.sender._handle_rtcp_packet(nack([1000]))
    assert again == [1000, 1001, 1000]
    # A client that reports no round trip at all does not get around that.
    transceiver.sender._RTCRtpSender__rtt = -5.0
    for _ in range(10):
        clock.now += 0.0101
        await transceiver.sender._handle_rtcp_packet(nack([1001]))
    assert again.count(1001) == 6
    await pc.close()


async def test_a_session_is_sent_so_many_bytes_again_and_no_more() -> None:
    clock = Clock(1000.0)
    pc, transceiver = await limited("video", clock)
    sent = 0
    for n in range(20):
        again = filled(transceiver.sender, 1000 + 128 * n, 1200)
        await transceiver.sender._handle_rtcp_packet(nack(range(1000 + 128 * n, 1128 + 128 * n)))
        sent += 1200 * len(again)
    assert RESENT_AT_ONCE - 1200 < sent <= RESENT_AT_ONCE
    clock.now += 0.1
    again = filled(transceiver.sender, 9000, 1200)
    await transceiver.sender._handle_rtcp_packet(nack(range(9000, 9128)))
    assert len(again) in (41, 42), "50 kB in a tenth of a second"
    await pc.close()


async def test_a_long_report_is_split_and_what_cannot_be_packed_does_not_end_the_reports() -> None:
    pc, transceiver = await limited("audio")
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        sent.append(data)

    transceiver.receiver.transport._send_rtp = send
    reports = [RtcpReceiverInfo(ssrc, 256, 0, 1, 1 << 40, 0, 0) for ssrc in range(70)]
    await transceiver.receiver._send_rtcp(RtcpRrPacket(ssrc=9, reports=reports))
    parsed = [packet for data in sent for packet in RtcpPacket.parse(data)]
    assert [len(packet.reports) for packet in parsed] == [31, 31, 8]
    assert [report.ssrc for packet in parsed for report in packet.reports] == list(range(70))
    assert {(report.jitter, report.fraction_lost) for report in parsed[0].reports} == {(0xFFFFFFFF, 255)}
    await transceiver.receiver._send_rtcp(RtcpRrPacket(ssrc=1 << 40, reports=reports[:1]))
    await pc.close()


def test_a_jump_is_not_walked_through() -> None:
    nacks = SteadyNacks()
    assert not nacks.add(RtpPacket(sequence_number=10))
    assert nacks.add(RtpPacket(sequence_number=13)) and nacks.missing == {11, 12}
    assert not nacks.add(RtpPacket(sequence_number=30_000)) and nacks.missing == set()
    assert nacks.add(RtpPacket(sequence_number=30_002)) and nacks.missing == {30_001}
    assert not nacks.add(RtpPacket(sequence_number=30_001)) and nacks.missing == set()


@pytest.mark.usefixtures("loopback")
async def test_the_loop_does_not_wait_for_a_picture_in_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    release, busy = threading.Event(), threading.Event()

    class Slow:
        def decode(self, frame: object) -> list[object]:
            busy.set()
            release.wait(10)
            return []

    def prepare(pc: RTCPeerConnection) -> None:
        for receiver in pc.getReceivers():
            rtp.tap_encoded(receiver, lambda frame: None)

    monkeypatch.setattr(rtp_limits, "get_decoder", lambda codec: Slow())
    monkeypatch.setattr(rtp_limits, "JOIN_SECONDS", 5.0)
    async with calling("audio", prepare=prepare) as call:
        await call.connect()
        receiver = call.peer.pc.getReceivers()[0]
        await until(lambda: receiver._RTCRtpReceiver__decoder_thread is not None)
        thread = receiver._RTCRtpReceiver__decoder_thread
        codec = next(iter(receiver._RTCRtpReceiver__codecs.values()))
        payload = RtpPacket(payload_type=codec.payloadType, ssrc=5, payload=b"x")
        for number in range(10):
            payload.sequence_number = number
            payload.timestamp = 960 * number
            await call.client.getSenders()[0].transport._send_rtp(payload.serialize())
        await until(busy.is_set)
        closing = asyncio.create_task(call.peer.close())
        ticks = 0
        while ticks < 10:
            await asyncio.sleep(0.01)
            ticks += 1
        assert not closing.done() and thread.is_alive(), "the loop ran while the decoder was busy"
        release.set()
        async with asyncio.timeout(2):
            await closing
        assert not thread.is_alive()


@pytest.mark.usefixtures("loopback")
async def test_a_close_that_fails_leaves_no_decoder_and_no_task_running() -> None:
    def reporting() -> int:
        return sum("RTCRtpReceiver._run_rtcp" in repr(task.get_coro()) for task in asyncio.all_tasks())

    def prepare(pc: RTCPeerConnection) -> None:
        for receiver in pc.getReceivers():
            rtp.tap_encoded(receiver, lambda frame: None)

    async with calling("audio", "video", prepare=prepare, close_deadline=0.1) as call:
        await call.connect()
        receivers = call.peer.pc.getReceivers()
        await until(lambda: all(receiver._RTCRtpReceiver__decoder_thread for receiver in receivers))
        threads = [receiver._RTCRtpReceiver__decoder_thread for receiver in receivers]
        assert reporting() == 2
        # As if the first one's task of reports had died.
        receivers[0]._RTCRtpReceiver__rtcp_exited.wait = asyncio.Event().wait
        await call.peer.close()
        await until(lambda: not any(thread.is_alive() for thread in threads))
        assert call.peer._counts.close_failures == 1
        assert reporting() == 0, "the one that close had not come to is stopped, too"
