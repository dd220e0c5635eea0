"""A publisher's packets on their way in: decoders, backlogs, and what ends a session."""

import asyncio
import queue
from fractions import Fraction
from types import SimpleNamespace
from typing import ClassVar

import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtcpByePacket, RtcpRrPacket

from streamer.rooms.publisher import LIPS_AGE, Publisher
from streamer.rtc import rtp
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.candidates import AddressRules
from streamer.rtc.ingest import ALLOWED_BURST, Ingest
from streamer.rtc.offer import PUBLISH, checked_offer
from streamer.rtc.packet_length import USUAL, waiting
from streamer.rtc.peer import Peer, PeerCounts
from streamer.rtc.rtp_limits import bounded_decoder
from streamer.rtc.sdp import BadSdp
from streamer.rtc.steady_buffer import TimedFrame
from streamer.settings import Settings

VP8 = SimpleNamespace(name="VP8")
OPUS = SimpleNamespace(name="opus")
KEY = b"\x10\x00\x00\x9d\x01\x2a" + bytes(10)
DELTA = b"\x11\x00\x00" + bytes(13)


def frame_of(pcm: np.ndarray, rate: int, pts: int, layout: str = "mono") -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(pcm.astype(np.int16).reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate = rate
    frame.pts = pts
    frame.time_base = Fraction(1, rate)
    return frame


def test_the_decoder_allocates_no_picture_larger_than_it_may() -> None:
    # Cropped by 16 rows less than the limit says, or told by a header that we never saw: FFmpeg itself refuses.
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 2560, 1440, "yuv420p", Fraction(1, 25)
    encoder.options = {"preset": "ultrafast"}
    packets = encoder.encode(av.VideoFrame(2560, 1440, "yuv420p")) + encoder.encode(None)
    codec = RTCRtpCodecParameters(mimeType="video/H264", clockRate=90_000)
    frame = JitterFrame(bytes(packets[0]), 0)
    decoder = bounded_decoder(codec)
    with pytest.raises(av.FFmpegError):
        decoder.decode(frame)
        decoder.codec.decode(None)


async def test_a_goodbye_does_not_end_a_track_for_good() -> None:
    taken: list[object] = []

    class Receiver:
        __rtx_ssrc: ClassVar[dict[int, int]] = {}

        async def _handle_rtcp_packet(self, packet: object) -> None:
            taken.append(packet)

    receiver = Receiver()
    rtp.on_sender_report(receiver, lambda *report: None)  # type: ignore[arg-type]
    report = RtcpRrPacket(ssrc=1)
    await receiver._handle_rtcp_packet(RtcpByePacket(sources=[1]))
    await receiver._handle_rtcp_packet(report)
    assert taken == [report]


async def test_a_stun_server_out_of_reach_is_not_the_offers_fault(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(Settings(gather_deadline=0.05), PeerCounts(), on_closed=lambda: None)
    client = RTCPeerConnection()
    client.addTransceiver("audio", "sendonly")
    await client.setLocalDescription(await client.createOffer())

    async def never() -> None:
        await asyncio.Event().wait()

    peer.pc.createAnswer = never  # type: ignore[assignment, method-assign]
    with pytest.raises(BadSdp) as refused:
        await peer.answer(client.localDescription.sdp, lambda pc: None)
    assert refused.value.status == 503 and "STUN" in caplog.text
    assert peer.closed
    await client.close()


def key(width: int, height: int) -> bytes:
    return KEY[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(6)


def test_nothing_of_a_picture_that_is_too_large_reaches_the_decoder() -> None:
    seen: list[rtp.EncodedFrame] = []
    reasons: list[str] = []
    tap = rtp.DecoderQueue("video", seen.append, None, reasons.append)
    tap.put((VP8, JitterFrame(key(1280, 720), 0)))
    for n, data in enumerate([key(16383, 16383), DELTA, key(640, 480)]):
        tap.put((VP8, JitterFrame(data, n + 1)))
    assert (tap.qsize(), len(seen), tap.dropped) == (1, 1, 3)
    assert reasons == ["pictures of 16383 x 16383 are too large"]


async def test_a_picture_that_is_too_large_ends_the_session(caplog: pytest.LogCaptureFixture) -> None:
    counts, ended = PeerCounts(), []
    peer = Peer(Settings(), counts, on_closed=lambda: ended.append(1))
    publisher = Publisher(peer, lambda block: None, lambda t, frame: None, separates=True)
    for _ in range(2):
        publisher.peer.refuse_media("pictures of 16383 x 16383 are too large")
    await publisher.close()
    assert (counts.oversized, counts.open, ended, peer.closed) == (1, 0, [1], True)
    assert "16383 x 16383" in caplog.text


@pytest.mark.parametrize(
    ("kinds", "separates", "age"),
    [(["audio", "video"], True, LIPS_AGE), (["audio"], True, USUAL), (["audio", "video"], False, USUAL)],
)
async def test_sound_waits_for_lips_where_they_are_looked_at(kinds: list[str], separates: bool, age: float) -> None:
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer = Peer(Settings(), PeerCounts())
    publisher = Publisher(peer, lambda block: None, lambda t, frame: None, separates)
    for kind in kinds:
        client.addTransceiver(kind, "sendonly")
    await client.setLocalDescription(await client.createOffer())
    await publisher.open(checked_offer(client.localDescription.sdp, PUBLISH, AddressRules(True, True)))
    (sound,) = [receiver for receiver in peer.pc.getReceivers() if receiver.track.kind == "audio"]
    order = vars(sound)["_RTCRtpReceiver__jitter_buffer"]._order
    assert (order.depth, order.most) == (waiting(0.02, age), 4)
    await publisher.close()
    await client.close()


def test_a_slow_decoder_gets_whole_picture_groups() -> None:
    seen: list[rtp.EncodedFrame] = []
    backlogs: list[int] = []
    tap = rtp.DecoderQueue("video", seen.append, lambda: backlogs.append(1))
    for n in range(15):
        tap.put((VP8, JitterFrame(DELTA if n else KEY, n)))
    assert (tap.qsize(), tap.dropped, len(seen), backlogs) == (10, 5, 15, [1])
    tap.get()
    tap.put((VP8, JitterFrame(DELTA, 15)))  # there is room, but its reference was dropped
    assert (tap.qsize(), tap.dropped) == (9, 6)
    tap.put((VP8, JitterFrame(KEY, 16)))
    tap.put((VP8, JitterFrame(DELTA, 17)))
    assert tap.qsize() == 10  # 9 + key + delta, but full at the delta
    assert tap.dropped == 7
    for _ in range(10):
        tap.get()
    tap.put((VP8, JitterFrame(KEY, 18)))
    task = tap.get()
    assert task is not None and task[1].timestamp == 18


def test_a_keyframe_replaces_a_full_backlog() -> None:
    tap = rtp.DecoderQueue("video", lambda frame: None)
    for n in range(10):
        tap.put((VP8, JitterFrame(DELTA if n else KEY, n)))
    tap.put((VP8, JitterFrame(KEY, 10)))
    assert (tap.qsize(), tap.dropped) == (1, 10)


def test_sound_drops_the_oldest_and_the_end_comes_at_once() -> None:
    tap = rtp.DecoderQueue("audio", lambda frame: None)
    for n in range(30):
        tap.put((OPUS, TimedFrame(b"", n, 7.0)))
    task = tap.get()
    assert task is not None and task[1].timestamp == 5
    assert tap.dropped == 5
    tap.put(None)
    assert tap.get() is None
    with pytest.raises(queue.Empty):
        tap.get_nowait()


def test_sound_in_long_packets_was_taken_earlier() -> None:
    """By the first byte: frames of 20 and 60 ms (RFC 6716, table 2)."""
    frames: list[rtp.EncodedFrame] = []
    tap = rtp.DecoderQueue("audio", frames.append)
    for toc in (1 << 3, 3 << 3):
        tap.put((OPUS, TimedFrame(bytes([toc]), 0, 7.0)))
    assert [frame.arrival for frame in frames] == [pytest.approx(7.0), pytest.approx(6.96)]


async def test_silence_cannot_be_made_to_multiply() -> None:
    blocks: list[AudioBlock] = []
    ingest = Ingest(on_audio=blocks.append)
    for n in range(1000):
        ingest._hand_on_block(AudioBlock(float(n), n, np.zeros(960, np.float32)))
    assert ALLOWED_BURST <= len(blocks) < ALLOWED_BURST + 60
    assert ingest.statistics().audio_refused == 1000 - len(blocks)


async def test_a_fault_further_on_does_not_stop_the_reading(caplog: pytest.LogCaptureFixture) -> None:
    def fail(block: AudioBlock) -> None:
        raise ValueError("a fault")

    ingest = Ingest(on_audio=fail)
    for n in range(10):
        ingest._hand_on_block(AudioBlock(float(n), n, np.zeros(960, np.float32)))
    assert ingest.statistics().audio_blocks == 10
    assert sum("a fault" in (record.exc_text or "") for record in caplog.records) == 3


async def test_codecs_are_put_in_order() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    transceiver = pc.addTransceiver("video", "recvonly")
    assert rtp.negotiated_codec(transceiver) is None
    rtp.prefer_codecs(pc, ["video/H264"])
    await pc.createOffer()
    assert [c.name for c in transceiver._codecs] == ["H264", "rtx", "H264", "rtx", "VP8", "rtx"]
    rtp.prefer_codecs(pc, ["video/VP8", "video/H264"])
    assert [c.name for c in transceiver._codecs] == ["VP8", "rtx", "H264", "rtx", "H264", "rtx"]
    assert transceiver._codecs[1].parameters["apt"] == transceiver._codecs[0].payloadType
    assert rtp.negotiated_codec(transceiver) == "VP8"
    await pc.close()


async def test_opus_is_taken_from_who_names_it_last() -> None:
    client, server = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    offered = RTCRtpSender.getCapabilities("audio").codecs
    client.addTransceiver("audio", "recvonly").setCodecPreferences(offered[::-1])
    await client.setLocalDescription(await client.createOffer())
    await server.setRemoteDescription(client.localDescription)
    [transceiver] = server.getTransceivers()
    assert rtp.negotiated_codec(transceiver) == "PCMA"
    rtp.prefer_codecs(server, ["video/VP8", "audio/opus"])
    assert rtp.negotiated_codec(transceiver) == "opus" and len(transceiver._codecs) == 4
    await client.close()
    await server.close()
