"""What there is of a picture file that is cut short."""

from __future__ import annotations

import io
import threading
import warnings

import av
import numpy as np
from PIL import Image, ImageFile, ImageOps

from models.common.arrays import U8
from streamer.media.heif import MOST_PIXELS

ROW_BY_ROW = ("PNG", "GIF", "BMP", "TIFF")
"""Formats of which the rows that are there can be had, as Pillow calls them."""

RIFF, VP8 = 12, 20
"""Bytes of a WebP file before its first chunk, and before what a lossy picture is coded as."""

_one_at_a_time = threading.Lock()


def what_is_there(data: bytes) -> U8 | None:
    """Return a picture whose file is cut short, (H, W, 3) RGB, black or grey where it is missing.

    Returns:
        None where the format, or so little, tells nothing.
    """
    pixels = _webp(data) if data[:4] == b"RIFF" else _rows(data)
    return pixels if pixels is not None and (pixels != pixels[0, 0]).any() else None


def _rows(data: bytes) -> U8 | None:
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            with Image.open(io.BytesIO(data), formats=ROW_BY_ROW) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    return None
                return np.array(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
        # Whatever the end of a file leads its decoder to.
        except Exception:
            return None
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False


def _webp(data: bytes) -> U8 | None:
    """Return a lossy picture: its lengths are made those that are there, and FFmpeg decodes what it gets."""
    if data[RIFF : RIFF + 4] != b"VP8 ":
        return None
    whole = data[:4] + _length(data, RIFF - 4) + data[8 : VP8 - 4] + _length(data, VP8) + data[VP8:]
    try:
        with av.open(io.BytesIO(whole), "r") as container:
            stream = container.streams.video[0]
            if stream.codec_context.width * stream.codec_context.height > MOST_PIXELS:
                return None
            for frame in container.decode(stream):
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    except (av.error.FFmpegError, IndexError):
        return None
    return None


def _length(data: bytes, after: int) -> bytes:
    return (len(data) - after).to_bytes(4, "little")
