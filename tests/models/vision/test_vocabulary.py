"""Sentences into words into numbers, and back."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from models.vision.vocabulary import END, PADDING, START, UNKNOWN, Vocabulary, sentence, tokenise

TEXTS = ["A dog runs .", "The dog's red ball", "a red-haired dog", "Dog !"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A black dog is running .", ["a", "black", "dog", "is", "running"]),
        ('Man , "hatless" ; he\u2019s GONE', ["man", "hatless", "he", "'s", "gone"]),
        ("a man 's T-shirt", ["a", "man", "'s", "t-shirt"]),
        ("5 o'clock - 2 people", ["5", "o'clock", "2", "people"]),
        ("dogs' bowls", ["dogs", "bowls"]),
        ("", []),
        (" .,;- ", []),
    ],
)
def test_words_of_a_sentence(text, words):
    assert tokenise(text) == words


@given(st.text())
def test_words_are_lower_case_without_spaces_and_come_apart_no_further(text):
    words = tokenise(text)
    assert all(word and " " not in word and word == word.lower() for word in words)
    assert tokenise(" ".join(words)) == words


def test_words_that_are_frequent_enough_most_frequent_first():
    vocabulary = Vocabulary.of(TEXTS, 2)
    assert vocabulary.words == ("dog", "a")
    assert len(vocabulary) == 6
    assert "dog" in vocabulary and "ball" not in vocabulary


def test_numbers_and_back():
    vocabulary = Vocabulary.of(TEXTS, 1)
    numbers = vocabulary.encode("The dog's red ball.")
    assert min(numbers) > UNKNOWN
    assert vocabulary.decode([START, *numbers, END, PADDING]) == ["the", "dog", "'s", "red", "ball"]
    assert sentence(vocabulary.decode(numbers)) == "the dog's red ball"


def test_unknown_words_and_compounds():
    vocabulary = Vocabulary(["red", "dog", "red-haired"])
    assert vocabulary.encode("red cat") == [4, UNKNOWN]
    assert vocabulary.encode("red-haired dog") == [6, 5]
    assert vocabulary.encode("red-dog") == [4, 5]
    assert vocabulary.decode([UNKNOWN, 5]) == ["dog"]


def test_words_travel_with_the_weights(tmp_path):
    vocabulary = Vocabulary.of(TEXTS, 1)
    save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors", vocabulary.metadata())
    assert Vocabulary.stored(tmp_path / "w.safetensors").words == vocabulary.words


def test_weights_without_words_are_refused(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="no words"):
        Vocabulary.stored(tmp_path / "w.safetensors")
