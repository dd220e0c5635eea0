"""The joint embedding: shapes, what padding must not change, and that it finds what it should."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import skimage.io
import torch

from models.common import phrases
from models.vision.embed import CHANNELS, PLACES, REDUCED, SIZE, Embedding, padded, places
from models.vision.embed_runtime import JointEmbedding
from models.vision.image_runtime import GridArrays, ImageRuntime, fit

CAT, COFFEE, ROCKET, ASTRONAUT, MOTORCYCLE = range(5)


@pytest.fixture(scope="module")
def net() -> Embedding:
    torch.manual_seed(0)
    return Embedding(50).eval()


@pytest.fixture(scope="module")
def embedding() -> JointEmbedding:
    return JointEmbedding()


def example_grids() -> GridArrays:
    """What the encoder sees in scikit-image's pictures, which are not Flickr's."""
    folder = Path(skimage.data.__file__).parent
    names = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png")
    pictures = [fit(skimage.io.imread(folder / name)[..., :3]) for name in names]
    return ImageRuntime().encode(np.stack(pictures))


@pytest.fixture(scope="module")
def grids() -> GridArrays:
    return example_grids()


def test_places_keep_row_and_column() -> None:
    middle, top = torch.zeros(1, 112, 14, 14), torch.zeros(1, 1280, 7, 7)
    middle[0, 5, 6, 3] = 4.0
    top[0, 7, 3, 1] = 1.0
    found = places(middle, top)
    assert found.shape == (1, PLACES, CHANNELS)
    assert found.nonzero().tolist() == [[0, 3 * 7 + 1, 7], [0, 3 * 7 + 1, 1280 + 5]]


def test_points_have_unit_length(net: Embedding) -> None:
    image = net.image(torch.randn(3, PLACES, REDUCED))
    text = net.text(padded([[4], [5, 6, 7]]))
    assert image.shape == (3, SIZE) and text.shape == (2, SIZE)
    for points in (image, text):
        assert torch.allclose(points.norm(dim=1), torch.ones(len(points)), atol=1e-5)


def test_a_text_does_not_depend_on_what_else_is_in_the_batch(net: Embedding) -> None:
    alone = net.text(padded([[4, 9]]))[0]
    beside = net.text(padded([[4, 9], list(range(4, 24))]))[0]
    assert (alone - beside).abs().max() < 1e-5


def test_the_order_of_words_counts(net: Embedding) -> None:
    a, b = net.text(padded([[4, 5, 6], [6, 5, 4]]))
    assert (a - b).abs().max() > 1e-3


def test_hidden_places_do_not_count(net: Embedding) -> None:
    x = torch.randn(2, PLACES, REDUCED)
    seen = torch.rand(2, PLACES) > 0.5
    other = torch.where(seen[..., None], x, torch.randn_like(x))
    assert (net.image(x, seen) - net.image(other, seen)).abs().max() < 1e-5
    assert (net.image(x, seen) - net.image(x)).abs().max() > 1e-3
    assert (net.image(x, torch.ones(2, PLACES, dtype=torch.bool)) - net.image(x)).abs().max() < 1e-6


@torch.no_grad()
def test_after_settling_the_similarity_by_chance_is_zero() -> None:
    torch.manual_seed(1)
    net, x = Embedding(50).eval(), torch.randn(300, PLACES, REDUCED) + 0.3
    text = net.text(padded([[4], [5, 6], [9, 8, 7]]))
    before = (text @ net.pictures(x).T).mean(1).abs().max()
    net.settle(x)
    after = (text @ net.pictures(x).T).mean(1).abs().max()
    assert after < 1e-3 < before


def test_a_text_without_known_words_is_near_to_nothing(embedding: JointEmbedding) -> None:
    vectors = embedding.text(["xyzzy qwfpgj", "", "?!", "dog"])
    assert vectors.shape == (4, SIZE) and vectors.dtype == np.float32
    assert [bool(vector.any()) for vector in vectors] == [False, False, False, True]


def test_unknown_words_make_a_text_shorter_by_their_share(embedding: JointEmbedding) -> None:
    assert embedding._known("the red car") == 1.0
    assert embedding._known("the xyzzy car") == 0.5
    assert embedding._known("where is it") > 0
    lengths = np.linalg.norm(embedding.text(["the red car", "the xyzzy car"]), axis=1)
    assert lengths == pytest.approx([1.0, 0.5], abs=1e-5)


def test_no_texts_and_very_long_ones(embedding: JointEmbedding) -> None:
    assert embedding.text([]).shape == (0, SIZE)
    long = embedding.text(["dog " * 1000, "dog " * 40])
    assert np.array_equal(long[0], long[1])


def test_pictures_have_unit_length_and_no_batch_in_common(embedding: JointEmbedding, grids: GridArrays) -> None:
    whole = embedding.image(grids)
    assert whole.shape == (5, SIZE) and whole.dtype == np.float32
    assert np.abs(np.linalg.norm(whole, axis=1) - 1).max() < 1e-5
    alone = embedding.image(GridArrays(grids.middle[2:3], grids.top[2:3]))
    assert np.abs(alone[0] - whole[2]).max() < 1e-4


@pytest.mark.parametrize(
    ("query", "picture"),
    [
        ("motorcycle", MOTORCYCLE),
        ("bike", MOTORCYCLE),
        ("a person in an orange jacket", ASTRONAUT),
        ("furry animal", CAT),
    ],
)
def test_finds_the_picture_of_a_short_query(
    embedding: JointEmbedding, grids: GridArrays, query: str, picture: int
) -> None:
    assert int((embedding.image(grids) @ embedding.text([query])[0]).argmax()) == picture


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(phrases).failed == 0
