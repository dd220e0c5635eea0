"""`earshot caption`: what pictures show, a JSON line each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.common.arrays import U8
from streamer.commands.batch import each
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.file_name import as_text
from streamer.media.still import read_still

BEAMS = (1, 3, 5)


def describe_command(paths: list[Path], *, beam: int = 3) -> int:
    """Print a line of JSON a picture: `image`, `caption`, and `words`, each with where was looked most for it.

    Args:
        paths: Of the pictures.
        beam: Sentences kept while searching.

    Returns:
        Exit code, see `streamer.commands.batch.each`.

    Raises:
        UserError: `beam` is none of those that can be chosen, or the only picture cannot be read.
    """
    if beam not in BEAMS:
        raise UserError(f"beam must be one of {', '.join(map(str, BEAMS))}, not {beam}")
    describe: Callable[[U8], dict[str, object]] | None = None

    def one(path: Path) -> None:
        nonlocal describe
        still = read_still(path)
        # Not before there is a picture: most mistakes are in the only name, or in all.
        describe = describe or _describer(beam)
        print(json.dumps({"image": as_text(path), **describe(still.pixels)}), flush=True)
        tell(path, still.notes)

    return each(paths, one)


def _describer(beam: int) -> Callable[[U8], dict[str, object]]:
    import torch

    from models.vision.captioning_runtime import Captioner
    from models.vision.image_runtime import ImageRuntime, fit

    torch.set_num_threads(1)
    encoder, captioner = ImageRuntime(), Captioner()

    def describe(picture: U8) -> dict[str, object]:
        scene = captioner.caption(encoder.encode(fit(picture)[np.newaxis]), beam)[0]
        places = zip(scene.words, scene.peaks(), strict=True)
        words = [{"word": word, "peak": [round(x, 3), round(y, 3)]} for word, (x, y) in places]
        return {"caption": scene.text, "words": words}

    return describe
