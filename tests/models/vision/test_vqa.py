"""Answers to questions: the network, its calibration, and the parts of its training that decide what is reported."""

from __future__ import annotations

import argparse
import copy
import doctest
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.train.data import daquar as rooms_module
from models.train.data.daquar import Question, other_way_round, split_of
from models.train.vision import evaluate_vqa as evaluation
from models.train.vision import train_vqa as training
from models.train.vision.evaluate_vqa import calibrate, calibration_error, interval
from models.train.vision.vqa_data import kinds_of_answers, known_answers, parts, right_answers
from models.vision.embed import CHANNELS, PLACES, padded
from models.vision.image_encoder import TOP
from models.vision.image_runtime import GridArrays
from models.vision.vqa import FOUND, HEADS, REDUCED, THINGS, Places, QuestionNet, load_question_net
from models.vision.vqa_runtime import BEST, Answerer


@pytest.fixture(scope="module")
def net() -> QuestionNet:
    torch.manual_seed(0)
    return QuestionNet(40, 12).eval()


@pytest.fixture(scope="module")
def answerer() -> Answerer:
    return Answerer()


@pytest.fixture(scope="module")
def grids() -> GridArrays:
    rng = np.random.default_rng(0)
    middle = rng.standard_normal((3, 112, 14, 14)).astype(np.float32)
    return GridArrays(middle, rng.random((3, 1280, 7, 7)).astype(np.float32))


def test_places_are_components_and_roots_of_chances() -> None:
    x = Places()(torch.randn(2, PLACES, CHANNELS))
    assert x.shape == (2, PLACES, REDUCED + THINGS)
    assert torch.allclose((x[..., REDUCED:] / 4).pow(2).sum(-1), torch.ones(2, PLACES), atol=1e-5)


def test_a_question_does_not_depend_on_what_else_is_in_the_batch(net: QuestionNet) -> None:
    places, numbers = torch.randn(2, PLACES, REDUCED + THINGS), [[4, 5], [6, 7, 8, 9, 10]]
    both = net(places, padded(numbers))
    alone = net(places[:1], padded(numbers[:1]))
    assert both.shape == (2, 12) and (both[0] - alone[0]).abs().max() < 1e-5


def test_several_questions_about_a_picture_are_those_one_by_one(net: QuestionNet) -> None:
    places, numbers = torch.randn(2, PLACES, REDUCED + THINGS), [[4, 5], [6, 7, 8], [4], [9, 10]]
    together = net(places, padded(numbers))
    apart = net(places[[0, 0, 1, 1]], padded(numbers))
    assert together.shape == (4, 12) and (together - apart).abs().max() < 1e-5


def seeing(net: QuestionNet) -> QuestionNet:
    """The picture says nothing at first: as if it had learnt to."""
    net = copy.deepcopy(net)
    torch.nn.init.normal_(net.seen.weight, std=0.1)
    return net


def test_picture_and_question_both_count_unless_blind(net: QuestionNet) -> None:
    net = seeing(net)
    places, numbers = torch.randn(1, PLACES, REDUCED + THINGS), padded([[4, 5, 6]])
    base = net(places, numbers)
    assert (net(places + 1, numbers) - base).abs().max() > 1e-3
    assert (net(places, padded([[4, 6, 5]])) - base).abs().max() > 1e-4
    blind = QuestionNet(40, 12, blind=True).eval()
    a, b = (blind(seen, numbers) for seen in (places, places + 1))
    assert torch.equal(a, b)


def test_where_something_is_counts_and_how_often(net: QuestionNet) -> None:
    net = seeing(net)
    places, numbers = torch.randn(1, PLACES, REDUCED + THINGS), padded([[4, 5, 6]])
    assert (net(places.flip(1), numbers) - net(places, numbers)).abs().max() > 1e-5
    once, twice = torch.zeros(2, 1, PLACES, REDUCED + THINGS)
    once[0, 3], twice[0, [3, 40]] = places[0, 3], places[0, 3]
    many = [
        net._look(seen, net.question(numbers))[0, HEADS * FOUND : HEADS * (FOUND + 2)].view(HEADS, 2)[:, 1]
        for seen in (once, twice)
    ]
    assert (many[1] - many[0]).abs().max() > 1e-3


def test_answers_come_with_probabilities_the_best_first(answerer: Answerer, grids: GridArrays) -> None:
    said = answerer.answer(grids, ["what is on the table", "How many chairs are there?", "what colour is the wall"])
    assert len(said) == 3
    for answer in said:
        probabilities = [p for _, p in answer.answers]
        assert len(answer.answers) == BEST and probabilities == sorted(probabilities, reverse=True)
        assert 0 < sum(probabilities) <= 1 + 1e-6
        best = answerer.answers.index(answer.answers[0][0])
        assert answer.known == (probabilities[0] >= float(answerer._net.least[best]))
        assert not any("_" in text for text, _ in answer.answers)


COLOURS = {"white", "black", "brown", "red", "blue", "green", "yellow", "pink", "grey", "gray", "orange"}


@pytest.mark.parametrize(
    ("question", "fits"),
    [
        ("how many people are there", str.isdigit),
        ("is anybody wearing a hat", {"yes", "no"}.__contains__),
        ("is there a dog?", {"yes", "no"}.__contains__),
        ("What color is the shirt?", COLOURS.__contains__),
        ("what is the colour of the wall", COLOURS.__contains__),
        ("what is he doing", lambda answer: answer.endswith("ing")),
    ],
)
def test_questions_of_a_call_are_answered_in_kind(
    answerer: Answerer, grids: GridArrays, question: str, fits: Callable[[str], bool]
) -> None:
    said = answerer.answer(grids, [question] * 3)
    assert all(fits(answer.answers[0][0]) for answer in said)


def test_a_batch_changes_nothing(answerer: Answerer, grids: GridArrays) -> None:
    questions = ["what is on the table", "what is behind the big brown sofa in the corner", "xyzzy"]
    together = answerer.answer(grids, questions)
    alone = answerer.answer(GridArrays(grids.middle[:1], grids.top[:1]), questions[:1])[0]
    assert [text for text, _ in alone.answers] == [text for text, _ in together[0].answers]
    assert alone.answers[0][1] == pytest.approx(together[0].answers[0][1], abs=1e-4)
    assert together[2].known is False


def test_as_many_questions_as_pictures(answerer: Answerer, grids: GridArrays) -> None:
    with pytest.raises(ValueError, match="3 pictures"):
        answerer.answer(grids, ["what"])
    assert answerer.answer(GridArrays(grids.middle[:0], grids.top[:0]), []) == []


def test_pictures_are_split_by_their_names_alone() -> None:
    counts = Counter(split_of(f"image{i}") for i in range(10_000))
    assert 1900 < counts["test"] < 2100
    assert 900 < counts["choose"] < 1100
    assert split_of("image7") == split_of("image7")


def test_in_a_mirror_left_is_right() -> None:
    assert other_way_round("left of the right lamp") == "right of the left lamp"
    assert doctest.testmod(rooms_module).failed == 0


def test_answers_that_are_several_count_for_each() -> None:
    assert parts("cup, table_lamp") == ["cup", "table_lamp"]
    questions = [Question(0, "what", "cup, lamp")] * 2 + [Question(0, "what", "lamp")] + [Question(1, "what", "sofa")]
    assert known_answers(questions) == ["lamp"]
    assert right_answers(questions, ["lamp"]).tolist() == [-1, -1, 0, -1]


KINDS = ["yes or no"] * 2 + ["count"] * 2 + ["rooms"] * 8


def test_an_answer_is_of_the_kind_that_it_most_often_answers() -> None:
    asked = [Question(0, "who", "dog", "thing")] * 2 + [Question(0, "what", "dog, bed", "rooms")]
    assert kinds_of_answers(asked, ["bed", "dog"]) == ["rooms", "thing"]


def test_calibration_makes_the_mean_probability_of_a_kind_the_share_that_is_right(net: QuestionNet) -> None:
    torch.manual_seed(0)
    scores = 6 * torch.randn(6000, 12)
    best = scores.argmax(1)
    right = torch.rand(6000) < torch.where(best < 2, 0.8, 0.4)
    calibrate(net, scores, torch.where(right, best, (best + 1) % 12), KINDS)
    sure = net.probabilities(scores).amax(1)
    for rows in ([0, 1], [2, 3], list(range(4, 12))):
        given = torch.isin(best, torch.tensor(rows))
        assert sure[given].mean() == pytest.approx(float(right[given].float().mean()), abs=1e-3)
        assert len(set(net.temperature[rows].tolist())) == 1
    assert float(net.temperature[0]) < float(net.temperature[2])


def test_above_its_threshold_half_of_a_kind_are_right_and_three_quarters_of_yes_and_no(net: QuestionNet) -> None:
    torch.manual_seed(0)
    scores = 3 * torch.randn(24_000, 12)
    chance = torch.softmax(scores, 1).amax(1)
    truth = torch.where(torch.rand(24_000) < chance**2, scores.argmax(1), -1)
    calibrate(net, scores, truth, KINDS)
    best = scores.argmax(1)
    sure, hit = net.probabilities(scores).amax(1), best == truth
    known = sure >= net.least[best]
    for rows, share in (([0, 1], 0.75), ([2, 3], 0.5), (list(range(4, 12)), 0.5)):
        given = torch.isin(best, torch.tensor(rows))
        assert len(set(net.least[rows].tolist())) == 1
        assert 0.1 < known[given].float().mean() < 0.9
        assert hit[known & given].float().mean() == pytest.approx(share, abs=0.01)


def test_a_kind_that_is_never_right_or_never_given_is_never_known(net: QuestionNet) -> None:
    torch.manual_seed(0)
    scores = 3 * torch.randn(4000, 12)
    scores[:, 2:4] = -100
    best = scores.argmax(1)
    calibrate(net, scores, torch.where(best < 2, -1, best), KINDS)
    assert net.least[:4].tolist() == [1.0] * 4 and net.least[4:].max() < 1


def test_calibration_error_of_what_is_sure_and_wrong() -> None:
    sure = np.linspace(0.1, 0.9, 1000, dtype=np.float32)
    assert calibration_error(sure, np.zeros(1000, bool)) == pytest.approx(0.5, abs=1e-3)
    hit = np.random.default_rng(0).random(1000) < sure
    assert calibration_error(sure, hit) < 0.06


def test_the_interval_is_wider_where_pictures_hang_together() -> None:
    hit = np.repeat(np.random.default_rng(0).random(100) < 0.3, 10).astype(float)
    apart = interval(hit, np.arange(1000))
    together = interval(hit, np.repeat(np.arange(100), 10))
    assert apart[0] < hit.mean() < apart[1]
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


SHOWN = [Question(i, "what is this thing", ("sofa", "lamp")[i % 2]) for i in range(40)] + [
    Question(i, "is this a sofa", ("yes", "no")[i % 2], "yes or no") for i in range(40)
]


class TinyAlbum:
    """Sofas, which light up in the middle, and lamps."""

    def __init__(self, data: Path, cache: Path, mirror: bool = True) -> None:
        train = [question for question in SHOWN if question.picture < 30]
        test = [question for question in SHOWN if question.picture >= 30]
        self.questions = {"train": train, "choose": train, "test": test}

    def __len__(self) -> int:
        return 40

    def prepare(self) -> Places:
        return Places().requires_grad_(False)

    def seen(self, prepared: Places, mirror: bool = False) -> torch.Tensor:
        torch.manual_seed(5)
        x = 0.3 * torch.randn(40, PLACES, REDUCED + THINGS)
        x[::2, 24, :8] += 3.0
        return x

    def seen_of(self, prepared: Places, pictures: list[int]) -> torch.Tensor:
        return self.seen(prepared)[pictures]


def test_a_run_learns_what_only_the_picture_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class TinyText(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.text = nn.Module()
            self.text.words = nn.Embedding(6, 256)

    from models.vision.vocabulary import Vocabulary

    monkeypatch.setattr(training, "Album", TinyAlbum)
    monkeypatch.setattr(training, "load_embedding", lambda path: (TinyText(), Vocabulary(["thing", "what"])))
    monkeypatch.setattr(training.time, "process_time", iter(range(100_000)).__next__)
    options = argparse.Namespace(
        data=tmp_path, cache=tmp_path, out=tmp_path / "x.safetensors", words=tmp_path, minutes=1.0, resume=False,
        blind=False, pictures=5, rate=3e-3, seed=0,
    )  # fmt: skip
    run = training.QuestionTrainer(options)
    run.run()
    curve = [json.loads(line) for line in options.out.with_suffix(".jsonl").read_text().splitlines()]
    assert run.step == 60 and curve[-1]["rooms"] == curve[-1]["yes or no"] == 100.0
    _, vocabulary, answers = load_question_net(options.out)
    assert sorted(answers) == ["lamp", "no", "sofa", "yes"] and "thing" in vocabulary
    monkeypatch.setattr(evaluation, "Album", TinyAlbum)
    rows = {row[0]: row[1:] for row in evaluation.evaluate(tmp_path, tmp_path, options.out, options.out)}
    assert list(rows) == ["all out of captions", "yes or no", "rooms"]
    # Half are sofas.
    assert rows["rooms"][:2] == ["10 of 10 pictures", "100.0 (100.0 to 100.0)"]
    assert [rows["yes or no"][column].split(" ")[0] for column in (2, 3, 4)] == ["50.0", "50.0", "+50.0"]
    options.resume, options.minutes = True, 1.1
    again = training.QuestionTrainer(options)
    assert (again.step, again.best) == (60, run.best)
    again.run()
    assert again.step > 60


def test_things_take_the_places_of_the_coarse_grid() -> None:
    assert Places().things.in_features == TOP
