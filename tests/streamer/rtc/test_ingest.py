import asyncio
import queue
from fractions import Fraction
from types import SimpleNamespace
from typing import ClassVar

import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.codecs import get_decoder, get_encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtcpByePacket, RtcpRrPacket
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.rooms.publisher import Publisher
from streamer.rtc import rtp
from streamer.rtc.bitstream import MOST_UNITS, h264_units, is_keyframe, picture_size, refusal, too_large
from streamer.rtc.blocks import AudioBlock, BlockCutter, MonoDecoder
from streamer.rtc.ingest import ALLOWED_BURST, Ingest
from streamer.rtc.peer import Peer, PeerCounts
from streamer.rtc.rtp_limits import bounded_decoder
from streamer.rtc.sdp import BadSdp
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


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30))
def test_blocks_join_to_the_stream(sizes: list[int]) -> None:
    stream = np.arange(sum(sizes), dtype=np.float32)
    cutter, blocks, start = BlockCutter(), [], 0
    for size in sizes:
        blocks += cutter.step(5000 + start, stream[start : start + size])
        start += size
    joined = np.concatenate([block.pcm for block in blocks]) if blocks else stream[:0]
    assert np.array_equal(joined, stream[: len(joined)])
    assert len(stream) - len(joined) < 960
    assert [block.index for block in blocks] == list(range(len(blocks)))
    assert [block.pts for block in blocks] == [5000 + 960 * n for n in range(len(blocks))]


def test_a_gap_becomes_silence() -> None:
    cutter = BlockCutter()
    cutter.step(0, np.ones(960, np.float32))
    blocks = cutter.step(960 * 6, np.ones(960, np.float32))
    joined = np.concatenate([block.pcm for block in blocks])
    assert np.abs(np.diff(joined, prepend=1.0)).max() < 0.005  # no click on either side
    assert not joined[240 : 960 * 5].any() and np.all(joined[960 * 5 + 240 :] == 1.0)
    assert [block.index for block in blocks] == [1, 2, 3, 4, 5, 6]
    assert (cutter.filled, cutter.epoch) == (960 * 5, 0)


def test_a_long_gap_begins_an_epoch() -> None:
    cutter = BlockCutter()
    cutter.step(0, np.ones(1000, np.float32))
    flushed, block = cutter.step(1000 + 96_000, np.ones(960, np.float32))
    assert (flushed.index, flushed.epoch, float(flushed.pcm.sum())) == (1, 0, 40.0)
    assert (block.index, block.epoch, block.pts) == (102, 1, 97_000)
    assert cutter.filled == 0


def test_an_overlap_is_cut_off() -> None:
    cutter = BlockCutter()
    cutter.step(0, np.zeros(960, np.float32))
    (block,) = cutter.step(480, np.concatenate([np.zeros(480), np.ones(960)]).astype(np.float32))
    assert block.pts == 960
    assert float(block.pcm.sum()) == 960.0


def test_stereo_becomes_the_mean() -> None:
    interleaved = np.stack([np.full(960, 8192), np.full(960, 0)], axis=1).ravel()
    ((pts, pcm),) = MonoDecoder().step(frame_of(interleaved, 48_000, 1920, "stereo"))
    assert (pts, pcm.shape, pcm.dtype) == (1920, (960,), np.float32)
    assert np.all(pcm == 0.125)


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_other_rates_are_resampled_and_keep_their_time(rate: int) -> None:
    decoder, cutter, blocks = MonoDecoder(), BlockCutter(), []
    count = rate // 50
    tone = 16_000 * np.sin(2 * np.pi * 400 * np.arange(rate) / rate)
    for n in range(50):
        for pts, pcm in decoder.step(frame_of(tone[n * count : (n + 1) * count], rate, n * count)):
            blocks += cutter.step(pts, pcm)
    pcm = np.concatenate([block.pcm for block in blocks])
    wanted = 16_000 / 32768 * np.sin(2 * np.pi * 400 * np.arange(len(pcm)) / 48_000)
    assert len(pcm) >= 48_000 - 2 * 960
    assert blocks[0].pts == 0 and cutter.filled == 0
    correlation = np.dot(pcm, wanted) / np.linalg.norm(pcm) / np.linalg.norm(wanted)
    assert correlation > 0.99
    assert np.sqrt(np.mean(pcm[2000:-2000] ** 2)) == pytest.approx(0.345, abs=0.01)


@pytest.mark.parametrize("name", ["opus", "G722", "PCMU", "PCMA"])
def test_every_sound_codec_of_a_call(name: str) -> None:
    rate = 48_000 if name == "opus" else 16_000 if name == "G722" else 8_000
    clock = 48_000 if name == "opus" else 8_000
    codec = RTCRtpCodecParameters(mimeType=f"audio/{name}", clockRate=clock)
    encoder, decoder = get_encoder(codec), get_decoder(codec)
    mono, cutter, blocks = MonoDecoder(), BlockCutter(), []
    for n in range(60):
        moments = (n * rate // 50 + np.arange(rate // 50)) / rate
        payloads, timestamp = encoder.encode(frame_of(10_000 * np.sin(2 * np.pi * 300 * moments), rate, n * rate // 50))
        for payload in payloads:
            for frame in decoder.decode(JitterFrame(payload, timestamp)):
                assert isinstance(frame, av.AudioFrame)
                for pts, pcm in mono.step(frame):
                    blocks += cutter.step(pts, pcm)
    assert len(blocks) >= 56
    assert [block.index for block in blocks] == list(range(len(blocks)))
    assert cutter.filled == 0
    level = np.sqrt(np.mean(np.concatenate([block.pcm for block in blocks[10:]]) ** 2))
    # aiortc's Opus encoder spreads mono over two channels at -3 dB.
    spread = np.sqrt(0.5) if name == "opus" else 1.0
    assert level == pytest.approx(10_000 / 32768 * np.sqrt(0.5) * spread, rel=0.1)


def test_keyframes_are_told_apart() -> None:
    assert is_keyframe("VP8", KEY) and not is_keyframe("VP8", DELTA)
    assert not is_keyframe("VP8", b"") and not is_keyframe("VP8", b"\x10")
    slices = b"\x00\x00\x00\x01\x67abc\x00\x00\x01\x68d\x00\x00\x00\x01"
    assert is_keyframe("H264", slices + b"\x65data")
    assert not is_keyframe("H264", slices + b"\x41data")
    assert [kind for kind, _ in h264_units(slices + b"\x65data")] == [7, 8, 5]
    assert is_keyframe("opus", b"")


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_any_bytes_can_be_looked_at(data: bytes) -> None:
    assert isinstance(is_keyframe("VP8", data), bool)
    assert isinstance(is_keyframe("H264", data), bool)
    for start in (b"\x10\x00\x00\x9d\x01\x2a", b"\x00\x00\x01\x67\x64\x00\x1f"):
        for codec in ("VP8", "H264"):
            reason = refusal(codec, start + data)
            assert reason is None or reason


def key(width: int, height: int) -> bytes:
    return KEY[:6] + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(6)


def test_a_keyframe_tells_its_size() -> None:
    assert picture_size("VP8", key(1280, 720)) == (1280, 720)
    assert picture_size("VP8", key(1280 | 0xC000, 720 | 0x4000)) == (1280, 720), "the scale is no part of it"
    assert picture_size("VP8", DELTA) is None and picture_size("opus", key(1, 1)) is None
    sizes = [(1920, 1080), (1080, 1920), (1920, 1200), (2560, 1440), (2561, 16), (16, 2561), (16383, 16383)]
    assert [too_large(*size) for size in sizes] == [False] * 3 + [True] * 4


@pytest.mark.parametrize("size", [(640, 368), (1920, 1088)])
@pytest.mark.parametrize(("profile", "rows"), [("baseline", 16), ("high", 16), ("high", 32)])
def test_h264_tells_its_size(size: tuple[int, int], profile: str, rows: int) -> None:
    # Interlaced, macroblocks come in pairs.
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *size, "yuv420p", Fraction(1, 25)
    encoder.options = {"profile": profile, "preset": "ultrafast", "x264-params": "tff=1" if rows == 32 else ""}
    packets = encoder.encode(av.VideoFrame(*size, "yuv420p")) + encoder.encode(None)
    assert picture_size("H264", bytes(packets[0])) == (size[0], -(-size[1] // rows) * rows)


def parameter_set(cycle: int, filling: int = 1000) -> bytes:
    """A sequence parameter set (H.264, 7.3.2.1.1) as far as a cycle of `cycle` offsets, then bytes of ones."""
    length = (cycle + 1).bit_length()
    bits = f"{66:08b}" + "0" * 16 + "1" + "1" + "010" + "0" + "11" + "0" * (length - 1) + f"{cycle + 1:b}"
    bits += "1" * (-len(bits) % 8)
    return b"\0\0\1\x67" + int(bits, 2).to_bytes(len(bits) // 8, "big") + b"\xff" * filling


def test_a_parameter_set_costs_no_more_than_it_may() -> None:
    assert picture_size("H264", parameter_set(255, 900)) == (16, 16)
    assert refusal("H264", parameter_set(256)) == "a parameter set cannot be read", "7.4.2.1.1: at most 255"
    assert refusal("H264", parameter_set(3) * 33) == "33 parameter sets in one picture are too many"
    assert picture_size("H264", parameter_set(3) * 32) == (16, 16)


def test_a_parameter_set_that_cannot_be_read_is_refused() -> None:
    # FFmpeg reads on where we stop: 255 offsets of 65 bits each hide a size behind any limit.
    assert refusal("H264", parameter_set(3, 1030)) == "a parameter set of 1036 bytes is too long"
    assert refusal("H264", b"\0\0\1\x67\x42\0\x1f") == "a parameter set cannot be read"


def test_a_picture_of_tiny_units_is_refused_before_anybody_walks_through_them() -> None:
    assert refusal("H264", b"\0\0\1\x41" * MOST_UNITS) is None
    assert refusal("H264", b"\0\0\1\x41" * (MOST_UNITS + 1)) == "a picture of 1025 units is too finely cut"


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
    publisher = Publisher(peer, lambda block: None, lambda t, frame: None)
    for _ in range(2):
        publisher.peer.refuse_media("pictures of 16383 x 16383 are too large")
    await publisher.close()
    assert (counts.oversized, counts.open, ended, peer.closed) == (1, 0, [1], True)
    assert "16383 x 16383" in caplog.text


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
        tap.put((OPUS, JitterFrame(b"", n)))
    task = tap.get()
    assert task is not None and task[1].timestamp == 5
    assert tap.dropped == 5
    tap.put(None)
    assert tap.get() is None
    with pytest.raises(queue.Empty):
        tap.get_nowait()


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


@pytest.mark.parametrize("scale", [0.0, 1e-4, 0.01, 0.5, 1.0])
def test_the_fast_audio_level_is_aiortcs(scale: float) -> None:
    import aiortc.rtp

    samples = scale * 32767 * np.sin(np.arange(960))
    frame = frame_of(samples, 48_000, 0)
    square = np.mean(samples.astype(np.int16).astype(float) ** 2) / 32767**2
    wanted = round(max(10 * np.log10(square), -127)) if square else -127
    rtp.speed_up_audio_level()
    assert aiortc.rtp.compute_audio_level_dbov(frame) == wanted
