"""What is read of a picture before anything decodes it."""

from fractions import Fraction
from types import SimpleNamespace

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.rtc.bitstream import MOST_UNITS, h264_units, is_keyframe, picture_size, refusal, too_large

VP8 = SimpleNamespace(name="VP8")
KEY = b"\x10\x00\x00\x9d\x01\x2a" + bytes(10)
DELTA = b"\x11\x00\x00" + bytes(13)


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
