"""A picture file as pixels: whatever format, the right way up; of one that is cut short what there is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from models.common.arrays import U8
from streamer.errors import UserError
from streamer.media.cut_still import what_is_there
from streamer.media.heif import Broken, read_heif

LARGEST = 1 << 30
"""Bytes of a file that is read."""

JPEG, JPEG_END = b"\xff\xd8", b"\xff\xd9"

BEGINNINGS = {
    JPEG: "JPEG",
    b"\x89PNG\r\n": "PNG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
}
"""How files of each format begin."""

HEIF = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True)
class Still:
    """A picture.

    Attributes:
        pixels: Shape (H, W, 3), RGB, uint8.
        notes: Sentences on what is missing of it.
    """

    pixels: U8
    notes: tuple[str, ...] = ()


def read_still(path: Path) -> Still:
    """Return a picture file's picture, the right way up; of a moving one the first.

    Raises:
        UserError: it cannot be read or is no picture.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise UserError(f"{path} is too large a picture")
    try:
        if (pixels := _by_opencv(data)) is not None:
            return Still(pixels)
        if data.startswith(JPEG) and (pixels := _by_opencv(data + JPEG_END)) is not None:
            return Still(pixels, ("the picture is cut short: what is missing is grey",))
        if _is_heif(data):
            return Still(read_heif(data))
        if (pixels := what_is_there(data)) is not None:
            return Still(pixels, ("the picture is damaged or cut short: what is missing is blank",))
    except (Broken, av.error.FFmpegError) as error:
        brand = data[8:12].decode("ascii", "replace").upper()
        raise UserError(f"{path} is not a picture that can be read: {brand} {error}") from error
    except cv2.error as error:
        raise UserError(f"{path} is too large a picture") from error
    kind = next((name for begin, name in BEGINNINGS.items() if data.startswith(begin)), None)
    why = "" if kind is None else f" that can be read: it begins as {kind} does, and is damaged or cut short"
    raise UserError(f"{path} is not a picture{why}")


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in HEIF


def _by_opencv(data: bytes) -> U8 | None:
    if not data:
        return None
    with _without_stderr():
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture[:, :, ::-1], np.uint8)


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Hide what decoding libraries write there: a command says what is wrong in one line of its own."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
