"""Words and their times."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.transcripts.words import Word, WordTimes, timed

reading = st.tuples(st.text("ab ", max_size=12), st.floats(-1, 12))


def test_without_earlier_readings_words_take_time_by_their_letters():
    assert timed("one three five", 1.0, 4.0) == [
        Word("one", 1.0, 1.8),
        Word("three", 1.8, 3.0),
        Word("five", 3.0, 4.0),
    ]


def test_a_word_was_over_when_it_had_been_read():
    read = [("We", 0.4), ("We meant", 0.8), ("We met on", 3.0)]
    words = timed("We met on Monday.", 0.0, 4.0, read)
    assert [(word.text, round(word.end, 2)) for word in words] == [
        ("We", 0.4),
        ("met", 1.89),
        ("on", 3.0),
        ("Monday.", 4.0),
    ]


def test_of_readings_that_gain_no_word_the_first_counts():
    words = timed("Wait for it", 0.0, 5.0, [("Wait", 0.5), ("Wait", 0.9), ("wait,", 1.3)])
    assert words[0] == Word("Wait", 0.0, 0.5)


@settings(max_examples=50)
@example("a a", 0.7377185788664398, 5.0, [("a", 5.720348453701617)])
@given(st.text("ab ", max_size=40), st.floats(0, 9), st.floats(0, 9), st.lists(reading, max_size=12))
def test_whatever_was_read_times_rise_within_the_sentence(text, start, lasts, read):
    words = timed(text, start, start + lasts, read)
    assert [word.text for word in words] == text.split()
    times = [t for word in words for t in (word.start, word.end)]
    assert times == sorted(times)
    if words:
        assert words[0].start == start and abs(words[-1].end - (start + lasts)) < 1e-9


def test_readings_are_kept_by_sentence_and_forgotten():
    times = WordTimes()
    times.reading(1, "Yes", 0.5)
    times.reading(2, "No", 7.0)
    assert times.finish(1, "Yes, sir.", 0.0, 2.0)[0].end == 0.5
    assert times.finish(1, "Yes, sir.", 0.0, 2.0)[0].end != 0.5
    times.finish(2, "", 0.0, 0.0)
    assert times == WordTimes()
