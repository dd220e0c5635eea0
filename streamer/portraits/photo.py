"""A photo that somebody sent: looked at before it is decoded, since it may be anything."""

from __future__ import annotations

import cv2
import numpy as np

from models.common.arrays import U8

LARGEST = 1280
"""Pixels a side."""

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of the segment that says how large a JPEG is."""


class BadPhotoError(ValueError):
    """It cannot be used; the message says why."""


def read_photo(jpeg: bytes) -> U8:
    """Decode a JPEG, (H, W, 3) RGB.

    Raises:
        BadPhotoError: it is none, or too large.
    """
    width, height = _size(jpeg)
    if not 0 < width <= LARGEST or not 0 < height <= LARGEST:
        raise BadPhotoError(f"the photo is {width} x {height} pixels, more than {LARGEST} x {LARGEST} or none")
    try:
        found = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        found = None
    if found is None:
        raise BadPhotoError("the photo cannot be read")
    return np.ascontiguousarray(found[..., ::-1], np.uint8)


def _size(jpeg: bytes) -> tuple[int, int]:
    """Return width and height as the first frame header says."""
    at = 2
    while jpeg.startswith(b"\xff\xd8") and at + 9 <= len(jpeg) and jpeg[at] == 0xFF:
        kind, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if kind in _FRAMES:
            return int.from_bytes(jpeg[at + 7 : at + 9], "big"), int.from_bytes(jpeg[at + 5 : at + 7], "big")
        at += 2 + max(length, 2)
    raise BadPhotoError("the photo is no JPEG picture")
