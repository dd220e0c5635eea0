"""Scenes made up for training: what must hold of every one, whatever was drawn."""

import numpy as np
import pytest
import torch

from models.separate import Separator
from models.train.datasets import SPEECH, WITH_LIPS, Tape, held_out, lip_numbers
from models.train.mix import Scene, make_scene
from models.train.separate import loss_of, separate, spectrum, waveform

ROWS, FRAMES = 32, 30


@pytest.fixture(scope="module")
def tape() -> Tape:
    rng, tape = np.random.default_rng(0), Tape(torch.device("cpu"))
    for name in SPEECH:
        for _ in range(3):
            tape.add(name, rng.integers(-3000, 3000, 80_000).astype(np.int16), None)
    lips = rng.standard_normal((125, 4)).astype(np.float32)
    tape.add(WITH_LIPS, rng.integers(-3000, 3000, 80_000).astype(np.int16), lips)
    tape.close({**SPEECH, WITH_LIPS: 1 - sum(SPEECH.values())})
    return tape


@pytest.fixture(scope="module")
def scene(tape: Tape) -> Scene:
    torch.manual_seed(0)
    return make_scene(tape, ROWS, FRAMES)


def test_shapes_and_finite(scene: Scene) -> None:
    assert scene.mix.shape == scene.voice.shape == (ROWS, FRAMES * 640)
    assert scene.lips.shape == scene.other.shape == (ROWS, FRAMES, 4)
    assert scene.visible.shape == scene.other_visible.shape == (ROWS, FRAMES, 1)
    for part in (scene.mix, scene.voice, scene.lips, scene.other, scene.enrolment):
        assert torch.isfinite(part).all()


def test_silent_faces_say_nothing_and_some_are_alone(scene: Scene) -> None:
    assert 0 < scene.silent.sum() < ROWS / 2
    assert scene.voice[scene.silent].abs().max() == 0
    assert (scene.voice[~scene.silent].abs().amax(1) > 0).all()
    assert {1.0, 2.0, 3.0} <= set(scene.talkers.tolist())


def test_at_least_one_cue(scene: Scene) -> None:
    assert ((scene.visible.amax((1, 2)) > 0) | (scene.known[:, 0] > 0)).all()
    assert ((scene.visible.amin((1, 2)) == 1) | (scene.known[:, 0] > 0)).all()


def test_same_seed_same_scene(tape: Tape, scene: Scene) -> None:
    torch.manual_seed(0)
    assert torch.equal(make_scene(tape, ROWS, FRAMES).mix, scene.mix)


def test_a_stretch_of_tape_is_that_stretch(tape: Tape) -> None:
    who = torch.tensor([0])
    sound, _ = tape.draw(who, int(tape.frames[0]), torch.ones(1))
    assert torch.equal(sound[0] * 32768, tape.sound[:80_000].float())


def test_held_out_is_a_fixed_twelfth() -> None:
    kept = [name for name in (f"libri-{i}" for i in range(6000)) if held_out(name)]
    assert 400 < len(kept) < 600
    assert not held_out("libri-103") and held_out(kept[0])


def test_lip_numbers_of_a_known_mouth() -> None:
    points = np.zeros((1, 40, 2), np.float32)
    points[0, 25, 1], points[0, 5, 1], points[0, 10, 0] = 0.1, 0.2, 0.5
    assert lip_numbers(points)[0].tolist() == pytest.approx([1.2, 2.4, 6.0, 2.4])


def test_spectrum_and_back() -> None:
    sound = torch.randn(2, 6400, generator=torch.Generator().manual_seed(0))
    assert (waveform(spectrum(sound), 6400) - sound).abs().max() < 1e-5


def test_loss_is_best_at_the_right_level(scene: Scene) -> None:
    losses = [float(loss_of(spectrum(scene.voice * gain), scene).total) for gain in (0.5, 1.0, 2.0)]
    assert losses[1] < losses[0] and losses[1] < losses[2]
    assert loss_of(spectrum(scene.voice), scene).snr.nan_to_num(30).min() > 29


def test_gradients_reach_everything(tape: Tape) -> None:
    torch.manual_seed(1)
    net, scene = Separator(width=16, hidden=32, depth=2), make_scene(tape, 8, 10)
    loss_of(separate(net, scene, None), scene).total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
