"""Tuning to the voices of a recording: what is mixed, what is held back, and that it gains."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.common.arrays import F32
from models.separation.separator import Separator
from models.train.separation import tuning
from models.train.separation.tuning import FRAME, Voice, drawn, gains, judged, mixed, rate_at, tune
from models.voiceprint.encoder import PRINT


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter crops than in earnest, for speed."""
    monkeypatch.setattr(tuning, "CROP", 20)
    monkeypatch.setattr(tuning, "HELD_CROP", 25)
    monkeypatch.setattr(tuning, "MIXTURES", 2)


def voice(level: float, frames: int, visible: bool = True) -> Voice:
    """A voice that is a constant, with lips that count up."""
    lips = np.repeat(np.arange(frames, dtype=np.float32)[:, None], 4, axis=1) + 100 * level
    print = np.full(PRINT, level, np.float32)
    return Voice(np.full(frames * FRAME, level, np.float32), print, lips.astype(np.float32), np.full(frames, visible))


def test_a_scene_asks_for_each_of_its_voices() -> None:
    a, b, c = voice(0.1, 3), voice(0.2, 3), voice(0.4, 3, visible=False)
    batch = mixed([[(a, 2.0), (b, 1.0)], [(c, 1.0), (a, 0.0)], [(a, 1.0), (b, 1.0), (c, 1.0)]], [True, False, True])
    assert batch.mix.shape == batch.voice.shape == (7, 3 * FRAME)
    assert batch.mix[:, 0].tolist() == pytest.approx([0.4, 0.4, 0.4, 0.4, 0.7, 0.7, 0.7])
    assert batch.voice[:, 0].tolist() == pytest.approx([0.2, 0.2, 0.4, 0.0, 0.1, 0.2, 0.4])
    assert batch.prints[:, 0].tolist() == pytest.approx([0.1, 0.2, 0.4, 0.1, 0.1, 0.2, 0.4])
    assert batch.beside.tolist() == [1, 0, 3, 2, 5, 6, 4]
    assert batch.visible[:, :, 0].any(1).tolist() == [True, True, False, False, True, True, False]
    assert batch.lips[1, :, 0].tolist() == [20, 21, 22]


def test_a_mixture_is_of_two_voices_at_a_random_level() -> None:
    voices = [voice(0.1, 20), voice(0.2, 27), voice(0.4, 70)]
    random = np.random.default_rng(0)
    silent, pairs = 0, set()
    for _ in range(120):
        batch = drawn(voices, random)
        assert batch.mix.shape == (2, 20 * FRAME) and batch.beside.tolist() == [1, 0]
        prints = [round(row[0].item(), 1) for row in batch.prints]
        pairs.add(tuple(prints))
        first, second = (said[0].item() / print for said, print in zip(batch.voice, prints, strict=True))
        assert batch.mix[:, 0].tolist() == pytest.approx([batch.voice[:, 0].sum().item()] * 2)
        assert 10 ** (-5 / 20) <= first <= 10 ** (5 / 20) and second == pytest.approx(0.0 if second < 0.5 else 1.0)
        silent += second == 0
        # Whose lips speak is not silent.
        assert second > 0 or not batch.visible.any()
        # Lips are cut where the speech is.
        assert (batch.lips[0].diff(dim=0) == 1).all()
    assert 10 <= silent <= 30 and len(pairs) == 6
    again = drawn(voices, np.random.default_rng(7)), drawn(voices, np.random.default_rng(7))
    assert torch.equal(again[0].mix, again[1].mix)


def test_what_is_judged_is_every_neighbour_at_every_level() -> None:
    two = judged([voice(0.1, 55), voice(0.2, 50)])
    # 25 frames to spare: three windows of 25, each half way into the one before.
    assert [len(batch.mix) for batch in two] == [2 * 3] * 3
    for batch in two:
        assert batch.mix[::2, 0].tolist() == pytest.approx([0.1 * 10 ** (dB / 20) + 0.2 for dB in (-3, 0, 3)])
        assert batch.visible[:, 0, 0].tolist() == [1, 1, 0, 0, 1, 1]
    # The one from its beginning on, the other from its end; their lips tell.
    assert [batch.lips[0, 0, 0].item() for batch in two] == pytest.approx([10, 22, 35])
    assert [batch.lips[1, 0, 0].item() for batch in two] == pytest.approx([45, 33, 20])
    three = judged([voice(level, 25) for level in (0.1, 0.2, 0.4)])
    assert [batch.prints[0, 0].item() for batch in three] == pytest.approx([0.1, 0.2, 0.4])
    assert [batch.prints[1, 0].item() for batch in three] == pytest.approx([0.2, 0.4, 0.1])
    assert len(judged([voice(0.1, 500), voice(0.2, 500)])) == tuning.WINDOWS


@pytest.mark.parametrize(("frames", "held"), [(80, 25), (200, 50), (40, 20)])
def test_a_quarter_is_held_back_and_a_crop_at_least(frames: int, held: int) -> None:
    assert voice(0.1, frames).held_back == held


def test_the_rate_rises_and_falls_to_nothing() -> None:
    assert [rate_at(x) for x in (0.05, 0.1, 0.5, 0.75, 1.0)] == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0])


def speaker(pitch: float, number: int, seconds: float = 4.0) -> Voice:
    """Somebody whose vowels come and go on one pitch."""
    t = np.arange(round(seconds * 16_000)) / 16_000
    random = np.random.default_rng(number)
    envelope = np.repeat(random.uniform(0, 1, len(t) // 1600 + 1), 1600)[: len(t)]
    pcm: F32 = (0.05 * envelope * sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 8))).astype(np.float32)
    frames = len(pcm) // FRAME
    print = np.zeros(PRINT, np.float32)
    print[number] = 8.0
    return Voice(pcm, print, np.zeros((frames, 4), np.float32), np.zeros(frames, bool))


def small() -> Separator:
    torch.manual_seed(0)
    return Separator(width=16, hidden=32, stacks=2, depth=3).eval().requires_grad_(False)


def test_tuning_gains_on_speech_that_was_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "RATE", 1e-2)
    net, voices, told = small(), [speaker(110, 0), speaker(290, 1)], list[float]()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    result = tune(net, voices, 20, tell=told.append)
    assert result.gain > 1.0 and result.gain == pytest.approx(float(np.mean(result.after - result.before)))
    assert told == pytest.approx([(step + 1) / 20 for step in range(20)])
    # The network that was given is as it was; the tuned one is ready for use, its lips as they were.
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(weight.requires_grad for weight in result.net.parameters()) and not result.net.training
    assert torch.equal(result.net.lips.input.weight, net.lips.input.weight)
    held = judged([one.cut(one.frames - one.held_back, one.frames) for one in voices])
    assert gains(result.net, held) == pytest.approx(result.after)


def test_tuning_is_the_same_each_time() -> None:
    voices = [speaker(110, 0), speaker(290, 1), speaker(190, 2)]
    one, other = (tune(small(), voices, 2, seed=3).net.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_are_drawn_back_to_the_shipped_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = []
    for pull in (0.0, 100.0):
        monkeypatch.setattr(tuning, "PULL", pull)
        net, voices = small(), [speaker(110, 0), speaker(290, 1)]
        tuned = tune(net, voices, 4).net
        moved.append(float((tuned.input.weight - net.input.weight).norm()))
    assert moved[1] < moved[0]


@pytest.mark.parametrize(("whole", "half", "share"), [(2.0, 3.0, 0.5), (3.0, 2.0, 1.0)])
def test_half_way_is_taken_where_it_is_better(
    whole: float, half: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = [1.0, whole, half], list[Separator]()

    def judge(net: Separator, batches: object) -> F32:
        asked.append(net)
        return np.array([answers[len(asked) - 1]], np.float32)

    monkeypatch.setattr(tuning, "gains", judge)
    net = small()
    result = tune(net, [speaker(110, 0), speaker(290, 1)], 2)
    _, far, near = asked
    assert result.net is (far if share == 1 else near) and result.gain == max(whole, half) - 1
    for shipped, end, middle in zip(net.parameters(), far.parameters(), near.parameters(), strict=True):
        torch.testing.assert_close(middle, (shipped + end) / 2)
    assert not torch.equal(far.input.weight, net.input.weight)
