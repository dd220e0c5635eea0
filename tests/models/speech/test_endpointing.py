"""Where sentences begin and end: by hand, and for any probabilities."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.speech.endpointing import BEGINS, GOES_ON, MIN_SPEECH, Sentences

WINDOW = 0.032


def run(probabilities, **more):
    sentences = Sentences(WINDOW, **more)
    spans = []
    for i, probability in enumerate(probabilities, 1):
        spans += [(i, span) for span in sentences.step(probability)]
    return sentences, spans, [(len(probabilities), span) for span in sentences.end()]


def test_a_sentence_ends_half_a_second_after_its_last_word():
    _, spans, rest = run([0.0] * 20 + [0.9] * 50 + [0.0] * 30, pause=0.48)
    ((at, span),) = spans
    assert rest == []
    assert at == 20 + 50 + 15
    assert (span.first_speech, span.last_speech, span.final) == (20, 70, True)
    assert span.first == 20 + 1 - 8 and span.end == 70 + 8


def test_a_short_pause_does_not_end_it():
    _, spans, rest = run([0.9] * 30 + [0.0] * 8 + [0.9] * 30)
    assert spans == [] and [(span.first, span.last_speech) for _, span in rest] == [(0, 68)]


def test_a_click_is_no_sentence():
    _, spans, rest = run([0.0] * 10 + [0.9] * (MIN_SPEECH - 1) + [0.0] * 40)
    assert spans == [] and rest == []


def test_a_long_one_ends_at_a_short_pause():
    _, spans, _ = run([0.9] * 260 + [0.0] * 7 + [0.9] * 30)
    assert [span.last_speech for _, span in spans] == [260]


def test_one_without_any_pause_is_cut_where_speech_is_least_probable():
    _, spans, rest = run([0.9] * 420 + [0.4] + [0.9] * 200)
    assert [span.end for _, span in spans] == [421]
    assert [span.first for _, span in rest] == [421] and rest[0][1].last_speech == 621


def test_now_shows_what_is_being_said():
    sentences = Sentences(WINDOW)
    assert sentences.now() is None
    for _ in range(MIN_SPEECH):
        list(sentences.step(0.9))
    span = sentences.now()
    assert span is not None and (span.first, span.end, span.final) == (0, MIN_SPEECH, False)


@given(st.lists(st.sampled_from([0.0, 0.1, 0.36, 0.6, 1.0]), max_size=1500))
def test_sentences_do_not_overlap_and_leave_no_speech_out(probabilities):
    sentences = Sentences(WINDOW, longest=4.0, long=2.0)
    spans = []
    for i, probability in enumerate(probabilities, 1):
        spans += sentences.step(probability)
        now = sentences.now()
        # What is kept of the sound reaches back far enough for whatever is still to come.
        assert now is None or sentences.needed_from <= now.first < now.end == i
        kept_from = sentences.needed_from
        assert all(span.end <= i for span in spans)
    before = len(spans)
    spans += sentences.end()
    assert all(span.first >= kept_from for span in spans[before:]) if probabilities else True
    for span, following in pairwise(spans):
        assert span.end <= following.first
    for span in spans:
        assert 0 <= span.first <= span.first_speech < span.last_speech <= span.end <= len(probabilities)
        assert (span.end - span.first) * WINDOW <= 4.0 + WINDOW
        assert probabilities[span.first_speech] >= GOES_ON <= probabilities[span.last_speech - 1]
    inside = {i for span in spans for i in range(span.first, span.end)}
    outside = [i for i, p in enumerate(probabilities) if p >= BEGINS and i not in inside]
    # Only clicks are left out: never MIN_SPEECH windows of speech one after the other.
    assert not any({i, i + 1, i + 2} <= set(outside) for i in outside)
