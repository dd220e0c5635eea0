"""Replays everything in `tests/corpus` that ever broke something; each file's name or first line says what."""

from __future__ import annotations

import asyncio
from pathlib import Path

import av
import pytest
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from streamer.rtc.bitstream import refusal
from streamer.rtc.offer import PUBLISH, checked_offer
from streamer.rtc.peer import Peer, PeerCounts
from streamer.rtc.rtp_limits import bounded_decoder
from streamer.rtc.sdp import BadSdp
from streamer.settings import Settings
from tests.streamer.rtc.conftest import RULES, calling, until

CORPUS = Path(__file__).parents[2] / "corpus"

pytestmark = pytest.mark.usefixtures("loopback")


def inputs(kind: str) -> list[bytes]:
    """Read the inputs of a kind: of a .hex file each line that is no comment."""
    files = sorted((CORPUS / kind).iterdir())
    assert files, kind
    lines = [line for file in files for line in file.read_text().splitlines()]
    return [bytes.fromhex(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("path", sorted((CORPUS / "sdp").iterdir()), ids=lambda path: path.stem)
async def test_an_offer_is_answered_or_refused(path: Path) -> None:
    text = await asyncio.to_thread(path.read_bytes)
    counts = PeerCounts()
    peer = Peer(Settings(), counts)
    try:
        offer = checked_offer(text.decode(), PUBLISH, RULES)
        answer = await peer.answer(offer, lambda pc: None)
        assert answer.count("m=") == offer.count("m=")
    except BadSdp as refused:
        assert refused.status in (400, 422) and refused.reason
    finally:
        await peer.close()
    assert (counts.open, counts.close_failures) == (0, 0)


async def test_a_session_outlives_every_datagram_packet_and_report() -> None:
    strange = inputs("stun") + inputs("dtls")
    async with calling("audio", "video") as call:
        call.spray(*strange)
        await call.connect()
        call.spray(*strange)
        receivers = call.peer.pc.getReceivers()
        await until(lambda: all(receiver._RTCRtpReceiver__rtcp_task for receiver in receivers))
        # Decrypted already: a client's own SRTP would not let all of them through.
        transport = receivers[0].transport
        for receiver in receivers:
            codec = next(iter(receiver._RTCRtpReceiver__codecs))
            for packet in inputs("rtp"):
                await transport._handle_rtp_data(packet[:1] + bytes([codec]) + packet[2:], 0)
        for report in inputs("rtcp"):
            await transport._handle_rtcp_data(report)
        await until(lambda: call.link.drops.total == 2 * len(strange))
        # Reports go out within 1.5 s: the receivers' tasks have to outlive theirs.
        reports = [receiver._RTCRtpReceiver__rtcp_task for receiver in receivers]
        await asyncio.sleep(1.6)
        assert call.peer.connected and not any(report.done() for report in reports)
        async with asyncio.timeout(3):
            await call.peer.close()
        assert call.peer._counts.close_failures == 0


@pytest.mark.parametrize("number", range(len(inputs("h264"))))
def test_a_picture_is_refused_or_decoded_within_bounds(number: int) -> None:
    data = inputs("h264")[number]
    if refusal("H264", data) is None:
        decoder = bounded_decoder(RTCRtpCodecParameters(mimeType="video/H264", clockRate=90_000))
        try:
            decoder.decode(JitterFrame(data, 0))
        except av.FFmpegError:
            pass
