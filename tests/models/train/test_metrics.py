"""Figures of separation against known answers."""

import json
import math

import numpy as np
import pytest
import torch

from models.train.data.speakers import LISTS, SPLITS, by_rule, split_of
from models.train.separation.metrics import decibel, interval, plain_words, sdr, si_sdr, word_errors
from models.train.voiceprint.evaluate import equal_error_rate


def noise(rows: int, seed: int, length: int = 8000) -> torch.Tensor:
    return torch.randn(rows, length, generator=torch.Generator().manual_seed(seed))


def test_decibels_of_known_ratios() -> None:
    x = noise(2, 0)
    assert decibel(10 * x, x).tolist() == pytest.approx([20, 20], abs=1e-4)


@pytest.mark.parametrize("gain", [0.1, 1.0, 5.0])
def test_si_sdr_is_the_ratio_whatever_the_scale(gain: float) -> None:
    voice, rest = noise(1, 1, 160_000), noise(1, 2, 160_000)
    rest = rest - (rest * voice).sum() / (voice * voice).sum() * voice
    value = si_sdr(gain * (voice + 0.1 * rest), voice)
    assert float(value) == pytest.approx(float(decibel(voice, 0.1 * rest)), abs=1e-3)


def test_sdr_forgives_a_filter_and_si_sdr_does_not() -> None:
    voice = noise(1, 3)
    late = torch.nn.functional.pad(voice, (40, 0))[:, :8000] + 0.5 * voice
    assert float(sdr(late, voice)) > 20
    assert float(si_sdr(late, voice)) < 0
    assert float(sdr(noise(1, 4), voice)) < 0


def test_interval_is_wider_when_talkers_and_not_scenes_are_drawn() -> None:
    rng = np.random.default_rng(0)
    talkers = np.repeat(np.arange(10), 8)
    values = (rng.normal(0, 5, 10)[talkers] + rng.normal(0, 1, 80)).tolist()
    low, high = interval(values)
    wide_low, wide_high = interval(values, talkers.tolist())
    assert low < np.mean(values) < high and wide_low < low and wide_high > high
    assert interval(values) == (low, high)


def test_interval_leaves_out_what_is_no_number() -> None:
    assert interval([1.0, 1.0, math.nan]) == (1.0, 1.0)
    assert all(math.isnan(x) for x in interval([math.nan]))


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "", 3),
        ("", "a b", 2),
        ("mister john dashwood", "Mr. John Dashwood.", 0),
        ("cold hearted", "Cold-hearted!", 0),
        ("a b c d", "a x c d e", 2),
        ("a b c d", "b c d", 1),
    ],
)
def test_word_errors(said: str, heard: str, wrong: int) -> None:
    assert word_errors(said, heard) == (wrong, len(plain_words(said)))


def test_lists_are_those_of_the_rule_and_nobody_is_on_two() -> None:
    lists = json.loads(LISTS.read_text())
    for kind, by in lists.items():
        names = [name for split in SPLITS for name in by[split]]
        assert len(names) == len(set(names)) and set(by) == set(SPLITS)
        for split in SPLITS:
            assert by[split] and all(by_rule(kind, name) == split for name in by[split])
    assert len(lists["librispeech"]["test"]) + len(lists["speechocean762"]["test"]) == 27
    assert split_of("librispeech", "libri-103") == "train"


def test_a_stranger_is_on_no_list() -> None:
    with pytest.raises(KeyError):
        split_of("librispeech", "nobody")


def test_equal_error_rate_of_prints_that_are_sure_lost_and_half_right() -> None:
    who = np.repeat(np.arange(6), 4)
    sure = torch.eye(6)[who] + 0.01 * noise(24, 1, 6)
    rate, own, others = equal_error_rate(sure, who)
    assert rate == 0 and own.min() > others.max() and len(own) == 6 * 6 and len(own) + len(others) == 24 * 23 // 2
    assert equal_error_rate(noise(24, 2, 64), who)[0] == pytest.approx(50, abs=12)
    # Two people who sound alike: of 276 pairs 16 of two people are as near as those of one.
    alike = torch.eye(6)[np.where(who == 5, 4, who)] + 1e-3 * noise(24, 3, 6)
    assert 0 < equal_error_rate(alike, who)[0] < 10
