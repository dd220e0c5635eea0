"""`earshot ask`: a question about pictures, answered in a line of JSON each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.common.arrays import U8
from streamer.commands.batch import each
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.file_name import as_text
from streamer.media.still import read_still

if TYPE_CHECKING:
    from models.vision.vqa_runtime import Answer


def ask_command(paths: Sequence[Path], question: str) -> int:
    """Answer a question about picture files.

    Prints of each a line with `image`, `question`, `answers` with probabilities, the best first, and `known`.

    Args:
        paths: Of the pictures, at least one.
        question: What is asked of each.

    Returns:
        Exit code, see `streamer.commands.batch.each`.

    Raises:
        UserError: the question has no words or is a file; or the only file cannot be read or is no picture.
    """
    if not any(character.isalnum() for character in question):
        raise UserError("a question needs words")
    if os.path.isfile(question):
        raise UserError(f"{question} is a file: the question comes after the pictures")
    answerer: Callable[[U8], Answer] | None = None

    def one(path: Path) -> None:
        nonlocal answerer
        still = read_still(path)
        tell(path, still.notes)
        answerer = answerer or _answerer(question)
        said = answerer(still.pixels)
        answers = [{"answer": answer, "probability": round(p, 3)} for answer, p in said.answers]
        line = {"image": as_text(path), "question": question, "answers": answers, "known": said.known}
        print(json.dumps(line), flush=True)

    return each(paths, one)


def _answerer(question: str) -> Callable[[U8], Answer]:
    import torch

    from models.vision.image_runtime import ImageRuntime, fit
    from models.vision.vqa_runtime import Answerer

    torch.set_num_threads(1)
    encoder, answerer = ImageRuntime(), Answerer()
    return lambda picture: answerer.answer(encoder.encode(fit(picture)[np.newaxis]), [question])[0]
