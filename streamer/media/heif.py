"""HEIC pictures, as telephones take them: a grid of tiles that FFmpeg finds but does not put together.

The boxes are those of ISO/IEC 23008-12 (HEIF) and 14496-12.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import error as StructError
from struct import unpack_from

import av
import numpy as np

from models.common.arrays import U8

MOST_PIXELS = 1 << 28
MOST_TILES = 4096
"""Bounds of what is put together."""


class Broken(ValueError):
    """The boxes are not as they should be."""


@dataclass
class Layout:
    """How the main picture is put together.

    Attributes:
        tiles: Ids of the items, row by row; the main item itself if there is no grid.
        columns: Tiles a row.
        size: Width and height of the whole before it is turned; None if no grid tells.
        turns: What is done to it then: quarter turns anticlockwise, or "rows" or "columns" put in reverse order.
    """

    tiles: list[int]
    columns: int = 1
    size: tuple[int, int] | None = None
    turns: list[int | str] = field(default_factory=list)


def read_heif(data: bytes) -> U8:
    """Return the main picture, upright, (H, W, 3) RGB.

    Raises:
        Broken: it cannot be put together.
        av.error.FFmpegError: it cannot be decoded.
    """
    layout = read_layout(data)
    wanted, tiles = set(layout.tiles), dict[int, U8]()
    with av.open(io.BytesIO(data), "r", metadata_errors="replace") as container:
        streams = [s for s in container.streams.video if s.id in wanted]
        if any(s.codec_context.width * s.codec_context.height > MOST_PIXELS for s in streams):
            raise Broken("too large")
        for packet in container.demux(streams):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    tiles.setdefault(packet.stream.id, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
    if missing := wanted - tiles.keys():
        raise Broken(f"{len(missing)} of {len(wanted)} tiles are missing")
    rows = [
        np.concatenate([tiles[id] for id in layout.tiles[at : at + layout.columns]], axis=1)
        for at in range(0, len(layout.tiles), layout.columns)
    ]
    picture = np.concatenate(rows, axis=0)
    if layout.size is not None:
        picture = picture[: layout.size[1], : layout.size[0]]
    for turn in layout.turns:
        picture = np.rot90(picture, turn) if isinstance(turn, int) else picture[:: -1 if turn == "rows" else 1]
        picture = picture[:, ::-1] if turn == "columns" else picture
    return np.ascontiguousarray(picture)


def read_layout(data: bytes) -> Layout:
    """Return how the main picture of a file is put together.

    Raises:
        Broken: the file does not tell.
    """
    try:
        (meta,) = (body for kind, body in _boxes(data) if kind == b"meta")
        boxes = dict(_boxes(meta[4:]))
        main = unpack_from(">I" if boxes[b"pitm"][0] else ">H", boxes[b"pitm"], 4)[0]
        layout = Layout([main], turns=_turns(boxes[b"iprp"], main))
        if _kinds(boxes[b"iinf"]).get(main) == b"grid":
            _, flags, rows, columns = unpack_from("4B", grid := _content(boxes, data, main))
            layout.size = unpack_from(">II" if flags & 1 else ">HH", grid, 4)
            layout.columns = columns + 1
            layout.tiles = _references(boxes[b"iref"], main)
            most = layout.size[0] * layout.size[1] > MOST_PIXELS or len(layout.tiles) > MOST_TILES
            if most or len(layout.tiles) != (rows + 1) * (columns + 1):
                raise Broken("a grid of another size than it says")
        return layout
    except (KeyError, IndexError, ValueError, StructError) as error:
        raise Broken(str(error)) from error


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the body of each box."""
    at = 0
    while at + 8 <= len(data):
        size, kind = unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = unpack_from(">Q", data, at + 8)[0], 16
        size = size or len(data) - at
        if size < head:
            return
        yield kind, data[at + head : at + size]
        at += size


def _kinds(iinf: bytes) -> dict[int, bytes]:
    """Return the kind of every item."""
    kinds = {}
    for kind, body in _boxes(iinf[6 if iinf[0] == 0 else 8 :]):
        if kind == b"infe" and body[0] in (2, 3):
            id, _, what = unpack_from(">HH4s" if body[0] == 2 else ">IH4s", body, 4)
            kinds[id] = what
    return kinds


def _references(iref: bytes, item: int) -> list[int]:
    """Return the items of which an item is made."""
    number = "I" if iref[0] else "H"
    for kind, body in _boxes(iref[4:]):
        id, count = unpack_from(f">{number}H", body)
        if kind == b"dimg" and id == item:
            return list(unpack_from(f">{count}{number}", body, 4 if number == "H" else 6))
    raise Broken("a grid without tiles")


def _turns(iprp: bytes, item: int) -> list[int | str]:
    """Return what is done to an item, in order."""
    boxes = dict(_boxes(iprp))
    properties, ipma = list(_boxes(boxes[b"ipco"])), boxes[b"ipma"]
    wide, at, turns = ipma[3] & 1, 8, list[int | str]()
    for _ in range(unpack_from(">I", ipma, 4)[0]):
        id, count = unpack_from(">IB" if ipma[0] else ">HB", ipma, at)
        at += 5 if ipma[0] else 3
        for number in unpack_from(f">{count}{'H' if wide else 'B'}", ipma, at):
            index = number & (0x7FFF if wide else 0x7F)
            if id == item and 0 < index <= len(properties):
                kind, body = properties[index - 1]
                if kind == b"irot":
                    turns.append(body[0] & 3)
                elif kind == b"imir":
                    turns.append("columns" if body[0] & 1 else "rows")
        at += count * (2 if wide else 1)
    return turns


def _content(boxes: dict[bytes, bytes], data: bytes, item: int) -> bytes:
    """Return the bytes of an item."""
    iloc = boxes[b"iloc"]
    version, sizes = iloc[0], unpack_from(">H", iloc, 4)[0]
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(iloc[at - size : at], "big")

    for _ in range(number(2 if version < 2 else 4)):
        id = number(2 if version < 2 else 4)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_size)
        extents = []
        for _ in range(number(2)):
            number(index_size if version else 0)
            extents.append((base + number(offset_size), number(length_size)))
        if id == item:
            source = boxes[b"idat"] if method == 1 else data
            return b"".join(source[begin : begin + length] for begin, length in extents)
    raise Broken("an item that is nowhere")
