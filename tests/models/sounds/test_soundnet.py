from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from models.common.audio import SAMPLE_RATE
from models.common.resample import Resampler
from models.sounds.onnx_step import pool5_session
from models.sounds.runtime import WEIGHTS, SoundTagger, load_sounds, loudest, raised
from models.sounds.soundnet import FEATURES, FILTERS, FRAME, SoundNet, pooled, quadrature_filters
from models.sounds.tags import TAGS, UNKNOWN, Tag, TagClassifier


@pytest.fixture(scope="module")
def tagger():
    return SoundTagger()


@pytest.fixture(scope="module")
def speech():
    """44 s of a book read out, 16 kHz."""
    sound, rate = soundfile.read(Path(moonshine_voice.__file__).parent / "assets" / "two_cities.wav", dtype="float32")
    return Resampler(rate, SAMPLE_RATE).step(sound)


def settled(seed=0):
    """A network whose norms do something."""
    torch.manual_seed(seed)
    net = SoundNet()
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.2)
            layer.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
    return net.eval().requires_grad_(False)


def test_the_shapes_of_every_layer_that_is_tapped():
    net, pcm = settled(), torch.randn(2, 64_000) * 0.1
    assert net.pool5(pcm).shape == (2, 256, 4, 25)
    assert net.features(pcm).shape == (2, 25, FEATURES)
    answers = net(pcm)
    assert answers.sounds.shape == (2, 7, 521) and answers.objects.shape == (2, 7, 1000)
    assert net(pcm[:, : 6 * FRAME]).sounds.shape == (2, 1, 521)


def test_it_is_convolutional_a_later_window_is_the_same_frames():
    net, pcm = settled(), torch.randn(1, 20 * FRAME) * 0.1
    whole, part = net.features(pcm), net.features(pcm[:, 5 * FRAME :])
    torch.testing.assert_close(part[:, 2:], whole[:, 7:], rtol=1e-4, atol=1e-5)


def test_the_answer_for_a_moment_hears_nothing_of_what_comes_much_later():
    net, pcm = settled(), torch.randn(1, 64_000) * 0.1
    other = pcm.clone()
    other[:, 40_000:] = 0
    a, b = net(pcm).sounds, net(other).sounds
    torch.testing.assert_close(a[:, :3], b[:, :3], rtol=1e-4, atol=1e-4)
    assert (a[:, -1] - b[:, -1]).abs().max() > 1e-2


def test_the_first_filters_meet_a_tone_where_it_is_whatever_its_phase():
    filters, time = quadrature_filters(), torch.arange(320) / SAMPLE_RATE
    assert filters.shape == (2 * FILTERS, 320)
    places = []
    for hertz in (100, 300, 1000, 3000, 7000):
        energy = []
        for phase in (0.0, 1.0, 2.0):
            y = filters @ torch.sin(2 * torch.pi * hertz * time + phase)
            energy.append(y[:FILTERS] ** 2 + y[FILTERS:] ** 2)
        place = int(energy[0].argmax())
        for other in energy[1:]:
            assert float(other[place] / energy[0][place]) == pytest.approx(1, abs=0.25)
        places.append(place)
    assert places == sorted(places) and len(set(places)) == 5 and places[0] < 5 and places[-1] > 58


@pytest.mark.parametrize("samples", [6 * FRAME, 64_000])
def test_onnx_runs_the_same_network(samples):
    net, pcm = settled(), torch.randn(3, samples) * 0.1
    pool5 = pool5_session(net).run(None, {"pcm": pcm[:, None].numpy()})[0]
    np.testing.assert_allclose(pool5, net.pool5(pcm).numpy(), rtol=1e-3, atol=1e-4)


def test_the_shipped_weights_run_the_same_in_onnx(tagger, speech):
    net, linear = load_sounds()
    pcm = np.stack([speech[:64_000], speech[90_000:154_000]])
    with torch.no_grad():
        wanted = net.features(torch.from_numpy(pcm)).numpy()
    features = tagger.features(pcm)
    assert features.shape == (2, 25, FEATURES)
    np.testing.assert_allclose(features, wanted, rtol=1e-2, atol=1e-3)
    probabilities = linear.probabilities(features)
    assert probabilities.shape == (2, 10) and probabilities.min() >= 0 and probabilities.max() <= 1


def test_pooling_is_the_same_for_learning_and_for_use():
    frames = torch.randn(3, 25, FEATURES)
    weight, bias = (
        np.random.default_rng(0).normal(size=(10, 2 * FEATURES)).astype(np.float32) * 0.01,
        np.zeros(10, np.float32),
    )
    wanted = torch.sigmoid(pooled(frames) @ torch.from_numpy(weight).t())
    np.testing.assert_allclose(TagClassifier(weight, bias).probabilities(frames.numpy()), wanted.numpy(), atol=1e-5)


def test_silence_and_next_to_silence_have_no_name(tagger):
    pcm = np.zeros((3, tagger.WINDOW), np.float32)
    pcm[1] = 1e-5 * np.random.default_rng(0).normal(size=tagger.WINDOW)
    pcm[2] = 1e-3
    pcm[2, ::2] = 0
    pcm[2] *= 0.1
    assert tagger.tags(pcm) == [[], [], []]


def test_somebody_reading_is_speech_in_every_window(tagger, speech):
    starts = range(0, len(speech) - tagger.WINDOW, SAMPLE_RATE)
    found = tagger.tags(np.stack([speech[s : s + tagger.WINDOW] for s in starts]))
    named = sum(bool(tags) and tags[0][0] == "speech" for tags in found)
    assert len(found) == 41 and named >= 39


def test_speech_is_known_at_any_level(tagger, speech):
    quiet = np.stack([speech[16_000 : 16_000 + tagger.WINDOW] * gain for gain in (0.03, 0.3, 1.0)])
    assert [tags[0][0] for tags in tagger.tags(quiet)] == ["speech"] * 3


def test_noise_is_not_speech_and_no_dog(tagger):
    pcm = 0.05 * np.random.default_rng(1).normal(size=(4, tagger.WINDOW)).astype(np.float32)
    names = {name for tags in tagger.tags(pcm) for name, _ in tags}
    assert not names & {"speech", "dog bark", "music"} and names


def test_names_come_most_probable_first_and_above_their_threshold(tagger, speech):
    threshold = {tag.name: tag.threshold for tag in TAGS}
    pcm = speech[: tagger.WINDOW] + 0.01 * np.sin(np.arange(tagger.WINDOW) * 0.3).astype(np.float32)
    for tags in tagger.tags(pcm[None]):
        probabilities = [p for _, p in tags]
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(p >= threshold[name] for name, p in tags)


def test_rows_do_not_disturb_one_another(tagger, speech):
    pcm = np.stack([speech[:64_000], np.zeros(64_000, np.float32), speech[100_000:164_000]])
    alone = [tagger.tags(row[None])[0] for row in pcm]
    for one, other in zip(alone, tagger.tags(pcm), strict=True):
        assert [name for name, _ in one] == [name for name, _ in other]
        np.testing.assert_allclose([p for _, p in one], [p for _, p in other], atol=1e-4)


def test_what_is_no_number_counts_as_silence(tagger, speech):
    pcm = np.full((2, tagger.WINDOW), np.nan, np.float32)
    pcm[1, 8000:] = speech[8000 : tagger.WINDOW]
    found = tagger.tags(pcm)
    assert found[0] == [] and found[1][0][0] == "speech"


def test_no_rows_no_tags(tagger):
    assert tagger.tags(np.zeros((0, tagger.WINDOW), np.float32)) == []


@pytest.mark.parametrize("shape", [(64_000,), (1, 63_999), (1, 2, 64_000)])
def test_another_window_is_refused(tagger, shape):
    with pytest.raises(ValueError, match="64000"):
        tagger.tags(np.zeros(shape, np.float32))


def test_too_little_for_a_frame_is_refused(tagger):
    with pytest.raises(ValueError, match="2560"):
        tagger.features(np.zeros((1, FRAME - 1), np.float32))


def test_every_name_is_given_once_and_has_one_source():
    names = [tag.name for tag in TAGS]
    assert len(set(names)) == len(names) and "speech" in names
    for tag in TAGS:
        assert tag.name == tag.name.lower() and 0 < tag.threshold < 1
        assert bool(tag.classes) != (tag.label is not None)


def test_a_tag_takes_its_likeliest_class_at_its_best_moment():
    sounds = np.zeros((2, 7, 521), np.float32)
    sounds[0, 3, 5], sounds[0, 1, 6], sounds[1, 2, 7] = 0.4, 0.7, 0.9
    labelled = np.array([[0.1] * 10, [0.2] * 10], np.float32)
    np.testing.assert_allclose(Tag("x", 0.5, classes=(5, 6)).probability(sounds, labelled), [0.7, 0])
    np.testing.assert_allclose(Tag("x", 0.5, label=3).probability(sounds, labelled), [0.1, 0.2])
    np.testing.assert_allclose(
        Tag("x", 0.5, label=3, unless=(7,)).probability(sounds, labelled), [0.1, 0.02], rtol=1e-5
    )


def test_the_loudest_tenth_of_a_second():
    pcm = np.zeros((2, 16_000), np.float32)
    pcm[1, 4800:6400] = 0.5
    np.testing.assert_allclose(loudest(pcm), [0, 0.5])


def test_what_is_quiet_is_raised_and_what_is_loud_stays():
    pcm = np.zeros((4, 16_000), np.float32)
    pcm[1, 4800:6400], pcm[2, 4800:6400], pcm[3] = 1e-3, 0.5, 1e-6
    louder = raised(pcm)
    np.testing.assert_allclose(loudest(louder), [0, 1e-2, 0.5, 1e-6 * 10 ** (25 / 20)], rtol=1e-4)
    np.testing.assert_array_equal(louder[2], pcm[2])


def test_missing_weights_are_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_sounds(tmp_path / WEIGHTS.name)


def test_loud_sound_without_a_name_is_an_unknown_one(tagger, monkeypatch):
    monkeypatch.setattr(tagger, "probabilities", lambda pcm: np.full((len(pcm), len(TAGS)), 0.01, np.float32))
    pcm = np.random.default_rng(0).normal(size=(2, tagger.WINDOW)).astype(np.float32) * [[0.1], [0.002]]
    assert tagger.tags(pcm.astype(np.float32)) == [[(UNKNOWN, pytest.approx(0.99))], []]


def test_weights_of_another_network_are_refused(tmp_path):
    save_file({name: value for name, value in load_file(WEIGHTS).items() if "convs" not in name}, tmp_path / "half")
    with pytest.raises(RuntimeError, match="another network"):
        load_sounds(tmp_path / "half")
