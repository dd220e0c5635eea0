"""How well questions are answered, and how far the probabilities of answers can be trusted."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F32, F64, I64, Bools, Strings
from models.train.data.caption_questions import KINDS
from models.train.data.daquar import Question
from models.train.vision.vqa_data import Album, right_answers
from models.vision.embed import PLACES, padded
from models.vision.vocabulary import UNKNOWN, Vocabulary
from models.vision.vqa import QuestionNet, load_question_net

SHARE_RIGHT = {"yes or no": 0.75}
"""Share of the answers called known that should be right: halfway between a guess and certainty; else a half."""

_TOGETHER = 200


@torch.inference_mode()
def score(net: QuestionNet, vocabulary: Vocabulary, seen: Tensor, questions: list[Question]) -> Tensor:
    """Score (Q, answers) of questions about pictures whose places are (N, 49, 512)."""
    found = []
    for at in range(0, len(questions), _TOGETHER):
        some = questions[at : at + _TOGETHER]
        numbers = [vocabulary.encode(question.text) or [UNKNOWN] for question in some]
        found.append(net(seen[[question.picture for question in some]].float(), padded(numbers)))
    return torch.cat(found)


@torch.no_grad()
def calibrate(net: QuestionNet, scores: Tensor, truth: Tensor, kinds: list[str]) -> None:
    """Set temperatures and thresholds so that probabilities mean what they say on these questions.

    The temperature of a kind of answers makes the mean probability of those that are given equal to how often they are
    right, unanswerable questions counted; its threshold is the lowest above which enough of them are right.

    Args:
        net: Its `temperature` and `least` are set.
        scores: (Q, answers).
        truth: (Q,) numbers of the right answers, -1 where the network cannot give it.
        kinds: Of each answer, its kind.
    """
    best = scores.argmax(1)
    hit = (best == truth).float()
    of_answers = np.array(kinds)
    for kind in np.unique(of_answers):
        of_it = torch.from_numpy(of_answers == kind)
        given = of_it[best]
        if not given.any():
            net.least[of_it] = 1
            continue
        low, high = 0.2, 5.0
        for _ in range(30):
            net.temperature[of_it] = middle = (low * high) ** 0.5
            if net.probabilities(scores[given]).amax(1).mean() > hit[given].mean():
                low = middle
            else:
                high = middle
        sure = net.probabilities(scores[given]).amax(1)
        net.least[of_it] = _threshold(sure, hit[given], SHARE_RIGHT.get(str(kind), 0.5))


def _threshold(sure: Tensor, hit: Tensor, share: float, least: int = 20) -> float:
    """Return the lowest probability above which at least this share is right; 1 if there is none, or no evidence."""
    sure, order = sure.sort(descending=True)
    right = hit[order].cumsum(0) / torch.arange(1, len(order) + 1)
    good = torch.nonzero(right[least:] >= share)
    return float(sure[least + int(good[-1])]) if len(good) else 1.0


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


HEAD = (
    "questions",
    "asked",
    "picture and question, % right",
    "question only",
    "most frequent",
    "gain of the picture, points",
    "calibration error, %",
    "said, %",
    "of them right, %",
)


def evaluate(data: Path, cache: Path, weights: Path, baseline: Path) -> list[list[str]]:
    """Measure weights on the pictures kept apart.

    Args:
        data: Folder of the data.
        cache: Folder for the encoder's grids.
        weights: Of the network that sees.
        baseline: Of one trained `--blind`.

    Returns:
        A row for all questions out of captions, and for each kind, under `HEAD`; intervals are 95 %.
    """
    album = Album(data, cache, mirror=False)
    shown, pictures = np.unique([question.picture for question in album.questions["test"]], return_inverse=True)
    questions = [
        replace(question, picture=int(at)) for question, at in zip(album.questions["test"], pictures, strict=True)
    ]
    net, vocabulary, answers = load_question_net(weights)
    truth = right_answers(questions, answers)
    scores = score(net, vocabulary, album.seen_of(net.places, shown.tolist()), questions)
    best = scores.argmax(1)
    hit = (best == truth).numpy()
    sure = net.probabilities(scores).amax(1).numpy()
    said = sure >= net.least[best].numpy()

    other, vocabulary, answers = load_question_net(baseline)
    other.blind = True
    blind = score(other, vocabulary, torch.zeros(len(shown), PLACES, 1), questions)
    guessed = (blind.argmax(1) == right_answers(questions, answers)).numpy()

    kinds = np.array([question.kind for question in questions])
    given = np.array([question.answer for question in questions])
    usual = given == _most_frequent(album.questions["train"], kinds)
    groups = {"all out of captions": kinds != "rooms"} | {kind: kinds == kind for kind in (*KINDS, "rooms")}
    rows = []
    for name, of_it in groups.items():
        if not of_it.any():
            continue
        which = pictures[of_it]
        rows.append(
            [name, f"{of_it.sum():,} of {len(set(which.tolist()))} pictures"]
            + [_percent(hits[of_it], which) for hits in (hit, guessed, usual)]
            + [_percent(hit[of_it].astype(float) - guessed[of_it], which, "+")]
            + [f"{100 * calibration_error(sure[of_it], hit[of_it]):.1f}"]
            + [f"{100 * said[of_it].mean():.1f}"]
            + [f"{100 * hit[of_it & said].mean():.1f}" if said[of_it].any() else "-"]
        )
    return rows


def _most_frequent(learnt: list[Question], kinds: Strings) -> Strings:
    """Return for each question the commonest answer of its kind in the training part."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for question in learnt:
        counts[question.kind][question.answer] += 1
    best = {kind: answers.most_common(1)[0][0] for kind, answers in counts.items()}
    return np.array([best[kind] for kind in kinds])


def _percent(values: Bools | F64, pictures: I64, sign: str = "") -> str:
    low, high = (f"{100 * value:{sign}.1f}" for value in interval(values.astype(float), pictures))
    return f"{100 * values.mean():{sign}.1f} ({low} to {high})"
