"""Questions made from captions: what is read out of them, and that the question alone tells neither yes nor no."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from models.train.data import caption_facts, caption_words, question_words
from models.train.data.caption_facts import facts
from models.train.data.caption_questions import KINDS
from models.train.data.caption_questions import caption_questions as asked_of
from models.train.data.caption_words import CONCEPTS, absent, concept_of, phrases, told
from models.train.data.question_words import plural, some
from models.vision.vocabulary import tokenise


def nouns(caption: str) -> list[tuple[str, int | None, tuple[str, ...]]]:
    return [(noun.concept.name, noun.count, noun.colours) for noun in phrases(tokenise(caption))]


def test_examples() -> None:
    for module in (caption_words, caption_facts, question_words):
        result = doctest.testmod(module)
        assert result.attempted and not result.failed


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("Two brown and white dogs chase a tennis ball .", [("dog", 2, ("brown", "white")), ("ball", 1, ())]),
        ("A soccer player in a red shirt", [("person", 1, ()), ("shirt", 1, ("red",))]),
        ("A group of people", [("person", None, ())]),
        ("Several men on the grass", [("man", None, ()), ("grass", 1, ())]),
        ("The girl slides down a yellow slide", [("girl", 1, ()), ("slide", 1, ("yellow",))]),
        ("A man in a grey coat and black pants", [("man", 1, ()), ("jacket", 1, ("gray",)), ("pants", 1, ("black",))]),
    ],
)
def test_phrases(caption: str, found: list[tuple[str, int | None, tuple[str, ...]]]) -> None:
    assert nouns(caption) == found


def test_names_in_the_lexicon_are_its_own() -> None:
    for concept in CONCEPTS.values():
        assert concept_of(concept.name) == concept
        assert set(concept.broader) <= set(CONCEPTS)


def test_who_does_what_with_what_where() -> None:
    found = facts(
        [
            "A man in a red shirt is riding his bike down the street .",
            "A man rides a bike on the road .",
            "A cyclist wearing a helmet rides his bicycle .",
            "A man with glasses on a bike .",
            "A guy riding a bike .",
        ]
    )
    assert found.alone == "man" and found.counts["person"] == 1
    assert found.does["man"]["ride"] == 4
    assert found.objects == {("man", "ride", ""): "bike"}
    assert found.wears == {("man", "shirt"), ("man", "helmet"), ("man", "glasses")}
    assert found.places == {"man": "street"} and found.colours == {"shirt": "red"}


def test_what_captions_contradict_each_other_in_is_left_out() -> None:
    found = facts(["A red ball .", "A blue ball .", "Two dogs .", "Three dogs .", "A dog in the snow . "])
    assert found.colours == {} and "dog" not in found.counts


def test_a_number_needs_three_captions() -> None:
    two = ["Two dogs run .", "Two dogs play .", "Some dogs ."]
    assert "dog" not in facts(two).counts
    assert facts([*two, "2 dogs jump ."]).counts == {"dog": 2, "animal": 2}
    assert (
        facts(["A man and a woman .", "A man and his wife , a lady .", "A woman beside a man ."]).counts["person"] == 2
    )


def test_absent_is_what_nobody_may_have_meant() -> None:
    said = told(["A boy wearing a cap kicks a soccer ball on the lawn ."])
    assert not any(absent(name, said) for name in ("boy", "child", "person", "man", "hat", "helmet", "ball", "grass"))
    assert all(absent(name, said) for name in ("dog", "snow", "woman", "glasses", "bike"))


def test_articles_and_plurals() -> None:
    assert [some(name) for name in ("dog", "umbrella", "uniform", "snow", "glasses")] == [
        "a dog", "an umbrella", "a uniform", "snow", "glasses",
    ]  # fmt: skip
    assert plural("child") == "children" and plural("bus") == "buses"


DOGS = ["A brown dog runs through the snow ."] * 5
MAN = ["A man wearing a blue hat is sitting on a bench and holding a guitar ."] * 5
GIRLS = ["Two girls are jumping on a red trampoline outside ."] * 5


def test_questions_of_every_kind() -> None:
    asked = asked_of([facts(captions) for captions in (DOGS, MAN, GIRLS) for _ in range(20)])
    assert {question.kind for question in asked} == set(KINDS)
    said = {(question.picture // 20, question.text, question.answer) for question in asked}
    assert {
        (0, "what is the dog doing", "running"),
        (0, "where is the dog", "snow"),
        (0, "what color is the dog", "brown"),
        (0, "is there snow", "yes"),
        (1, "is there snow", "no"),
        (1, "what is the man holding", "guitar"),
        (1, "what is the man sitting on", "bench"),
        (1, "is anybody wearing a hat", "yes"),
        (2, "is anybody wearing a hat", "no"),
        (2, "how many girls are there", "2"),
        (2, "what are the girls doing", "jumping"),
        (2, "are there two girls", "yes"),
    } <= said


def test_yes_and_no_are_told_by_the_picture_alone() -> None:
    asked = asked_of([facts(captions) for captions in (DOGS, MAN, GIRLS) for _ in range(20)])
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for question in asked:
        if question.kind == "yes or no":
            answers[question.text][question.answer] += 1
    assert len(answers) > 20
    assert all(either["yes"] == either["no"] for either in answers.values())


def test_one_is_no_likelier_than_all_other_numbers_together() -> None:
    asked = [
        one
        for one in asked_of([facts(five) for five in (*[DOGS] * 50, *[MAN] * 30, *[GIRLS] * 10)])
        if one.kind == "count"
    ]
    people = Counter(one.answer for one in asked if one.kind == "count" and " people" in one.text)
    assert people["1"] == people["2"] == 20 and people["0"] == 4


ASK = """from tests.models.train.test_caption_questions import *
print(asked_of([facts(five) for five in (DOGS, MAN, GIRLS)] * 5))"""


def test_the_same_seed_asks_the_same_in_every_process() -> None:
    """Sets of words have another order in each."""
    said = [
        subprocess.run([sys.executable, "-c", ASK], env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True)
        for seed in ("1", "2")
    ]
    assert said[0].stdout == said[1].stdout != b""
    found = [facts(captions) for captions in (DOGS, MAN, GIRLS)] * 5
    assert asked_of(found) == asked_of(found) != asked_of(found, seed=1)
