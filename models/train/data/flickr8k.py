"""Flickr8k's pictures with their captions, and what the frozen image encoder sees in them, worked out once.

    pictures, captions = flickr8k(data, "train")         # (6000, 224, 224, 3) uint8, five sentences each
    seen = grids(pictures, Path("/tmp/pictures/train"))  # seen.middle (6000, 112, 14, 14), seen.top (6000, 1280, 7, 7)
    other = grids(mirrored(pictures), Path("/tmp/pictures/train-mirrored"))

The second call with the same pictures reads the files of the first; a call from another process at the same time
waits for it. Files of other pictures, or of other encoder weights, are made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch

from models.common.arrays import F16, U8
from models.vision.image_encoder import ImageEncoder, load_image_encoder, normalise

_NAME = "flickr8k_train_dev"
_MIDDLE, _TOP = (112, 14, 14), (1280, 7, 7)


class StoredGrids(NamedTuple):
    """The encoder's two grids of N pictures, as read-only memory-mapped files.

    Attributes:
        middle: (N, 112, 14, 14) float16.
        top: (N, 1280, 7, 7) float16.
    """

    middle: F16
    top: F16


def flickr8k(data: Path, split: Literal["train", "dev"]) -> tuple[U8, list[list[str]]]:
    """Load pictures and captions of one part, in the order of the set's list.

    Args:
        data: Folder that holds `captions/flickr8k_train_dev.zip` and `.json`.
        split: "train" (6,000 pictures) or "dev" (1,000).

    Returns:
        Pictures (N, 224, 224, 3) uint8 RGB and, for each, its five captions as they were written.

    Raises:
        FileNotFoundError: the set is not there.
        ValueError: a picture cannot be read or has another size.
    """
    listed = _listed(data, split)
    pictures = np.empty((len(listed), 224, 224, 3), np.uint8)
    with zipfile.ZipFile(data / "captions" / f"{_NAME}.zip") as archive:
        for row, name in enumerate(listed):
            packed = np.frombuffer(archive.read(f"{split}/{name}"), np.uint8)
            picture = cv2.imdecode(packed, cv2.IMREAD_COLOR)
            if picture is None or picture.shape != (224, 224, 3):
                raise ValueError(f"{split}/{name}: not a picture of 224x224")
            pictures[row] = picture[:, :, ::-1]
    return pictures, list(listed.values())


def flickr8k_captions(data: Path, split: Literal["train", "dev"]) -> list[list[str]]:
    """Load the captions of one part alone, in the order of the set's list.

    Raises:
        FileNotFoundError: the set is not there.
    """
    return list(_listed(data, split).values())


def _listed(data: Path, split: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads((data / "captions" / f"{_NAME}.json").read_text())[split]
    return found


def mirrored(pictures: U8) -> U8:
    """Swap left and right; shape (N, H, W, 3) stays."""
    return np.ascontiguousarray(pictures[:, :, ::-1])


def grids(pictures: U8, cache: Path, device: str = "cpu", rows: int = 32) -> StoredGrids:
    """Return the frozen image encoder's grids of all pictures.

    Args:
        pictures: (N, 224, 224, 3) uint8 RGB.
        cache: Folder for the two files (170 kB a picture), made if need be.
        device: Torch device of the encoder.
        rows: Pictures a batch.

    Returns:
        The grids, float16, on disk.
    """
    cache.mkdir(parents=True, exist_ok=True)
    encoder = load_image_encoder()
    name = _fingerprint(pictures, encoder)
    done, paths = cache / "done.txt", (cache / "middle.npy", cache / "top.npy")
    with _alone(cache):
        if not done.exists() or done.read_text() != name:
            done.unlink(missing_ok=True)
            files = [
                np.lib.format.open_memmap(path, "w+", np.float16, (len(pictures), *shape))
                for path, shape in zip(paths, (_MIDDLE, _TOP), strict=True)
            ]
            _encode(encoder.to(device), pictures, device, rows, files)
            for file in files:
                file.flush()
            done.write_text(name)
    middle, top = (np.load(path, mmap_mode="r") for path in paths)
    return StoredGrids(middle, top)


@torch.inference_mode()
def _encode(encoder: ImageEncoder, pictures: U8, device: str, rows: int, into: Sequence[F16]) -> None:
    for at in range(0, len(pictures), rows):
        seen = encoder(normalise(torch.from_numpy(pictures[at : at + rows]).to(device)))
        for file, grid in zip(into, seen, strict=True):
            file[at : at + rows] = grid.cpu().numpy()


def _fingerprint(pictures: U8, encoder: ImageEncoder) -> str:
    """Hash what changes with any picture and any of the encoder's weights."""
    digest = hashlib.sha256(str(pictures.shape).encode())
    digest.update(np.ascontiguousarray(pictures).data)
    for value in encoder.state_dict().values():
        digest.update(np.ascontiguousarray(value.numpy()).data)
    return digest.hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes for the block."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
