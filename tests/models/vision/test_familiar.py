"""Which pictures are like those that the captioner learnt from."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from models.train.vision.train_familiar import OTHERS, learnt, separation, things
from models.vision.captioning_runtime import gist
from models.vision.familiar import Familiarity, residual
from models.vision.image_runtime import ImageRuntime, fit


def test_what_lies_in_the_directions_of_the_training_is_not_new() -> None:
    mean = np.array([1, 0, 0, 0], np.float32)
    directions = np.array([[0, 1, 0, 0], [0, 0, 1, 0]], np.float32)
    rows = np.array([[1, 5, -7, 0], [1, 2, 0, 3], [5, 1, 1, -3]], np.float32)
    np.testing.assert_allclose(residual(rows, mean, directions), [0, 3, 5], atol=1e-6)


def test_the_limit_keeps_nine_of_ten_and_the_directions_are_those_of_the_training() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(200, 6)).astype(np.float32) * [9, 5, 0, 0, 0, 0]
    choosing = np.zeros((11, 6), np.float32)
    choosing[:, 3] = np.arange(11)
    found = learnt(flat.astype(np.float32), choosing, 2)
    assert found["directions"].shape == (2, 6)
    np.testing.assert_allclose(np.linalg.norm(found["directions"][:, :2].float().numpy(), axis=1), 1, atol=0.1)
    assert float(found["limit"]) == pytest.approx(9, abs=1e-2)


def test_how_often_the_far_are_farther() -> None:
    assert separation(np.array([1, 2], np.float32), np.array([0, 3], np.float32)) == 0.5


def test_textures_print_and_microscopes_are_unlike_holidays_and_their_mean_is_not() -> None:
    encoder, familiarity = ImageRuntime(), Familiarity()
    assert not familiarity.knows(np.concatenate([gist(encoder.encode(one[None])) for one in things()])).any()
    assert len(OTHERS) == 15
    assert familiarity.knows(familiarity._mean[None]).all() and 0.4 < familiarity.limit < 0.9
    cat = gist(encoder.encode(fit(skimage.data.chelsea())[None]))
    assert familiarity.distance(cat)[0] == pytest.approx(residual(cat, familiarity._mean, familiarity._directions)[0])
