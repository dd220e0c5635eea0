"""Scenes to measure with, and what they are made of: lips, rooms, lines."""

import dataclasses

import numpy as np
import pytest
import torch

from models.train.data.datasets import lip_numbers
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import line
from models.train.data.mix import AcousticScene, both_faces
from models.train.data.reverb import convolve
from models.train.separation.offline import spectrum, waveform


def made(rows: int, frames: int) -> AcousticScene:
    torch.manual_seed(0)
    voice, others = torch.randn(rows, 640 * frames), torch.randn(rows, 2, 640 * frames)
    others[0, 0] = 0
    lips, other, seen = torch.randn(rows, frames, 4), torch.randn(rows, frames, 4), torch.ones(rows, frames, 1)
    return AcousticScene(
        mix=voice + others.sum(1),
        voice=voice,
        others=others,
        lips=lips,
        visible=seen,
        other=other,
        other_visible=seen,
        print=torch.randn(rows, 256),
        known=torch.ones(rows, 1),
        other_print=torch.randn(rows, 256),
        other_known=torch.zeros(rows, 1),
        beside=torch.full((rows,), -1),
        talkers=torch.full((rows,), 3.0),
        silent=torch.zeros(rows, dtype=torch.bool),
        enrolment=torch.randn(rows, 100),
    )


def test_a_scene_is_asked_for_the_other_face_too() -> None:
    scene, rows = made(3, 4), 3
    both, across = both_faces(scene), torch.arange(6).roll(3)
    assert torch.equal(both.mix[:rows], both.mix[rows:]) and torch.equal(both.beside, across)
    assert torch.equal(both.voice[rows:], scene.others[:, 0]) and torch.equal(both.others[rows:, 0], scene.voice)
    assert torch.equal(both.others[rows:, 1], scene.others[:, 1]) and both.enrolment is None
    for mine, its in (
        ("lips", "other"),
        ("visible", "other_visible"),
        ("print", "other_print"),
        ("known", "other_known"),
    ):
        assert torch.equal(getattr(both, mine), torch.cat([getattr(scene, mine), getattr(scene, its)])), mine
        assert torch.equal(getattr(both, its), getattr(both, mine)[across]), its
    assert both.silent.tolist() == [False, False, False, True, False, False]


def test_a_face_of_which_nothing_is_known_is_beside_nobody() -> None:
    scene = made(2, 4)
    unknown = both_faces(dataclasses.replace(scene, other_visible=0 * scene.other_visible))
    assert (unknown.beside == -1).all()


def test_lip_numbers_of_a_known_mouth() -> None:
    points = np.zeros((1, 40, 2), np.float32)
    points[0, 25, 1], points[0, 5, 1], points[0, 10, 0] = 0.1, 0.2, 0.5
    assert lip_numbers(points)[0].tolist() == pytest.approx([1.2, 2.4, 6.0, 2.4])


def test_lips_lead_by_what_is_asked_for() -> None:
    torch.manual_seed(0)
    lips = torch.cumsum(torch.randn(4, 60, 4), 1) * 20  # far above the tracker's errors
    gate = torch.ones(4, 60, 1)
    for lead in (-3, 0, 2):
        late = spoil_lips(lips, gate, torch.full((4, 1), lead))
        errors = []
        for shift in range(-4, 5):
            a, b = late[:, 4:-4], lips[:, 4 + shift : 56 + shift]
            a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
            errors.append(-float(((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean()))
        assert np.argmin(errors) - 4 == lead


def test_made_up_lips_follow_the_sound() -> None:
    torch.manual_seed(0)
    loud = (torch.arange(100) % 20 < 10).float().repeat_interleave(640)
    lips = made_up_lips(torch.randn(64, 64_000) * 0.1 * loud)[:, :, 0]
    opened = loud[::640] > 0
    assert (lips[:, opened].mean(1) > lips[:, ~opened].mean(1)).float().mean() > 0.9


def test_a_response_of_one_tap_only_delays() -> None:
    sound = torch.randn(2, 1000)
    response = torch.zeros(2, 50)
    response[:, 10] = 1
    assert torch.allclose(convolve(sound, response)[:, 10:], sound[:, :-10], atol=1e-5)


def test_bad_lines_are_few_and_stay_near() -> None:
    torch.manual_seed(0)
    mix = torch.randn(400, 800) * 0.1
    out = line(mix)
    changed = (out != mix).any(1)
    assert 0.04 < changed.float().mean() < 0.18
    assert out.abs().amax() <= mix.abs().amax()


def test_spectrum_and_back() -> None:
    sound = torch.randn(2, 6400, generator=torch.Generator().manual_seed(0))
    assert (waveform(spectrum(sound), 6400) - sound).abs().max() < 1e-5
