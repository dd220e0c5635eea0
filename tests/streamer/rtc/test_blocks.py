"""Decoded sound, cut into blocks without gaps."""

from fractions import Fraction

import av
import numpy as np
import pytest
from aiortc.codecs import get_decoder, get_encoder
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.blocks import BlockCutter, MonoDecoder


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
