"""The index of a running call: what is found, what is forgotten."""

from __future__ import annotations

import doctest
import tracemalloc

import numpy as np
import pytest

from streamer.transcripts import keywords
from streamer.transcripts.keywords import Keywords
from streamer.transcripts.search_index import APART, LARGEST_THUMBNAIL, SearchIndex
from tests.clock import Clock

D = 8
NOTHING = np.zeros(D, np.float32)


def axis(i: int, length: float = 1.0) -> np.ndarray:
    vector = np.zeros(D, np.float32)
    vector[i] = length
    return vector


def test_a_picture_is_found_by_its_vector_and_comes_with_its_thumbnail() -> None:
    moments = SearchIndex()
    assert moments.add_picture("ann", 5.0, axis(0), b"car")
    assert moments.add_picture("bob", 6.0, axis(1), b"dog")
    (found,) = moments.search(axis(0), "red car")
    assert (found.participant, found.t, found.kind, found.thumbnail) == ("ann", 5.0, "picture", b"car")
    assert found.score == 1.0 and found.speaker is None


def test_what_is_hardly_alike_is_not_found() -> None:
    moments = SearchIndex()
    moments.add_picture("ann", 5.0, axis(0), b"")
    assert moments.search(axis(0, 0.29), "car") == []
    assert moments.search(NOTHING, "xyzzy") == []
    assert SearchIndex().search(axis(0), "anything") == []


def test_nearer_pictures_come_first() -> None:
    moments = SearchIndex()
    for i, part in enumerate((0.8, 1.0, 0.9)):
        vector = axis(0, part) + axis(i + 1, (1 - part**2) ** 0.5)
        moments.add_picture(f"p{i}", float(i), vector, b"")
    assert [moment.participant for moment in moments.search(axis(0), "")] == ["p1", "p2", "p0"]


def test_of_pictures_near_together_in_time_the_best_is_shown() -> None:
    moments = SearchIndex()
    for i, part in enumerate((0.7, 0.95, 0.8)):
        vector = axis(0, part) + axis(i + 1, (1 - part**2) ** 0.5)
        assert moments.add_picture("ann", 0.4 * APART * i, vector, b"")
    moments.add_picture("ann", 3 * APART, axis(0), b"")
    assert [moment.t for moment in moments.search(axis(0), "")] == [3 * APART, 0.4 * APART]


def test_a_still_picture_is_taken_once_a_minute() -> None:
    clock = Clock(1000.0)
    moments = SearchIndex(clock=clock)
    taken = []
    for _ in range(130):
        taken.append(moments.add_picture("ann", clock.now, axis(0), b""))
        clock.now += 1
    assert sum(taken) == 3 and taken[0] and taken[60] and taken[120]
    assert moments.add_picture("bob", clock.now, axis(0), b"")


def test_words_are_found_with_speaker_and_time() -> None:
    moments = SearchIndex()
    moments.add_words("ann", lambda: "Ann", 10.0, "The budgets for next year are too small.", NOTHING)
    moments.add_words("ann", lambda: "Ben", 20.0, "Let us have lunch.", NOTHING)
    (found,) = moments.search(NOTHING, "the budget")
    assert (found.kind, found.speaker, found.t, found.score) == ("words", "Ann", 10.0, 1.0)
    assert found.text == "The budgets for next year are too small." and found.thumbnail is None


def test_all_words_beat_half_of_them_and_order_beats_both() -> None:
    moments = SearchIndex()
    lines = ["a red house", "the car is red", "a red car came", "nothing at all"]
    for i, line in enumerate(lines):
        moments.add_words("ann", None, float(i), line, NOTHING)
    found = moments.search(NOTHING, "red cars")
    assert [moment.text for moment in found] == ["a red car came", "the car is red"]
    assert found[0].score == 1.0 and found[1].score == pytest.approx(0.9)


def test_the_beginning_of_a_word_and_other_scripts() -> None:
    moments = SearchIndex()
    moments.add_words("ann", None, 0.0, "Über die Übergröße sprechen", NOTHING)
    assert len(moments.search(NOTHING, "übergr")) == 1
    assert moments.search(NOTHING, "größe") == []


def test_a_line_that_means_the_same_ranks_below_the_words_themselves() -> None:
    moments = SearchIndex()
    moments.add_words("ann", None, 1.0, "my puppy sleeps", axis(0, 0.9) + axis(1, 0.3))
    moments.add_words("ann", None, 2.0, "the dog sleeps", axis(1))
    found = moments.search(axis(0), "dog")
    assert [moment.t for moment in found] == [2.0, 1.0]
    assert [moment.t for moment in moments.search(axis(1, -1.0), "cat")] == []


def test_lines_may_have_a_space_of_their_own() -> None:
    moments = SearchIndex()
    moments.add_picture("ann", 1.0, axis(0), b"")
    moments.add_words("ann", None, 2.0, "a puppy", axis(1))
    moments.add_words("ann", None, 3.0, "a kitten", axis(0))
    assert [moment.t for moment in moments.search(axis(0), "dog", said=axis(1))] == [1.0, 2.0]


def test_bounded_by_count_and_the_oldest_go_first() -> None:
    moments = SearchIndex(pictures=3, lines=4)
    for i in range(10):
        moments.add_picture(f"p{i}", float(i), axis(0), b"")
        moments.add_words("ann", None, float(i), f"hello number{i}", NOTHING)
    assert (moments.pictures, moments.lines) == (3, 4)
    assert {moment.participant for moment in moments.search(axis(0), "")} == {"p7", "p8", "p9"}
    assert sorted(moment.t for moment in moments.search(NOTHING, "hello")) == [6.0, 7.0, 8.0, 9.0]
    assert moments.search(NOTHING, "number5") == []


def test_a_call_takes_memory_by_what_is_in_it() -> None:
    batch = np.ones((100, 384), np.float32)
    tracemalloc.start()
    try:
        moments = SearchIndex()
        moments.add_picture("ann", 0.0, batch[0], b"car")
        moments.add_words("ann", None, 0.0, "a red car", batch[1])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A vector is 1.5 kB, and there is room for 64 of each kind.
    assert held < 220_000


def test_of_thousands_each_is_found_by_its_own_vector_and_the_old_ones_are_gone() -> None:
    moments, rng = SearchIndex(lines=100), np.random.default_rng(0)
    vectors = rng.standard_normal((300, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for n, vector in enumerate(vectors):
        moments.add_words("ann", None, n, "hm", vector if n % 3 else NOTHING[:0])
        found = {moment.t: moment.score for back in (0, 99, 100) for moment in moments.search(vectors[n - back], "")}
        expected = [n - back for back in (0, 99) if (n - back) % 3 and n >= back]
        assert found == pytest.approx(dict.fromkeys(expected, 0.6))


def test_a_full_shelf_of_pictures_costs_no_lines() -> None:
    moments = SearchIndex(pictures=1, lines=1)
    moments.add_words("ann", None, 0.0, "hello", NOTHING)
    for i in range(3):
        moments.add_picture(f"p{i}", 0.0, axis(0), b"")
    assert moments.lines == 1


def test_forgets_what_is_older_than_the_retention() -> None:
    clock = Clock(1000.0)
    moments = SearchIndex(retention=60.0, clock=clock)
    moments.add_picture("ann", 1e9, axis(0), b"")
    moments.add_words("ann", None, -1e9, "hello", NOTHING)
    clock.now += 59
    assert len(moments.search(axis(0), "hello")) == 2
    clock.now += 2
    assert moments.search(axis(0), "hello") == []
    assert (moments.pictures, moments.lines) == (0, 0)


def test_the_limit_cuts_the_worst() -> None:
    moments = SearchIndex()
    for i in range(30):
        moments.add_words("ann", None, float(i), "hello", NOTHING)
    assert [moment.t for moment in moments.search(NOTHING, "hello", limit=3)] == [29.0, 28.0, 27.0]


def test_lines_without_a_vector_stand_beside_those_with_one() -> None:
    moments = SearchIndex()
    moments.add_words("ann", None, 0.0, "one", np.zeros(0, np.float32))
    moments.add_words("ann", None, 1.0, "two", axis(0))
    moments.add_words("ann", None, 2.0, "three", np.zeros(0, np.float32))
    assert [moment.t for moment in moments.search(axis(0), "nothing")] == [1.0]


def test_refuses_what_it_cannot_hold() -> None:
    moments = SearchIndex()
    with pytest.raises(ValueError, match="thumbnail"):
        moments.add_picture("ann", 0.0, axis(0), bytes(LARGEST_THUMBNAIL + 1))
    with pytest.raises(ValueError, match="finite"):
        moments.add_picture("ann", 0.0, axis(0, np.nan), b"")
    with pytest.raises(ValueError, match="finite"):
        moments.search(np.zeros((2, 2), np.float32), "car")
    with pytest.raises(ValueError, match="positive"):
        SearchIndex(retention=0)
    moments.add_words("ann", None, 0.0, "   ", NOTHING)
    assert moments.lines == 0


def test_keywords_leave_no_trace_of_what_was_dropped() -> None:
    index = Keywords()
    index.add(3, "red car red")
    index.drop(3)
    assert index.search("red car") == {} and not index._having and not index._stems
    with pytest.raises(KeyError):
        index.drop(3)


def test_beginnings_are_found_as_long_as_a_line_has_them() -> None:
    index = Keywords()
    index.add(0, "guitars")
    index.add(1, "guitarist guile")
    assert set(index.search("guit")) == {0, 1} and set(index.search("guil")) == {1}
    index.drop(0)
    assert set(index.search("guit")) == {1}


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(keywords).failed == 0
