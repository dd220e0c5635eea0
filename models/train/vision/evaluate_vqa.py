"""How well questions are answered, and how far the probabilities of answers can be trusted."""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F32, F64, I64, Bools
from models.train.data.daquar import Question
from models.train.vision.vqa_data import Rooms, right_answers
from models.vision.embed import PLACES, padded
from models.vision.vocabulary import UNKNOWN, Vocabulary
from models.vision.vqa import QuestionNet, load_question_net

_HALF = 0.5
"""Share of the answers called known that should be right."""


@torch.inference_mode()
def score(net: QuestionNet, vocabulary: Vocabulary, seen: Tensor, questions: list[Question]) -> Tensor:
    """Score (Q, answers) of questions about pictures whose places are (N, 49, 512)."""
    found = []
    for at in range(0, len(questions), 200):
        some = questions[at : at + 200]
        numbers = [vocabulary.encode(question.text) or [UNKNOWN] for question in some]
        lengths = torch.tensor([len(row) for row in numbers])
        found.append(net(seen[[question.picture for question in some]].float(), padded(numbers), lengths))
    return torch.cat(found)


@torch.no_grad()
def calibrate(net: QuestionNet, scores: Tensor, truth: Tensor) -> None:
    """Set temperature and threshold so that probabilities mean what they say on these questions.

    The temperature makes the mean probability of the best answer equal to how often it is right, unanswerable
    questions counted; the threshold is the lowest above which half the answers or more are right.
    """
    hit = (scores.argmax(1) == truth).float()
    low, high = 0.2, 5.0
    for _ in range(30):
        net.temperature.fill_((low * high) ** 0.5)
        if net.probabilities(scores).amax(1).mean() > hit.mean():
            low = float(net.temperature)
        else:
            high = float(net.temperature)
    sure, order = net.probabilities(scores).amax(1).sort(descending=True)
    share = hit[order].cumsum(0) / torch.arange(1, len(order) + 1)
    good = torch.nonzero(share[20:] >= _HALF)
    net.least.fill_(float(sure[20 + int(good[-1])]) if len(good) else 1.0)


def calibration_error(sure: F32, hit: Bools, bins: int = 10) -> float:
    """Return the expected calibration error: mean distance of probability and share right, in equally full bins."""
    order = np.argsort(sure)
    gaps = [len(part) * abs(sure[part].mean() - hit[part].mean()) for part in np.array_split(order, bins)]
    return float(sum(gaps) / len(sure))


def interval(values: F64, pictures: I64, draws: int = 2000) -> tuple[float, float]:
    """Bootstrap a 95 % interval of a mean over questions; whole pictures are drawn, since theirs hang together."""
    rng = np.random.default_rng(0)
    _, group = np.unique(pictures, return_inverse=True)
    total, count = np.bincount(group, values), np.bincount(group)
    drawn = rng.integers(0, len(total), (draws, len(total)))
    low, high = np.percentile(total[drawn].sum(1) / count[drawn].sum(1), (2.5, 97.5))
    return float(low), float(high)


def evaluate(options: argparse.Namespace) -> None:
    """Print the figures of weights on the pictures kept apart."""
    data = Rooms(options.data, options.cache)
    questions = data.questions["test"]
    pictures = np.array([question.picture for question in questions])
    hits, results = {}, {}
    for name, path in (("picture and question", options.evaluate), ("question only", options.baseline)):
        net, vocabulary, answers = load_question_net(path)
        net.blind = name == "question only"
        truth = right_answers(questions, answers)
        seen = torch.zeros(pictures.max() + 1, PLACES, 1) if net.blind else data.seen(net.places)
        scores = score(net, vocabulary, seen, questions)
        results[name] = net, scores
        hits[name] = (scores.argmax(1) == truth).numpy()
    most = Counter(question.answer for question in data.questions["train"]).most_common(1)[0][0]
    hits[f'always "{most}"'] = np.array([question.answer == most for question in questions])
    print(f"{len(questions)} questions about {len(set(pictures.tolist()))} pictures, {len(answers)} answers")
    print(f"answers the network can give: {100 * (truth >= 0).float().mean():.1f} % of the questions")
    for name, hit in hits.items():
        low, high = interval(hit.astype(float), pictures)
        print(f"{name}: {100 * hit.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    gain = hits["picture and question"].astype(float) - hits["question only"]
    low, high = interval(gain, pictures)
    print(f"gain over question only: {100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})")
    net, scores = results["picture and question"]
    hit = hits["picture and question"]
    for name, probabilities in (
        ("as trained", torch.softmax(scores, 1)),
        ("with temperature", net.probabilities(scores)),
    ):
        print(f"calibration error {name}: {100 * calibration_error(probabilities.amax(1).numpy(), hit):.1f} %")
    sure = net.probabilities(scores).amax(1).numpy()
    known = sure >= float(net.least)
    print(
        f"known (above {float(net.least):.2f}): {100 * known.mean():.1f} % of the questions, of which "
        f"{100 * hit[known].mean():.1f} % right; the rest would be {100 * hit[~known].mean():.1f} % right"
    )
