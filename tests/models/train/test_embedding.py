"""Training of the joint embedding: the loss, the figures and the components, on made-up numbers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.train.data.flickr8k import StoredGrids
from models.train.vision import train_embedding
from models.train.vision.picture_places import all_places, components, reduced
from models.train.vision.train_embedding import contrast, recall, said_of
from models.vision.embed import CHANNELS, PLACES, REDUCED, load_embedding
from models.vision.vocabulary import Vocabulary

COLOURS, THINGS = ("red", "blue", "green", "white"), ("car", "dog", "boat", "house")


def stored(count: int, seed: int = 0) -> StoredGrids:
    rng = np.random.default_rng(seed)
    middle = rng.standard_normal((count, 112, 14, 14)).astype(np.float16)
    return StoredGrids(middle, rng.random((count, 1280, 7, 7)).astype(np.float16))


def test_recall_counts_what_stands_before_the_right_one() -> None:
    image = torch.eye(20)
    text = image.repeat_interleave(5, 0)
    assert recall(image, text)["sum"] == pytest.approx(600)
    # Every caption now points at the picture after its own: right one second.
    text = 0.5 * text + torch.roll(image, -1, 1).repeat_interleave(5, 0)
    figures = recall(image, text)
    assert figures["find_1"] == 0 and figures["find_5"] == figures["find_10"] == 100


def test_contrast_is_least_where_pairs_match_and_leaves_out_what_is_true_as_well() -> None:
    points, sharp = torch.eye(4), torch.tensor(3.0)
    assert contrast(points, points, sharp) < 1e-6
    assert contrast(points, points.roll(1, 0), sharp) > 5
    # Two pictures of the same thing: without the mask either text is half wrong.
    image = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    also = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    assert contrast(image, image, sharp) > 0.4
    assert contrast(image, image, sharp, also) < 1e-6


def test_said_of_joins_the_captions_of_a_picture() -> None:
    vocabulary = Vocabulary(["red", "car", "dog"])
    said = said_of([[["red"], ["car"]], [["dog", "xyzzy"]]], vocabulary)
    assert said[:, vocabulary.encode("red car dog")].tolist() == [[True, True, False], [False, False, True]]


def test_components_are_uncorrelated_and_centred() -> None:
    grids = stored(12)
    reduce = components(grids, 16, range(12))
    x = reduce(all_places(grids, range(12)).flatten(0, 1)).detach()
    assert x.mean(0).abs().max() < 1e-3
    correlation = torch.corrcoef(x.T)
    assert (correlation - torch.eye(16)).abs().max() < 1e-2
    assert (x.var(0)[:-1] >= x.var(0)[1:] - 1e-4).all()


def test_reduced_is_what_the_layer_gives_in_half_precision() -> None:
    grids = stored(3)
    reduce = torch.nn.Linear(CHANNELS, REDUCED)
    exact = reduce(all_places(grids, slice(None))).detach()
    halved = reduced(reduce, grids)
    assert halved.shape == (3, PLACES, REDUCED) and halved.dtype == torch.bfloat16
    assert (halved.float() - exact).abs().max() < 0.05 * exact.abs().max()


def test_a_run_learns_a_tiny_world_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [[[colour, thing]] * 5 for colour in COLOURS for thing in THINGS]
    grids = stored(16, seed=1)

    def tiny(data: Path, cache: Path, split: str) -> tuple[list[StoredGrids], train_embedding.Captions]:
        return [grids] * (2 if split == "train" else 1), captions

    monkeypatch.setattr(train_embedding, "captions_of", tiny)
    monkeypatch.setattr(train_embedding, "EVERY", 5)
    monkeypatch.setattr(train_embedding.time, "process_time", iter(range(10_000)).__next__)
    options = argparse.Namespace(
        data=tmp_path,
        cache=tmp_path,
        out=tmp_path / "x.safetensors",
        minutes=0.5,
        resume=False,
        rows=4,
        rate=3e-3,
        seed=0,
    )
    first = train_embedding.EmbeddingTrainer(options)
    first.run()
    assert first.step == 30 and options.out.exists()
    curve = [json.loads(line) for line in options.out.with_suffix(".jsonl").read_text().splitlines()]
    assert [line["step"] for line in curve] == [5, 10, 15, 20, 25, 30]
    assert curve[-1]["loss"] < curve[0]["loss"]
    net, vocabulary = load_embedding(options.out)
    assert set(vocabulary.words) == {*COLOURS, *THINGS}
    assert max(line["sum"] for line in curve) == pytest.approx(first.best, abs=0.01)

    options.resume, options.minutes = True, 0.75
    again = train_embedding.EmbeddingTrainer(options)
    assert (again.step, again.best) == (30, first.best)
    again.run()
    assert again.step == 45
    assert net.centre.abs().max() > 0
