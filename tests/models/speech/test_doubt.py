"""What a recogniser makes of other languages, music and noise is refused; what English speakers mumble is not."""

import numpy as np
import pytest

from models.speech.doubt import SURE, Doubt, ForeignDoubt, repetitive
from models.speech.stream import SharedTranscriber
from models.speech.types import Reading
from tests.models.speech.test_stream import Letters, Loud, say

CIRCLES = "So, the" + " Islamic" * 40


def reading(confidence, text="We met in a town by the sea."):
    return Reading(text, confidence, ())


@pytest.mark.parametrize("doubt", [Doubt, ForeignDoubt])
def test_one_sentence(doubt):
    assert doubt().believes(reading(-0.2), 3.0)
    assert doubt().believes(reading(SURE), 0.4)
    assert not doubt().believes(reading(SURE - 0.01), 0.4)
    assert not doubt().believes(reading(-0.1, CIRCLES), 3.0)
    assert not doubt().shows(reading(-0.1, CIRCLES), 3.0)
    assert not repetitive("no no no") and not repetitive("") and repetitive(CIRCLES)


def test_the_same_words_for_the_third_time_have_to_be_clear():
    doubt = Doubt()
    assert [doubt.believes(reading(-0.5, "Thank you."), 1.0) for _ in range(4)] == [True, True, False, False]
    assert doubt.believes(reading(-0.1, "Thank you."), 1.0)
    assert [doubt.believes(reading(-0.5, text), 1.0) for text in ("Yes.", "No.", "Yes.", "Yes.")] == [True] * 4


def believed(doubt, confidences, seconds=6.0):
    return [
        doubt.believes(reading(confidence, f"We met {k} times."), seconds) for k, confidence in enumerate(confidences)
    ]


def test_a_voice_that_speaks_another_language_is_refused_even_where_a_sentence_seems_sure():
    doubt = ForeignDoubt()
    assert believed(doubt, [-0.9, -1.1, -0.6, -1.2, -0.65, -0.6]) == [False] * 6
    assert not doubt.shows(reading(-0.3), 3.0)
    assert believed(Doubt(), [-0.7, -0.6]) == [True, True]


def test_who_speaks_slowly_may_be_less_clear():
    def at(pace, confidence=-0.9, seconds=4.0):
        return Reading("I like the big house.", confidence, (5,) * round(pace * seconds))

    learner, foreigner, clear = ForeignDoubt(), ForeignDoubt(), ForeignDoubt()
    assert [learner.believes(at(4), 4.0) for _ in range(2)] == [True, True]
    assert [believed(ForeignDoubt(), [-0.9])] == [[False]]
    assert not any(foreigner.believes(at(8, -0.8), 4.0) for _ in range(6))
    assert all(clear.believes(at(8, -0.3), 4.0) for _ in range(6))
    # Two words in half a minute are no slow speech.
    assert not ForeignDoubt().believes(at(0.2, -1.3, 30.0), 30.0)


def test_one_unclear_sentence_takes_none_of_the_others_along():
    assert believed(ForeignDoubt(), [-0.1, -0.2, -1.4, -0.1, -0.2], 4.0) == [True, True, False, True, True]


def test_who_goes_on_in_english_is_written_down_again():
    doubt = ForeignDoubt()
    believed(doubt, [-1.0] * 10)
    again = believed(doubt, [-0.1] * 10)
    assert not again[0] and again.index(True) <= 5 and again[-1]


def test_running_in_circles_does_not_speak_for_a_voice():
    doubt = ForeignDoubt()
    for _ in range(3):
        assert not doubt.believes(reading(-0.1, CIRCLES), 7.0)
    assert not doubt.believes(reading(-0.3), 2.0)


def test_the_voices_of_a_call_are_doubted_one_by_one():
    letters = Letters()
    transcriber = SharedTranscriber(letters, Loud(), doubt=ForeignDoubt)
    foreign, english = transcriber.open(), transcriber.open()
    lines = {foreign: [], english: []}
    for k in range(8):
        for voice, confidence in ((foreign, (-1.2, -0.7)[k % 2]), (english, -0.2)):
            letters.confidence = confidence
            voice.hear(9.0 * k, np.resize(say("abcd    ", 1.0), 9 * 16_000))
            lines[voice] += voice.lines()
    assert sum(line.final and bool(line.text) for line in lines[english]) >= 7
    assert not any(line.text for line in lines[foreign][2:])
