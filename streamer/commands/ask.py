"""`earshot ask`: a question about a picture, answered in a line of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.still import read_still

if TYPE_CHECKING:
    from models.vision.vqa_runtime import Answer


def ask(path: Path, question: str) -> Answer:
    """Answer a question about a picture file.

    Raises:
        UserError: the file cannot be read or is no picture, or the question has no words.
    """
    if not any(character.isalnum() for character in question):
        raise UserError("a question needs words")
    still = read_still(path)
    tell(path, still.notes)

    import torch

    from models.vision.image_runtime import ImageRuntime, fit
    from models.vision.vqa_runtime import Answerer

    torch.set_num_threads(1)
    return Answerer().answer(ImageRuntime().encode(fit(still.pixels)[np.newaxis]), [question])[0]


def ask_command(path: Path, question: str) -> int:
    """`ask` as a command: `image`, `question`, `answers` with probabilities, the best first, and `known`.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `ask`.
    """
    said = ask(path, question)
    answers = [{"answer": answer, "probability": round(p, 3)} for answer, p in said.answers]
    line = {"image": str(path), "question": question, "answers": answers, "known": said.known}
    print(json.dumps(line))
    return 0
