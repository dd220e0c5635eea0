import numpy as np
import pytest

from models.vision.familiar import Familiar, measured
from models.vision.image_encoder import TOP


def pictures(count, seed, off=0.0):
    """Gists that vary in three directions, and a little in all others."""
    random = np.random.default_rng(seed)
    axes = np.random.default_rng(7).normal(size=(3, 64)).astype(np.float32)
    return random.normal(size=(count, 3)).astype(np.float32) @ axes + 0.1 * random.normal(size=(count, 64)) + off


def test_nine_in_ten_of_its_kind_are_familiar_and_others_are_not():
    familiar = Familiar(measured(pictures(2000, 0), pictures(500, 1), axes=3))
    assert familiar.distance(pictures(500, 2)).mean() == pytest.approx(1, abs=0.05)
    assert familiar.of(pictures(500, 3)).mean() == pytest.approx(0.9, abs=0.04)
    assert not familiar.of(pictures(50, 4, off=0.3)).any()


def test_far_along_a_usual_direction_is_nearer_than_across():
    familiar = Familiar(measured(pictures(2000, 0), pictures(500, 1), axes=3))
    mean = pictures(2000, 0).mean(0)
    along, across = np.linalg.qr(np.random.default_rng(7).normal(size=(3, 64)).T)[0][:, 0], np.eye(64)[5]
    assert familiar.distance((mean + along)[None])[0] < 0.5 * familiar.distance((mean + across)[None])[0]


def test_what_is_shipped_judges_gists():
    familiar = Familiar.load()
    gists = np.random.default_rng(0).normal(size=(3, TOP)).astype(np.float32)
    assert familiar.of(gists / np.linalg.norm(gists, axis=1, keepdims=True)).tolist() == [False] * 3


def test_missing_measurements_are_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        Familiar.load(tmp_path / "familiar.safetensors")
