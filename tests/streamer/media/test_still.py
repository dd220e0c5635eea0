"""Picture files: every format, the right way up, and of damaged ones what there is."""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
from PIL import Image

from models.common.arrays import U8
from streamer.errors import UserError
from streamer.media.still import read_still


def quarters() -> U8:
    """A picture of four colours: which way it lies is to be seen."""
    picture = np.full((96, 128, 3), 250, np.uint8)
    picture[:48, :64] = (220, 30, 30)
    picture[:48, 64:] = (30, 200, 30)
    picture[48:, :64] = (30, 30, 220)
    return picture


def saved(path: Path, picture: U8) -> Path:
    assert cv2.imwrite(str(path), picture[:, :, ::-1])
    return path


def alike(one: U8, other: U8) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other).mean()) < 8


def exif(orientation: int) -> bytes:
    return b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0, 0, 0, 0, 0])


def test_pictures_are_read_as_rgb_the_right_way_up(tmp_path: Path) -> None:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:10] = (250, 10, 20)
    read = read_still(saved(tmp_path / "red.png", picture)).pixels
    assert np.array_equal(read, picture)


def test_grey_and_transparent_pictures_are_read_too(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 9), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((8, 9, 4), 77, np.uint8))
    for name in ("grey.png", "clear.png"):
        read = read_still(tmp_path / name).pixels
        assert read.shape == (8, 9, 3)
        assert (read == 77).all()


@pytest.mark.parametrize("content", [b"", b"not a picture at all"])
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(UserError, match="is not a picture"):
        read_still(tmp_path / "x.jpg")


def test_a_damaged_picture_is_refused_without_noise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = saved(tmp_path / "whole.png", skimage.data.astronaut()[::4, ::4]).read_bytes()
    (tmp_path / "x.png").write_bytes(whole[:60])
    with pytest.raises(UserError, match="is not a picture"):
        read_still(tmp_path / "x.png")
    assert capfd.readouterr().err == ""


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(UserError, match="cannot read"):
            read_still(path)


@pytest.mark.parametrize("ending", ["webp", "avif", "jpg", "tiff", "bmp", "jp2"])
def test_formats(tmp_path: Path, ending: str) -> None:
    assert alike(read_still(saved(tmp_path / f"a.{ending}", quarters())).pixels, quarters())


def test_of_a_moving_picture_the_first_is_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.gif"), "w") as container:
        stream = container.add_stream("gif", rate=10, width=128, height=96, pix_fmt="rgb8")
        for picture in (quarters(), quarters()[::-1]):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    first = read_still(tmp_path / "a.gif").pixels
    assert first.shape == (96, 128, 3) and np.abs(first[20, 20].astype(int) - (220, 30, 30)).max() < 60


TURNED = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    6: lambda p: np.rot90(p, 3),
    5: lambda p: np.fliplr(np.rot90(p, 3)),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_orientation_in_exif(tmp_path: Path, ending: str, orientation: int) -> None:
    plain = saved(tmp_path / f"a.{ending}", quarters()).read_bytes()
    told = exif(orientation)
    if ending == "jpg":
        told = b"Exif\0\0" + told
        data = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(told) + 2) + told + plain[2:]
    else:
        size = struct.pack("<I", 127)[:3] + struct.pack("<I", 95)[:3]
        body = b"WEBP" + b"VP8X" + struct.pack("<IBBBB", 10, 8, 0, 0, 0) + size + plain[12:]
        body += b"EXIF" + struct.pack("<I", len(told)) + told
        data = b"RIFF" + struct.pack("<I", len(body)) + body
    path = tmp_path / f"b.{ending}"
    path.write_bytes(data)
    assert alike(read_still(path).pixels, TURNED[orientation](quarters()))


def test_a_cut_jpeg_gives_what_there_is_and_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = saved(tmp_path / "whole.jpg", skimage.data.astronaut())
    data = whole.read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    still = read_still(tmp_path / "cut.jpg")
    assert still.pixels.shape == (512, 512, 3) and "cut short" in still.notes[0]
    assert alike(still.pixels[:150], read_still(whole).pixels[:150])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "WebP"])
def test_other_cut_pictures_give_what_there_is_too(tmp_path: Path, kind: str) -> None:
    whole = skimage.data.chelsea()
    Image.fromarray(whole).save(tmp_path / "whole", kind)
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) * 3 // 4])
    still = read_still(tmp_path / "cut")
    assert still.pixels.shape == whole.shape and "cut short" in still.notes[0]
    alike = np.abs(still.pixels.astype(int) - whole).mean(axis=(1, 2)) < 12
    assert 0.6 < alike.mean() < 0.9
    (tmp_path / "head").write_bytes(data[:40])
    with pytest.raises(UserError, match="damaged or cut short"):
        read_still(tmp_path / "head")


@pytest.mark.parametrize(("kind", "how"), [("AVIF", {}), ("WebP", {"lossless": True})])
def test_cut_pictures_of_which_nothing_can_be_had_are_refused_by_name(
    tmp_path: Path, kind: str, how: dict[str, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(skimage.data.chelsea()).save(tmp_path / "whole", kind, **how)
    data = (tmp_path / "whole").read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "cut").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(UserError, match=f"(?i)not a picture that can be read: .*{kind}"):
            read_still(tmp_path / "cut")
    assert capfd.readouterr().err == ""


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def coded(picture: U8) -> tuple[bytes, bytes]:
    """Return a picture in H.265 and how to decode it: sample and hvcC box."""
    context = av.CodecContext.create("libx265", "w")
    context.width, context.height, context.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
    context.time_base, context.framerate = Fraction(1, 1), Fraction(1, 1)
    context.options = {"x265-params": "log-level=none:crf=8", "preset": "ultrafast"}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    stream = b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))
    units = [unit for unit in re.split(rb"\x00*\x00\x00\x01", stream) if unit]
    kinds = {32: b"", 33: b"", 34: b""}
    sample = b""
    for unit in units:
        if (kind := unit[0] >> 1 & 63) in kinds:
            kinds[kind] = unit
        elif kind < 32:
            sample += struct.pack(">I", len(unit)) + unit
    sets = b"".join(struct.pack(">BHH", kind, 1, len(unit)) + unit for kind, unit in kinds.items())
    return sample, box(b"hvcC", b"\x01", bytes(20), b"\x03\x03", sets)


def heic(picture: U8, turn: int) -> bytes:
    """Return a HEIC file as telephones write it: four tiles, cut to size, and turned `turn` quarters anticlockwise."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((0, 128 - height), (0, 192 - width), (0, 0)), mode="edge")
    tiles = [coded(np.ascontiguousarray(padded[y : y + 64, x : x + 96])) for y in (0, 64) for x in (0, 96)]
    grid = struct.pack(">BBBBHH", 0, 0, 1, 1, width, height)
    kinds = [*((id, b"hvc1") for id in range(1, 5)), (5, b"grid")]
    infe = [box(b"infe", struct.pack(">IHH4sB", 0x02000000, id, 0, kind, 0)) for id, kind in kinds]
    sizes = [box(b"ispe", struct.pack(">III", 0, *size)) for size in ((96, 64), (width, height))]
    ipco = box(b"ipco", tiles[0][1], *sizes, box(b"irot", bytes([turn])))
    ipma = struct.pack(">II", 0, 5)
    ipma += b"".join(struct.pack(">HBBB", id, 2, 0x81, 2) for id in range(1, 5)) + struct.pack(">HBBB", 5, 2, 3, 0x84)
    iref = struct.pack(">I", 0) + box(b"dimg", struct.pack(">HH4H", 5, 4, 1, 2, 3, 4))

    def meta(begin: int) -> bytes:
        iloc, at = struct.pack(">IBBH", 0x01000000, 0x44, 0, 5), begin
        for id, (sample, _) in enumerate(tiles, 1):
            iloc += struct.pack(">HHHHII", id, 0, 0, 1, at, len(sample))
            at += len(sample)
        iloc += struct.pack(">HHHHII", 5, 1, 0, 1, 0, len(grid))
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", struct.pack(">IH", 0, 5)),
            box(b"iloc", iloc),
            box(b"iinf", struct.pack(">IH", 0, 5), *infe),
            box(b"iref", iref),
            box(b"iprp", ipco, box(b"ipma", ipma)),
            box(b"idat", grid),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *(sample for sample, _ in tiles))


@pytest.mark.parametrize("turn", [0, 3])
def test_a_telephones_heic_is_put_together_and_upright(tmp_path: Path, turn: int) -> None:
    picture = quarters()[:90, :120]
    (tmp_path / "a.heic").write_bytes(heic(picture, turn))
    assert alike(read_still(tmp_path / "a.heic").pixels, np.rot90(picture, turn))


def test_a_damaged_heic_is_named(tmp_path: Path) -> None:
    data = heic(quarters(), 0)
    for length in (60, 300, len(data) - 400):
        (tmp_path / "a.heic").write_bytes(data[:length])
        with pytest.raises(UserError, match=r"a\.heic is not a picture that can be read: HEIC"):
            read_still(tmp_path / "a.heic")
