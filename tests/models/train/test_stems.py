"""Stems of made-up people, and the scenes drawn from them: what must hold of every one."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from models.train.data import activity
from models.train.data.draw import Batch, draw
from models.train.data.reverb import LENGTH, TALKERS
from models.train.data.stems import (
    BLOCK,
    LOUD,
    Stems,
    load_stems,
    speech_blocks,
    write_noise,
    write_split,
)
from tests.models.train.people import write_people

SPEEDS = (1.0, 1.1)
MIXTURES, ROWS, BLOCKS = 60, 3, 60


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Stems:
    data, out = write_people(tmp_path_factory.mktemp("data"), 5, each=2), tmp_path_factory.mktemp("stems")
    bank = np.zeros((1, TALKERS, LENGTH), np.float32)
    bank[..., 16] = 1
    write_split(data, out, "train", bank, SPEEDS, 2)
    write_noise(data, out, 10)
    return load_stems(out, "train", torch.device("cpu"))


@pytest.fixture(scope="module")
def batch(stems: Stems) -> Batch:
    torch.manual_seed(0)
    return draw(stems, MIXTURES, ROWS, BLOCKS)


def test_everybody_is_there_at_each_speed_and_the_faster_are_shorter(stems: Stems) -> None:
    people = 3 * 2 + 1  # two of each of three sets, and one man
    assert len(stems.start) == len(SPEEDS) * people
    usual, fast = stems.blocks[:2].tolist()
    assert usual / fast == pytest.approx(SPEEDS[1], rel=0.01)
    assert torch.equal(stems.start, stems.blocks.cumsum(0) - stems.blocks)
    assert float(stems.chance.sum()) == pytest.approx(1.0)


def test_prints_are_of_length_one_and_tell_people_apart_but_single_sentences_have_none(stems: Stems) -> None:
    known = stems.prints.norm(dim=-1)
    assert stems.prints.shape == (len(stems.start), 2, 192)
    assert known.unique().numel() >= 2 and ((known - 1).abs().lt(1e-4) | (known == 0)).all()
    assert (known[:, 0] == 0).sum() == 2 * len(SPEEDS)
    one, other = stems.prints[0], stems.prints[2]
    assert float(one[0] @ one[1]) > float(one[0] @ other[0])


def test_speech_is_at_its_level(stems: Stems) -> None:
    size = int(stems.blocks[0]) * BLOCK
    sound = stems.sound[:size].float() / 32768
    active = stems.speech[: int(stems.blocks[0])].repeat_interleave(BLOCK) > 0
    assert float(sound[active].pow(2).mean().sqrt()) == pytest.approx(LOUD, rel=0.02)


def test_speech_blocks_close_short_pauses_only() -> None:
    loud = np.ones(40, np.float32)
    loud[10:15], loud[25:38] = 0, 0
    expected = np.ones(40)
    expected[25:38] = 0
    assert speech_blocks(np.repeat(loud, BLOCK)).tolist() == expected.tolist()


def test_a_batch_has_the_shapes_it_says(batch: Batch) -> None:
    rows = MIXTURES * ROWS
    assert batch.mix.shape == (MIXTURES, BLOCKS * BLOCK) and batch.voice.shape == (rows, BLOCKS * BLOCK)
    assert batch.prints.shape == (rows, 192) and batch.odds.shape == (rows, BLOCKS, 2)
    assert batch.of.tolist() == [m for m in range(MIXTURES) for _ in range(ROWS)]
    assert all(torch.isfinite(part).all() for part in (batch.mix, batch.voice, batch.prints, batch.odds))


def test_rows_know_of_each_other_where_they_are_of_one_mixture(batch: Batch) -> None:
    assert torch.equal(batch.beside, batch.beside.T) and batch.beside.diagonal().max() == 0
    assert (batch.of[batch.beside.nonzero()[:, 0]] == batch.of[batch.beside.nonzero()[:, 1]]).all()
    assert set(batch.beside.sum(1).tolist()) == {0.0, ROWS - 1.0}


def test_the_silent_and_the_lone_occur_and_voices_are_counted(batch: Batch) -> None:
    talks = (batch.voice.abs().amax(1) > 0).view(MIXTURES, ROWS).sum(1)
    beyond = batch.voices.view(MIXTURES, ROWS)[:, 0] - talks
    assert {1, 2, 3} <= set(talks.tolist())
    assert set(beyond.tolist()) == {0, 1}  # now and then one more than was asked for


def test_of_one_row_of_a_mixture_at_most_nothing_is_known(batch: Batch) -> None:
    known = (batch.prints.abs().amax(1) > 0) | (batch.odds[..., 1].amax(1) > 0)
    assert 0 < (~known).sum() and (~known).view(MIXTURES, ROWS).sum(1).max() == 1
    assert (batch.beside[~known].sum(1) == ROWS - 1).all()  # it is what the others leave


def test_easy_scenes_for_figures_are_their_voices_alone(stems: Stems) -> None:
    torch.manual_seed(0)
    plain = draw(stems, 8, 2, BLOCKS, ease=1.0, overlapped=True)
    rest = plain.mix - plain.voice.view(8, 2, -1).sum(1)
    ratio = rest.pow(2).mean(1) / plain.mix.pow(2).mean(1)
    assert (ratio < 10**-3).all() and (plain.odds[..., 1].amax(1) == 1).all() and (plain.voices == 2).all()


@pytest.mark.parametrize("mu", [1.0, 1.75])
def test_a_detector_is_calibrated_and_as_good_as_it_should_be(mu: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WEAKEST", mu), ("STRONGEST", mu), ("LATEST", 0), ("EARLIEST", 0), ("_SMOOTH", 1)):
        monkeypatch.setattr(activity, name, value)
    torch.manual_seed(0)
    speech = (torch.rand(2000, 1) < 0.5).float().expand(-1, 200).contiguous()
    odds = activity.log_odds(speech)
    right = ((odds > 0) == (speech > 0)).float().mean()
    assert float(right) == pytest.approx(0.5 * (1 + math.erf(mu / math.sqrt(2))), abs=0.01)
    sure = (odds > 1.9) & (odds < 2.1)
    assert float(speech[sure].mean()) == pytest.approx(1 / (1 + math.exp(-2)), abs=0.02)


def test_a_detector_hears_of_speech_late_and_holds_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "EARLIEST", -6)
    monkeypatch.setattr(activity, "LATEST", 6)
    monkeypatch.setattr(activity, "_SMOOTH", 1)
    torch.manual_seed(0)
    speech = torch.zeros(4000, 40)
    speech[:, 20:] = 1
    mean = activity.log_odds(speech).mean(0)
    assert mean[:26].max() < -1 and mean[26:].min() > 1
    odds = activity.log_odds(speech)
    assert torch.equal(odds[:, ::2], odds[:, 1::2])


def test_a_detector_is_blind_now_and_then() -> None:
    torch.manual_seed(0)
    seen = activity.seen(4000, 50, torch.device("cpu"))
    assert float((seen.amin(1) == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_what_was_not_written_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_stems(tmp_path, "dev", torch.device("cpu"))
