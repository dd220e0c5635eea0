"""Answers as the product uses them: the image encoder's grids and typed questions in, three answers each out."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch

from models.vision.embed import padded, places
from models.vision.image_runtime import GridArrays
from models.vision.vocabulary import UNKNOWN
from models.vision.vqa import WEIGHTS, load_question_net

LONGEST = 30
"""Words of a question that count."""

BEST = 3


class Answer(NamedTuple):
    """What is said to a question.

    Attributes:
        answers: The three most probable with their probabilities, the best first.
        known: False where the best is too improbable to be said: "I don't know".
    """

    answers: tuple[tuple[str, float], ...]
    known: bool


class Answerer:
    """Answers questions about pictures. The process that uses this should hold torch to one thread.

    Args:
        weights: path of the weights.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._net, self._vocabulary, answers = load_question_net(weights)
        self.answers = [answer.replace("_", " ") for answer in answers]

    @torch.inference_mode()
    def answer(self, grids: GridArrays, questions: list[str]) -> list[Answer]:
        """Answer one question about each picture.

        A question of which no word was ever seen in training is not known.

        Args:
            grids: middle (B, 112, 14, 14) and top (B, 1280, 7, 7), as `ImageRuntime.encode` gives them.
            questions: B of them, English, case and marks do not matter; only the first 30 words count.

        Returns:
            B answers.

        Raises:
            ValueError: there are not as many questions as pictures.
        """
        if len(questions) != len(grids.top):
            raise ValueError(f"{len(grids.top)} pictures need as many questions, not {len(questions)}")
        if not questions:
            return []
        numbers = [self._vocabulary.encode(question)[:LONGEST] or [UNKNOWN] for question in questions]
        seen = self._net.places(places(torch.from_numpy(grids.middle), torch.from_numpy(grids.top)))
        probabilities, best = self._net.probabilities(self._net(seen, padded(numbers))).topk(BEST)
        said = []
        least = self._net.least[best[:, 0]].tolist()
        for row, likely, which, enough in zip(numbers, probabilities.tolist(), best.tolist(), least, strict=True):
            answers = tuple((self.answers[i], p) for i, p in zip(which, likely, strict=True))
            understood = any(number != UNKNOWN for number in row)
            said.append(Answer(answers, understood and likely[0] >= enough))
        return said
