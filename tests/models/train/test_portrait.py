"""Training of the portrait's mouth: what is made of the data, the closed-form part, and the judge."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from models.portrait.log_mel import BANDS
from models.portrait.mouth import AHEAD, COMPONENTS, FRAMES, STEP, MouthNet
from models.train.portrait.augment import spoilt
from models.train.portrait.data import SILENT, Rows, Talk, between, faster, held_out
from models.train.portrait.judge import fit, lip_features, sound_features
from models.train.portrait.train import Stock, basis, closed, foretell, loss_of, made, real


def mouths(gaps):
    """Lips that open by so much, (T, 40, 2)."""
    points = np.zeros((len(gaps), 40, 2), np.float32)
    points[:, 25, 1] = gaps
    points[:, 5, 1] = 1.2 * gaps
    points[:, 10, 0] = 0.8
    return points


def bursts(seed, steps=100):
    """Noise that comes and goes, and lips that open with it."""
    random = np.random.default_rng(seed)
    loud = np.interp(np.arange(steps), np.arange(0, steps, 5), random.uniform(0, 1, len(range(0, steps, 5))))
    pcm = random.normal(0, 0.1, steps * STEP) * np.repeat(loud, STEP)
    return Talk(pcm.astype(np.float32), mouths((0.1 * loud).astype(np.float32)))


def test_140_of_940_sentences_are_kept_apart_and_lie_all_over():
    kept = [number for number in range(940) if held_out(number)]
    assert len(kept) == 140 and max(np.diff(kept)) == 41


def test_played_faster_lips_keep_their_sound():
    talk = bursts(0, 96)
    fast = faster(talk, Fraction(8, 7))
    assert len(fast.points) == 84 == len(fast.sound) // STEP
    np.testing.assert_allclose(fast.points[7], talk.points[8], atol=1e-6)
    rows = np.array([[0.0], [1.0], [4.0]], np.float32)
    np.testing.assert_allclose(between(rows, np.array([0.5, 1.5, 9.0], np.float32)), [[0.5], [2.5], [4.0]])


def test_components_span_what_shapes_do_and_have_their_size():
    torch.manual_seed(0)
    amounts, directions = torch.randn(4_000, 2), torch.linalg.qr(torch.randn(80, 2))[0].T
    mean, parts = basis(0.3 + amounts @ (directions * torch.tensor([[2.0], [0.5]])))
    np.testing.assert_allclose(parts.norm(dim=1)[:3], [2.0, 0.5, 0.0], atol=0.05)
    np.testing.assert_allclose(mean, 0.3, atol=0.05)
    shapes = torch.from_numpy(mouths(np.linspace(0, 1, 101, dtype=np.float32))).flatten(1)
    assert closed(shapes).view(40, 2)[25, 1] == pytest.approx(0.05, abs=0.01)


def test_the_loss_counts_what_is_there_and_the_opening_most():
    truth = torch.zeros(1, 4, 40, 2)
    off = truth.clone()
    off[0, :2, 25, 1] = 0.1
    there = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    # Of points 0.1 / 80; the opening 2 x 0.1; its change nothing.
    assert float(loss_of(off, truth, there)) == pytest.approx(0.1 / 80 + 0.2, rel=1e-5)
    assert float(loss_of(off, truth, 1 - there)) == pytest.approx(0.5 * 0.05, rel=1e-5)


def test_what_is_spoilt_stays_finite_and_as_long():
    torch.manual_seed(0)
    bands = torch.full((6, 40, BANDS), SILENT)
    bands[:, 10:30] = 0.0
    out = spoilt(bands)
    assert out.shape == bands.shape and torch.isfinite(out).all()
    assert (out[:, 12:28].mean((1, 2)) > out[:, :8].mean((1, 2))).all()


def test_the_closed_form_foretells_lips_that_follow_a_band():
    random = np.random.default_rng(0)
    level = random.normal(0, 1, (24, 40)).astype(np.float32)
    bands = np.zeros((24, 40 * FRAMES, BANDS), np.float16)
    bands[:, :, 7] = np.repeat(level, FRAMES, axis=1)
    points = np.zeros((24, 40, 80), np.float32)
    # Lips at a moment follow the sound that is heard four steps later: the newest that decides them.
    points[:, : -(AHEAD - 1), 51] = 0.02 * level[:, AHEAD - 1 :]
    stock = Stock([Rows(bands, points, np.full(24, 40, np.float32))], np.arange(24))
    net = MouthNet()
    net.mean.copy_(stock.points[stock.there > 0].mean(0))
    net.components.copy_(torch.eye(80)[51 : 51 + COMPONENTS] * 0.02)
    torch.manual_seed(0)
    with torch.no_grad():
        foretell(net, stock)
        found = made(net, stock.bands.float())[..., 25, 1]
    truth, there = real(stock, slice(None))
    alike = np.corrcoef(found[there > 0], truth[there > 0][:, 25, 1])[0, 1]
    assert alike > 0.8


def test_the_judge_tells_lips_in_step_from_others():
    judge = fit([bursts(seed) for seed in range(8)])
    talk, other = bursts(20), bursts(21)
    x = sound_features(talk.sound)
    own = judge.score(x, lip_features(talk.points))
    late = judge.score(x, np.roll(lip_features(talk.points), 12, 0))
    assert own > 0.7 and late < own - 0.3
    assert judge.score(x, lip_features(other.points)) < own - 0.3
