"""`earshot caption`: what pictures show, a JSON line each."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from streamer.errors import UserError

if TYPE_CHECKING:
    from models.vision.captioning_runtime import SceneText

BEAMS = (1, 3, 5)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file that OpenCV knows, the right way up: (H, W, 3) RGB.

    Raises:
        UserError: it cannot be read or is no picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        with _without_stderr():
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error as error:
        raise UserError(f"{path} is too large a picture") from error
    if picture is None:
        raise UserError(f"{path} is not a picture")
    return np.asarray(picture[:, :, ::-1], np.uint8)


@contextlib.contextmanager
def _without_stderr() -> Iterator[None]:
    """Libraries that decode pictures write complaints of their own there; a command says what is wrong in one line."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def describe(paths: Iterable[Path], beam: int = 3) -> Iterator[tuple[Path, SceneText]]:
    """Captions of picture files, one after the other.

    Args:
        paths: Of the pictures.
        beam: Sentences kept while searching.

    Yields:
        Path and caption.

    Raises:
        UserError: a file cannot be read or is no picture.
    """
    pictures = ((path, read_picture(path)) for path in paths)
    # Read before the models are loaded: most mistakes are in the only name, or in all.
    first = list(islice(pictures, 1))

    import torch

    from models.vision.captioning_runtime import Captioner
    from models.vision.image_runtime import ImageRuntime, fit

    torch.set_num_threads(1)
    encoder, captioner = ImageRuntime(), Captioner()
    for path, picture in chain(first, pictures):
        grids = encoder.encode(fit(picture)[np.newaxis])
        yield path, captioner.caption(grids, beam)[0]


def describe_command(paths: list[Path], *, beam: int = 3) -> int:
    """`describe` as a command: `image`, `caption`, and `words`, each with where was looked most for it.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `describe`; also if `beam` is none of those that can be chosen.
    """
    if beam not in BEAMS:
        raise UserError(f"beam must be one of {', '.join(map(str, BEAMS))}, not {beam}")
    for path, scene in describe(paths, beam):
        places = zip(scene.words, scene.peaks(), strict=True)
        words = [{"word": word, "peak": [round(x, 3), round(y, 3)]} for word, (x, y) in places]
        print(json.dumps({"image": str(path), "caption": scene.text, "words": words}), flush=True)
    return 0
