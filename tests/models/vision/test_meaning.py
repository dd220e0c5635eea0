"""Texts for the search, with MiniLM (where the extra `meaning` is installed) and without."""

from __future__ import annotations

import numpy as np
import pytest

from models.common import weights
from models.vision import meaning
from models.vision.embed_runtime import JointEmbedding
from models.vision.image_runtime import GridArrays
from models.vision.meaning import WEIGHTS, Meaning, QueryEmbedding, packed, unpacked
from models.vision.sentences import installed
from tests.models.vision.test_embed import CAT, COFFEE, MOTORCYCLE, example_grids

TEXTS = ["a cat", "red cars on a street", "xyzzy", ""]


@pytest.fixture(scope="module")
def joint() -> JointEmbedding:
    return JointEmbedding()


@pytest.fixture(scope="module")
def grids() -> GridArrays:
    return example_grids()


@pytest.fixture(scope="module")
def texts(joint: JointEmbedding) -> QueryEmbedding:
    if not installed():
        pytest.skip("the extra meaning is not installed")
    return QueryEmbedding.best(joint)


def test_without_the_extra_all_is_as_the_joint_embedding_says(
    joint: JointEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "installed", lambda: False)
    monkeypatch.setattr("models.vision.sentences.installed", lambda: False)
    without = QueryEmbedding.best(joint)
    for vectors in (without.pictures(TEXTS), without.lines(TEXTS), without.asked(TEXTS)):
        np.testing.assert_array_equal(vectors, joint.text(TEXTS))
    with pytest.raises(FileNotFoundError, match=r"earshot\[meaning\]"):
        Meaning()


def test_pieces_are_stored_whole() -> None:
    pieces = ["[PAD]", "##ing", "ü", "猫", "a b"]
    assert unpacked(packed(pieces)) == pieces
    stored = unpacked(weights.tensors(WEIGHTS)["pieces"].numpy().astype(np.uint8))
    # Those of BERT, uncased; these numbers have to be right for the network.
    assert len(stored) == 30522 and [stored[n] for n in (0, 100, 101, 102, 4937)] == [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "picture"), [("motorbike", MOTORCYCLE), ("a scooter", MOTORCYCLE), ("espresso", COFFEE), ("cat", CAT)]
)
def test_a_picture_is_nearest_in_other_words_too(
    joint: JointEmbedding,
    texts: QueryEmbedding,
    grids: GridArrays,
    query: str,
    picture: int,
) -> None:
    alike = joint.image(grids) @ texts.pictures([query])[0]
    assert int(alike.argmax()) == picture


def test_nonsense_is_near_to_no_picture(joint: JointEmbedding, texts: QueryEmbedding, grids: GridArrays) -> None:
    assert (joint.image(grids) @ texts.pictures(["xyzzy qwfpgj", "asdf", ""]).T).max() < 0.2


def test_a_line_is_found_by_what_it_means(texts: QueryEmbedding) -> None:
    lines = texts.lines(["The budget for next year is too small.", "My puppy sleeps all day.", "See you on Tuesday."])
    np.testing.assert_allclose(np.linalg.norm(lines, axis=1), 1, atol=1e-5)
    assert (texts.asked(["money"]) @ lines.T)[0].argmax() == 0
    alike = (texts.asked(["a dog"]) @ lines.T)[0]
    assert alike.argmax() == 1 and alike[1] > meaning.FIND > alike[0]


def test_one_text_has_the_same_vector_in_any_company(texts: QueryEmbedding) -> None:
    alone, among = texts.lines(["a cat"])[0], texts.lines(["a cat", "a very much longer text about other things"])[0]
    np.testing.assert_array_equal(alone, among)
    assert texts.pictures([]).shape == (0, 384)
    assert np.isfinite(texts.lines(["猫 " * 500, "\x00", ""])).all()
