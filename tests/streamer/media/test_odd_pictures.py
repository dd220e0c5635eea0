"""Pictures that players turn, mirror, stretch or darken: they come out as a player shows them."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from models.common.arrays import U8
from streamer.commands.process import process
from streamer.media.hdr import HLG, PQ, light, toned
from streamer.media.inspect import inspect
from streamer.media.pictures import Shot, shots
from tests.media import grey, write
from tests.streamer.commands.test_process import OneFace

MATRICES = {
    "as it is": ((1, 0, 0, 1), lambda p: p),
    "turned right": ((0, 1, -1, 0), lambda p: np.rot90(p, 3)),
    "upside down": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "turned left": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "mirrored up": ((1, 0, 0, -1), np.flipud),
    "mirrored, turned right": ((0, 1, 1, 0), lambda p: np.swapaxes(p, 0, 1)),
    "mirrored, turned left": ((0, -1, -1, 0), lambda p: np.rot90(np.swapaxes(p, 0, 1), 2)),
}
"""What players do for (a, b, c, d): x' = a x + c y, y' = b x + d y, with y downwards (ISO/IEC 14496-12)."""


def corner() -> U8:
    """A picture of which every way it can lie looks different."""
    picture = grey(20, 128, 96)
    picture[:48, :64], picture[:48, 64:] = 220, 120
    return picture


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write an MP4 with a display matrix."""
    write(path, pictures=[(i / 25, corner()) for i in range(3)])
    data = bytearray(path.read_bytes())
    a, b, c, d = (65536 * n for n in matrix)
    struct.pack_into(">9i", data, data.index(b"tkhd") + 4 + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def alike(one: U8, other: U8) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other).mean()) < 10


@pytest.mark.parametrize("name", MATRICES)
def test_display_matrices_in_all_forms(tmp_path: Path, name: str) -> None:
    matrix, shown = MATRICES[name]
    path, expected = turned(tmp_path / "a.mp4", matrix), shown(corner())
    info = inspect(path)
    assert (info.height, info.width) == expected.shape[:2]
    shot = next(shots(path, info))
    assert alike(shot.rgb(1280), expected)
    planes = shot.planes(info.width, info.height)
    assert alike(av.VideoFrame.from_ndarray(planes, "yuv420p").to_ndarray(format="rgb24"), expected)
    assert alike(shot.upright(720).to_ndarray(format="rgb24"), expected)


def stretched(path: Path, ratio: Fraction, picture: U8) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=picture.shape[1], height=picture.shape[0])
        stream.pix_fmt, stream.codec_context.sample_aspect_ratio = "yuv420p", ratio
        for i in range(5):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("ratio", "size"), [(Fraction(16, 9), (114, 96)), (Fraction(1, 2), (64, 192)), (Fraction(100, 1), (64, 96))]
)
def test_pixels_that_are_not_square_become_so(tmp_path: Path, ratio: Fraction, size: tuple[int, int]) -> None:
    path = stretched(tmp_path / "a.mp4", ratio, grey(90, 64, 96))
    info = inspect(path)
    assert (info.width, info.height) == size
    shot = next(shots(path, info))
    assert shot.rgb(1280).shape == (size[1], size[0], 3)
    upright = shot.upright(720)
    assert (upright.width, upright.height) == size


def test_the_overlay_is_not_squashed(tmp_path: Path) -> None:
    path = stretched(tmp_path / "a.mp4", Fraction(2, 1), grey(90, 64, 96))
    process(path, tmp_path / "out", progress=False, engine=OneFace(since=None))
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (128, 96)


NITS = (0.0, 10.0, 100.0, 203.0, 1000.0)


def coded(nits: np.ndarray, transfer: int) -> np.ndarray:
    """Return the code values in [0, 1] of grey of so many candela per square metre."""
    if transfer == PQ:
        power = (nits / 10_000) ** (2610 / 16_384)
        return ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    scene = (nits / 1000) ** (1 / 1.2)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def hdr(path: Path, transfer: int) -> Path:
    """Write stripes of grey, 64 pixels wide, of as many candela per square metre as `NITS`."""
    frame = av.VideoFrame(64 * len(NITS), 64, "yuv420p10le")
    luma = np.repeat(np.rint(64 + 876 * coded(np.array(NITS), transfer)).astype(np.uint16), 64)
    for plane, row in zip(frame.planes, (luma, *[np.full(32 * len(NITS), 512, np.uint16)] * 2), strict=True):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        rows[:, : len(row)] = row
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=25, width=frame.width, height=frame.height)
        context = stream.codec_context
        stream.pix_fmt, stream.options = "yuv420p10le", {"x265-params": "log-level=none:crf=8", "preset": "ultrafast"}
        context.color_trc, context.color_primaries, context.colorspace, context.color_range = transfer, 9, 9, 1
        for i in range(3):
            frame.pts, frame.time_base = i, Fraction(1, 25)
            frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = transfer, 9, 9, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_becomes_ordinary(tmp_path: Path, transfer: int) -> None:
    path = hdr(tmp_path / "a.mp4", transfer)
    info = inspect(path)
    shot = next(shots(path, info))
    # Paper white is nearly white, half as much light as bright as in any other video, highlights are told apart.
    expected = 255 * toned(np.repeat(np.array(NITS)[:, None] / 203, 3, axis=1).astype(np.float32))[:, 0]
    assert 215 < expected[3] < 240 and expected[4] == 255
    stripes = shot.rgb(1280)[32, 32::64]
    assert np.abs(stripes - expected[:, None]).max() < 6
    luma = shot.planes(info.width, info.height)[32, 32::64]
    assert np.abs((luma - 16.0) / 219 * 255 - expected).max() < 8


def test_the_overlay_of_high_dynamic_range_is_ordinary_and_tagged_so(tmp_path: Path) -> None:
    process(hdr(tmp_path / "a.mp4", PQ), tmp_path / "out", progress=False, engine=OneFace(since=None))
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.color_trc, frame.color_primaries, frame.colorspace) == (1, 1, 1)
    assert frame.to_ndarray(format="rgb24")[32, 32 + 64 * 3].min() > 200


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_light_is_that_of_the_standards(transfer: int) -> None:
    codes = coded(np.array(NITS), transfer)
    shown = light(np.repeat(codes[:, None], 3, axis=1).astype(np.float32), transfer) * 203
    assert shown[:, 1] == pytest.approx(NITS, rel=0.01, abs=0.05)


def test_ordinary_pictures_are_not_toned(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures=[(0.0, corner())])
    assert all(isinstance(shot, Shot) and shot.to_sdr is None for shot in shots(path, inspect(path)))
