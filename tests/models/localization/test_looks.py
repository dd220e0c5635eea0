"""What does not move with its sound is found by look: a dog that is heard, where something looks like a dog."""

import numpy as np
import pytest

from models.localization.looks import SOURCES, heard_sources, looks_like, seen_sources
from models.localization.runtime import Localizer, load_localizer
from models.train.localization.train_looks import IMAGENET, WORDS
from models.vision.image_runtime import GridArrays

DOG = list(SOURCES).index("dog")
BARK, MOO = 70, 86


class Hears:
    """One sound of the 521, at all times."""

    def __init__(self, sound):
        self.sound = sound

    def __call__(self, pcm):
        sounds = np.zeros((len(pcm), 1, 521), np.float32)
        sounds[:, :, self.sound] = 0.81
        return sounds, np.zeros((len(pcm), 1, 1024), np.float32)


class Sees:
    """A dog in the third column of the fifth row of seven, and nothing else."""

    def encode(self, rgb):
        looks = load_localizer()[3].named
        top = np.zeros((len(rgb), 1280, 7, 7), np.float32)
        dog = looks.weight[DOG].numpy()
        top[:, :, 4, 2] = dog * (4.0 - float(looks.bias[DOG])) / float(dog @ dog)
        return GridArrays(np.zeros((len(rgb), 112, 14, 14), np.float32), top)


def shown(sound, loud=0.1):
    """The last map of two seconds in which nothing moves."""
    localizer, picture = Localizer(images=Sees(), sounds=Hears(sound)), np.full((224, 224, 3), 90, np.uint8)
    state, noise = localizer.open(), np.random.default_rng(0).normal(0, loud, 32_000).astype(np.float32)
    for i in range(50):
        localizer.see(state, i * 0.04, picture)
    localizer.hear(state, 0.0, noise)
    return localizer.locate([state])[0]


def test_a_dog_that_barks_and_does_not_move_is_lit():
    found = shown(BARK)
    assert found.score >= 0.5 and found.peak is not None and found.box is not None
    assert found.peak == pytest.approx((2.5 / 7, 4.5 / 7), abs=1 / 14)
    assert found.box[2] < 0.4 and found.box[3] < 0.4


def test_a_dog_is_not_lit_by_a_cow_or_in_silence():
    assert shown(MOO).peak is None
    assert shown(BARK, 1e-5).score == 0


def test_the_likeliest_source_counts_by_the_root_of_what_is_heard():
    sounds = np.zeros(521, np.float32)
    sounds[[BARK, MOO, 0]] = 0.25, 0.81, 1.0
    heard = heard_sources(sounds)
    assert heard[DOG] == 0.25 and heard[list(SOURCES).index("cow")] == pytest.approx(0.81) and (heard > 0).sum() == 2
    logits = np.full((7, 7, 30), -30.0, np.float32)
    logits[:, :, DOG] = 30
    np.testing.assert_allclose(looks_like(heard, seen_sources(logits)), 0.5, atol=1e-5)


def test_every_source_has_a_teacher():
    assert set(SOURCES) == set(IMAGENET) | set(WORDS)
    assert list(SOURCES)[: len(IMAGENET)] == list(IMAGENET)
    assert all(0 <= number < 521 for numbers in SOURCES.values() for number in numbers)
