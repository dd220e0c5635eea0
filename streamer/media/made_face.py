"""Pictures of people who are not: each says so, to who looks at it and to who reads its metadata."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from models.common.arrays import U8
from streamer.media.made import xmp

MARK = "made from a voice"
"""What stands in the picture."""

SIDE, INNER = 384, 320
"""Pixels of the picture, and of the face in it."""

FADES, GROUND = (0.88, 1.08), 245
"""Where an oval around the face begins to fade and has faded, in its half axes; and into which grey."""

STRIP = 40
"""Pixels below it that carry the mark."""

_DESCRIPTION = "Synthetic: a face drawn by a network from the sound of a voice. Not a likeness of anybody."

_HEADER = 33  # bytes of a PNG up to and with its first chunk


def framed(face: U8) -> U8:
    """Enlarge a drawn face and let it fade into a light ground: face detectors want some room around it.

    Args:
        face: uint8 (H, W, 3), square.

    Returns:
        uint8 (384, 384, 3).
    """
    room = (SIDE - INNER) // 2
    large = cv2.resize(face, (INNER, INNER), interpolation=cv2.INTER_CUBIC)
    wide = cv2.copyMakeBorder(large, room, room, room, room, cv2.BORDER_REPLICATE)
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    t = np.clip((FADES[1] - np.hypot(x / (0.5 * INNER), y / (0.56 * INNER))) / (FADES[1] - FADES[0]), 0, 1)
    seen = (t * t * (3 - 2 * t))[..., None]
    return np.asarray(wide * seen + GROUND * (1 - seen), np.uint8)


def marked(face: U8) -> U8:
    """Frame a drawn face and write below it what it is: (H, W, 3) -> uint8 (424, 384, 3)."""
    strip = np.full((STRIP, SIDE, 3), 40, np.uint8)
    font, scale, thick = cv2.FONT_HERSHEY_SIMPLEX, 0.8, 2
    (width, height), _ = cv2.getTextSize(MARK, font, scale, thick)
    corner = ((SIDE - width) // 2, (STRIP + height) // 2)
    cv2.putText(strip, MARK, corner, font, scale, (255, 255, 255), thick, cv2.LINE_AA)
    return np.concatenate([framed(face), strip])


def made_png(picture: U8) -> bytes:
    """Encode a picture as PNG with XMP metadata that says it is synthetic: uint8 (H, W, 3), RGB."""
    done, coded = cv2.imencode(".png", picture[..., ::-1])
    assert done
    png = coded.tobytes()
    return png[:_HEADER] + _chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp(_DESCRIPTION)) + png[_HEADER:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
