"""Scenes made up for training: what must hold of every one, whatever was drawn."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from models.separation.separator import Separator
from models.train.data.corpus import Corpus
from models.train.data.datasets import SOURCES, lip_numbers
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import Surroundings, gated, line, normal
from models.train.data.mix import AcousticScene, both_faces, make_scene
from models.train.data.prints import SNIPPETS, SPEEDS, Prints, make_prints, stored_prints
from models.train.data.reverb import LENGTH, TALKERS, Reverb, convolve
from models.train.separation.loss import loss_of, parts_of, spectrum, waveform
from models.train.separation.pit import PitSeparator, best_part, pit_loss
from models.train.separation.train import loss_on, separate
from models.voiceprint.encoder import PRINT, load_voice_encoder

ROWS, FRAMES = 48, 30
FIELDS = [field for field in dataclasses.fields(AcousticScene) if field.name != "enrolment"]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    rng, corpus = np.random.default_rng(0), Corpus(torch.device("cpu"))
    share = {}
    for source in SOURCES:
        for _ in range(3):
            lips = rng.standard_normal((125, 4)).astype(np.float32) if source.lips else None
            corpus.add(source.name, rng.integers(-3000, 3000, 80_000).astype(np.int16), lips)
        share[source.name] = source.share("all")
    corpus.add_noise([rng.integers(-3000, 3000, 20_000).astype(np.int16)])
    corpus.close(share)
    return corpus


@pytest.fixture(scope="module")
def bank() -> Reverb:
    rng = np.random.default_rng(1)
    responses = rng.standard_normal((3, TALKERS, LENGTH)) * np.exp(-np.arange(LENGTH) / 800)
    responses[..., 16] = 20
    return Reverb(responses / np.sqrt((responses**2).sum(-1, keepdims=True)), torch.device("cpu"))


@pytest.fixture(scope="module")
def prints(corpus: Corpus, bank: Reverb) -> Prints:
    encoder = load_voice_encoder()
    torch.manual_seed(0)
    return make_prints(corpus, encoder, bank)


@pytest.fixture(scope="module")
def scene(corpus: Corpus, prints: Prints, bank: Reverb) -> AcousticScene:
    torch.manual_seed(0)
    return make_scene(corpus, prints, ROWS, FRAMES, bank)


def test_shapes_and_finite(scene: AcousticScene) -> None:
    assert scene.mix.shape == scene.voice.shape == (ROWS, FRAMES * 640)
    assert scene.others.shape == (ROWS, 2, FRAMES * 640)
    assert scene.lips.shape == scene.other.shape == (ROWS, FRAMES, 4)
    assert scene.visible.shape == scene.other_visible.shape == (ROWS, FRAMES, 1)
    assert scene.print.shape == scene.other_print.shape == (ROWS, PRINT)
    for part in (scene.mix, scene.voice, scene.others, scene.lips, scene.other, scene.print):
        assert torch.isfinite(part).all()


def test_every_mixture_is_asked_for_both_faces(scene: AcousticScene) -> None:
    half = ROWS // 2
    assert torch.equal(scene.mix[:half], scene.mix[half:])
    assert torch.equal(scene.voice[half:], scene.others[:half, 0])
    assert torch.equal(scene.others[half:, 0], scene.voice[:half])
    assert torch.equal(scene.others[half:, 1], scene.others[:half, 1])
    assert torch.equal(scene.lips[half:], scene.other[:half]) and torch.equal(scene.other[half:], scene.lips[:half])


def test_prints_are_of_length_eight_and_kept(corpus: Corpus, prints: Prints, bank: Reverb, tmp_path: Path) -> None:
    assert prints.stored.shape == (len(corpus.start), len(SPEEDS), SNIPPETS, PRINT)
    drawn = prints.draw(torch.arange(3), torch.tensor([0, 1, 2]))
    torch.testing.assert_close(drawn.norm(dim=1), torch.full((3,), 8.0))
    path, encoder = tmp_path / "prints", load_voice_encoder()
    torch.manual_seed(0)
    assert torch.equal(stored_prints(path, corpus, encoder, bank).stored, prints.stored)
    assert torch.equal(stored_prints(path, corpus, encoder, bank).stored, prints.stored)
    with pytest.raises(ValueError, match="delete it"):
        stored_prints(path, Corpus(torch.device("cpu")), encoder, bank)


def test_silent_faces_say_nothing_and_some_are_alone(scene: AcousticScene) -> None:
    assert 0 < scene.silent.sum() < ROWS / 2
    assert scene.voice[scene.silent].abs().max() == 0
    assert (scene.voice[~scene.silent].abs().amax(1) > 0).all()
    assert {1.0, 2.0, 3.0} <= set(scene.talkers.tolist())


def test_talkers_are_those_who_are_heard(scene: AcousticScene) -> None:
    others = (scene.others.abs().amax(2) > 0).sum(1)
    assert torch.equal((~scene.silent).float() + others, scene.talkers)


def test_at_least_one_cue(scene: AcousticScene) -> None:
    assert ((scene.visible.amax((1, 2)) > 0) | (scene.known[:, 0] > 0)).all()
    assert ((scene.visible.amin((1, 2)) == 1) | (scene.known[:, 0] > 0)).all()


def test_of_the_other_face_a_row_knows_what_that_faces_own_row_knows(scene: AcousticScene) -> None:
    together, half = scene.beside >= 0, ROWS // 2
    assert 0 < together.sum() < ROWS
    across = torch.arange(ROWS).roll(half)
    assert torch.equal(scene.beside[together], across[together])
    assert torch.equal(together, together[across])
    assert torch.equal(scene.other_visible[together], scene.visible[across][together])
    assert torch.equal(scene.other_known[together], scene.known[across][together])
    assert scene.other_visible[~together].abs().max() == 0 and scene.other_known[~together].abs().max() == 0


def test_asked_for_both_faces_a_scene_is_what_training_makes(scene: AcousticScene) -> None:
    half, across = ROWS // 2, torch.arange(ROWS).roll(ROWS // 2)
    first = dataclasses.replace(scene, **{f.name: getattr(scene, f.name)[:half] for f in FIELDS})
    both = both_faces(first)
    for name in ("mix", "voice", "others", "lips", "other", "print", "other_print", "silent", "talkers"):
        assert torch.equal(getattr(both, name), getattr(scene, name)), name
    together = scene.beside >= 0
    assert torch.equal(both.beside, scene.beside)
    assert torch.equal(both.visible[together], scene.visible[together])
    assert torch.equal(both.known[together], scene.known[together])
    unknown = both_faces(dataclasses.replace(first, other_visible=0 * first.visible, other_known=0 * first.known))
    assert (unknown.beside == -1).all() and torch.equal(unknown.voice[across], both.voice[across])


def test_same_seed_same_scene(corpus: Corpus, prints: Prints, bank: Reverb, scene: AcousticScene) -> None:
    torch.manual_seed(0)
    assert torch.equal(make_scene(corpus, prints, ROWS, FRAMES, bank).mix, scene.mix)


def test_a_stretch_of_the_corpus_is_that_stretch(corpus: Corpus) -> None:
    who = torch.tensor([0])
    sound, _ = corpus.draw(who, int(corpus.frames[0]), torch.ones(1))
    assert torch.equal(sound[0] * 32768, corpus.sound[:80_000].float())


def test_noise_is_of_the_corpus_or_none(corpus: Corpus) -> None:
    assert corpus.draw_noise(2, 30_000).shape == (2, 30_000)
    empty = Corpus(torch.device("cpu"))
    assert empty.draw_noise(2, 100).abs().max() == 0


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


def test_everybody_keeps_their_voice_through_room_and_microphone(bank: Reverb) -> None:
    torch.manual_seed(0)
    sound = normal(torch.randn(32, 16_000))
    heard = Surroundings(32, 16_000, 1, torch.device("cpu"), bank).heard(sound, 0)
    alike = (sound * heard).sum(1) / (sound.norm(dim=1) * heard.norm(dim=1))
    assert heard.shape == sound.shape and (heard.pow(2).mean(1) > 1e-5).all()
    assert (alike > 0.9).sum() >= 8  # most are in no room


def test_gates_fade_as_a_running_mean() -> None:
    torch.manual_seed(0)
    gate = (torch.rand(3, 20) < 0.5).float()
    padded = np.pad(gate.repeat_interleave(640, 1).numpy(), ((0, 0), (160, 160)), mode="edge")
    expected = np.stack([np.convolve(row, np.ones(321) / 321, "valid") for row in padded])
    np.testing.assert_allclose(gated(torch.ones(3, 12_800), gate).numpy(), expected, atol=1e-6)


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


def test_loss_is_best_at_the_right_level(scene: AcousticScene) -> None:
    losses = [float(loss_of(spectrum(scene.voice * gain), scene).total) for gain in (0.5, 1.0, 2.0)]
    assert losses[1] < losses[0] and losses[1] < losses[2]
    assert loss_of(spectrum(scene.voice), scene).snr.nan_to_num(15).min() > 14.9


def test_gradients_reach_everything(corpus: Corpus, prints: Prints, bank: Reverb) -> None:
    torch.manual_seed(1)
    net, scene = Separator(width=16, hidden=32, depth=2), make_scene(corpus, prints, 8, 10, bank)
    loss_on(net, scene, None).total.backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())
    assert separate(net, scene, None).shape == spectrum(scene.mix).shape


def test_outputs_without_a_name_may_come_in_any_order(scene: AcousticScene) -> None:
    parts = torch.stack([spectrum(scene.voice), spectrum(scene.others.sum(1))], dim=1)
    one, two = pit_loss(parts, scene), pit_loss(parts.flip(1), scene)
    assert float(one.total) == pytest.approx(float(two.total))
    each, _, _ = parts_of(parts[:, 0], scene.voice, scene.mix, scene.silent)
    assert float(one.total) <= float(each.mean()) + 1e-4 or bool(scene.silent.any())


def test_comparison_without_eyes_trains_and_gives_the_fitting_part(corpus: Corpus, prints: Prints) -> None:
    torch.manual_seed(2)
    net, scene = PitSeparator(), make_scene(corpus, prints, 2, 10)
    loss_on(net, scene, None).total.backward()
    used = [name for name, p in net.named_parameters() if p.grad is not None]
    assert any(name.startswith("blocks.") for name in used) and not any(name.startswith("lips.") for name in used)
    assert best_part(net, scene).shape == scene.voice.shape
