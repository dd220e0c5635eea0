"""The caption writer: its arithmetic on random weights, and what the trained one says of real pictures."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import skimage.data
import torch

from models.vision.captioning import LONGEST, PLACES, CaptionNet, Memory, load_caption_net, write
from models.vision.captioning_runtime import CHANGED, Captioner, changed, gist
from models.vision.image_encoder import Grids
from models.vision.image_runtime import GridArrays, ImageRuntime, fit
from models.vision.vocabulary import END, PADDING, START, UNKNOWN

WORDS = 30


@pytest.fixture
def net():
    torch.manual_seed(0)
    return CaptionNet(WORDS, annotation=24, attention=8, embedding=16, hidden=32).eval()


def some_grids(batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Grids(
        torch.randn(batch, 112, 14, 14, generator=generator), torch.rand(batch, 1280, 7, 7, generator=generator)
    )


def some_captions(lengths):
    captions = torch.full((len(lengths), len(lengths[0]), max(map(max, lengths)) + 2), PADDING)
    for row, line in enumerate(lengths):
        for k, length in enumerate(line):
            captions[row, k, 0], captions[row, k, length + 1] = START, END
            captions[row, k, 1 : length + 1] = torch.arange(length) % 20 + 4 + k
    return captions


def test_attention_is_a_share_of_every_place_for_every_word(net):
    captions = some_captions([[5, 3], [4, 2]])
    scores, attention = net(some_grids(2), captions)
    written = captions[:, :, 1:] != PADDING
    assert scores.shape == (int(written.sum()), WORDS) == (6 + 4 + 5 + 3, WORDS)
    assert attention.shape == (2, 2, 6, PLACES)
    assert torch.allclose(attention.sum(-1), written.float(), atol=1e-5)


def test_whole_captions_and_word_by_word_agree(net):
    grids, captions = some_grids(3), some_captions([[5, 3, 1], [4, 4, 2], [6, 2, 2]])
    scores, attention = net(grids, captions)
    seen, memory = net.annotate(grids)
    memory = Memory(*(part.expand(-1, 3, -1) for part in memory))
    whole = torch.zeros(*captions[:, :, 1:].shape, WORDS)
    written = captions[:, :, 1:] != PADDING
    whole[written] = scores
    for t in range(captions.shape[2] - 1):
        read = net.embedding(captions[:, :, t])
        memory, context, looked = net.step(net.word_gates(read), memory, seen)
        now = written[:, :, t]
        assert torch.allclose(net.scores(read, memory.hidden, context)[now], whole[:, :, t][now], atol=1e-5)
        assert torch.allclose(looked[now], attention[:, :, t][now], atol=1e-6)


def test_the_gate_can_shut_the_picture_out(net):
    with torch.no_grad():
        net.gate.bias.fill_(-40.0)
    seen, memory = net.annotate(some_grids(2))
    _, context, attention = net.step(torch.zeros(2, 1, 128), memory, seen)
    assert context.abs().max() < 1e-12
    assert torch.allclose(attention.sum(-1), torch.ones(2, 1))


def test_attention_follows_a_key(net):
    """Only one place answers to what is wanted: nearly all of the weight goes there."""
    seen, memory = net.annotate(some_grids(1))
    with torch.no_grad():
        net.energy.weight.fill_(1.0)
    keys = torch.full_like(seen.keys, -100.0)
    keys[0, 37] = 10.0
    _, _, attention = net.step(torch.zeros(1, 1, 128), memory, seen._replace(keys=keys))
    assert int(attention.argmax()) == 37
    assert attention.max() > 0.999


def test_grids_are_laid_over_each_other(net):
    """A change in the upper left of the coarse grid changes annotations there and not in the lower right."""
    grids = some_grids(1)
    other = Grids(grids.middle, grids.top.clone())
    other.top[0, :, 0, 0] += 1.0
    values = [net.annotate(one)[0].values.view(14, 14, -1) for one in (grids, other)]
    moved = (values[0] - values[1]).abs().amax(-1) > 1e-6
    assert moved[:2, :2].all()
    assert not moved[4:].any() and not moved[:, 4:].any()


def test_the_beam_writes_what_scores_say_and_no_special_words(net):
    grids = some_grids(4)
    for found in write(net, grids, 3):
        assert len(found.words) <= LONGEST
        assert not {PADDING, START, END, UNKNOWN} & set(found.words)
        assert found.remembered.shape == (len(found.words), PLACES)
    found = write(net, grids, 3)[0]
    line = torch.tensor([[[START, *found.words, END]]])
    scores, attention = net(Grids(grids.middle[:1], grids.top[:1]), line)
    scores[:, [PADDING, START, UNKNOWN]] = -torch.inf
    logs = torch.log_softmax(scores, dim=-1).gather(1, line[0, 0, 1:, None])
    assert found.score == pytest.approx(logs.mean().item(), abs=1e-4)
    assert torch.allclose(found.remembered, attention[0, 0, : len(found.words)], atol=1e-5)


def test_it_learns_to_tell_two_pictures_apart():
    torch.manual_seed(0)
    net = CaptionNet(WORDS, annotation=24, attention=8, embedding=16, hidden=32)
    grids, captions = some_grids(2), torch.tensor([[[START, 5, 6, 7, END]], [[START, 9, 6, END, PADDING]]])
    wanted = captions[:, :, 1:][captions[:, :, 1:] != PADDING]
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(60):
        scores, _ = net(grids, captions)
        loss = torch.nn.functional.cross_entropy(scores, wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert [found.words for found in write(net.eval(), grids, 3)] == [(5, 6, 7), (9, 6)]


@pytest.fixture(scope="module")
def encoder():
    torch.set_num_threads(1)
    return ImageRuntime()


@pytest.fixture(scope="module")
def captioner():
    return Captioner()


@pytest.fixture(scope="module")
def pictures():
    hopper = cv2.imread(str(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"))[:, :, ::-1]
    return np.stack([fit(picture) for picture in (skimage.data.astronaut(), hopper, skimage.data.rocket())])


def test_the_trained_writer_sees_people(encoder, captioner, pictures):
    for scene in captioner.caption(encoder.encode(pictures[:2])):
        assert {"woman", "man", "girl", "boy", "person", "lady"} & set(scene.words)
        assert 3 <= len(scene.words) <= LONGEST


@pytest.mark.parametrize("beam", [1, 3, 5])
def test_a_batch_says_what_each_says_alone(encoder, captioner, pictures, beam):
    grids = encoder.encode(pictures)
    together = captioner.caption(grids, beam)
    for i, scene in enumerate(together):
        (alone,) = captioner.caption(GridArrays(grids.middle[i : i + 1], grids.top[i : i + 1]), beam)
        assert alone.text == scene.text
        assert alone.score == pytest.approx(scene.score, abs=1e-4)


def test_every_word_has_its_heat(encoder, captioner, pictures):
    for scene in captioner.caption(encoder.encode(pictures)):
        assert scene.attention.shape == (len(scene.words), 14, 14)
        assert scene.attention.dtype == np.float32
        assert np.allclose(scene.attention.sum((1, 2)), 1, atol=1e-4)
        assert scene.score < 0
        for (x, y), heat in zip(scene.peaks(), scene.attention, strict=True):
            assert heat[int(y * 14), int(x * 14)] == heat.max()


def test_no_pictures_no_captions(captioner):
    nothing = GridArrays(np.zeros((0, 112, 14, 14), np.float32), np.zeros((0, 1280, 7, 7), np.float32))
    assert captioner.caption(nothing) == []


def test_the_shipped_vocabulary_fits_the_weights():
    net, vocabulary = load_caption_net()
    assert net.embedding.weight.shape[0] == len(vocabulary)
    assert {"dog", "man", "woman", "left", "right", "t-shirt"} <= set(vocabulary.words)


def test_a_scene_changes_with_its_picture_and_not_with_light_or_a_shake(encoder, pictures):
    rng = np.random.default_rng(0)
    darker = (pictures * 0.75 + rng.normal(0, 4, pictures.shape)).clip(0, 255).astype(np.uint8)
    shaken = np.roll(pictures, (6, -8), axis=(1, 2))
    before, *later = (gist(encoder.encode(several)) for several in (pictures, darker, shaken))
    assert np.allclose(np.linalg.norm(before, axis=1), 1, atol=1e-5)
    for after in later:
        assert [changed(a, b) for a, b in zip(before, after, strict=True)] == [False] * 3
    assert changed(before[0], before[1]) and changed(before[1], before[2]) and changed(before[0], before[2])
    assert 0 < CHANGED < 1
