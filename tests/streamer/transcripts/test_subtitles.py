"""Subtitles: whatever is said, and however fast, they can be read."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.transcripts.phrases import best_break, cut
from streamer.transcripts.subtitle_text import labelled, subrip, webvtt
from streamer.transcripts.subtitles import Cue, Spoken, subtitles
from streamer.transcripts.words import Word, timed
from tests.streamer.transcripts.subtitle_rules import broken_rules, fragments

word = st.builds(
    str.__add__,
    st.text(string.ascii_letters + "'-éж中", min_size=1, max_size=14),
    st.sampled_from(["", "", "", "", "", ".", ",", "?", "…"]),
)
sentence = st.tuples(
    st.sampled_from([None, 1, 2]),
    st.floats(0, 60),
    st.floats(0, 30),
    st.lists(word, min_size=1, max_size=40),
)
few = settings(max_examples=40)
SPEECH = (
    "I have never been to the house on the hill, but my sister told me that it is haunted by the ghost of a sailor who "
    "came home too late."
)


def sentences(drawn):
    return [Spoken(who, tuple(timed(" ".join(words), start, start + lasts))) for who, start, lasts, words in drawn]


def one(text, start, end, who=1):
    return Spoken(who, tuple(timed(text, start, end)))


@few
@given(st.lists(sentence, max_size=5))
def test_any_transcript_keeps_all_rules_and_all_words(drawn):
    spoken = sentences(drawn)
    cues = subtitles(spoken)
    assert broken_rules(cues) == []
    for who in (None, 1, 2):
        mine = sorted((each for each in spoken if each.speaker == who), key=lambda each: each.words[0].start)
        said = [word.text for each in mine for word in each.words]
        assert " ".join(cue.text for cue in cues if cue.speaker == who).split() == said


@few
@given(st.lists(word, min_size=1, max_size=50), st.floats(0.2, 40))
def test_no_word_is_torn_off_its_sentence(words, lasts):
    spoken = [one(" ".join(words), 0.0, lasts)]
    assert fragments(subtitles(spoken), spoken) == []


@few
@given(st.lists(st.tuples(st.sampled_from([1, 2]), word, st.floats(0, 50)), max_size=12), st.text(max_size=60))
def test_names_before_the_words_count_as_words_do(said, name):
    spoken = [one(text, start, start + 0.4, who) for who, text, start in said]
    name = " ".join("".join(c for c in name if c.isprintable()).split())
    assert broken_rules(subtitles(labelled(spoken, lambda who: name))) == []


@few
@given(st.text(string.ascii_letters + "中", min_size=43, max_size=400))
def test_writing_without_spaces_is_cut_too(text):
    cues = subtitles([one(text, 0.0, 5.0)])
    assert broken_rules(cues) == []
    assert "".join(line for cue in cues for line in cue.lines).replace(" ", "") == text


def test_speech_that_can_be_read_is_in_time():
    """18 characters a second: no subtitle comes later than the words it holds, none stays behind."""
    spoken = [one(SPEECH, 10.0 * n, 10.0 * n + len(SPEECH) / 18) for n in range(5)]
    cues = subtitles(spoken)
    starts = {round(word.start * 1000) for each in spoken for word in each.words}
    assert all(any(abs(cue.start - start) <= 85 for start in starts) for cue in cues)


def test_lines_break_where_clauses_do():
    cues = subtitles([one(SPEECH, 0.0, 8.0)])
    assert [cue.lines for cue in cues] == [
        ("I have never been to the house", "on the hill, but my sister told me"),
        ("that it is haunted by the ghost", "of a sailor who came home too late."),
    ]


def test_short_sentences_share_a_subtitle_and_a_pause_parts_them():
    near = [one("Yes.", 0.0, 0.3), one("I know.", 0.5, 0.9), one("Me too.", 3.0, 3.4)]
    assert [(cue.start, cue.end, cue.lines) for cue in subtitles(near)] == [
        (0, 1400, ("Yes. I know.",)),
        (3000, 4000, ("Me too.",)),
    ]


def test_a_small_gap_is_closed_and_two_speakers_may_stand_at_once():
    cues = subtitles([one("One, two, three.", 0.0, 2.0), one("Four, five.", 2.7, 4.0), one("Hear!", 1.0, 1.5, 2)])
    assert [(cue.start, cue.end) for cue in cues if cue.speaker == 1] == [(0, 2616), (2700, 4500)]
    assert [(cue.start, cue.end) for cue in cues if cue.speaker == 2] == [(1000, 2000)]


def test_who_is_faster_than_can_be_read_is_followed_late_but_whole():
    cues = subtitles([one(" ".join(["rattle"] * 100), 0.0, 10.0)])
    assert broken_rules(cues) == []
    assert cues[-1].end > 30_000


def test_two_lines_are_even_and_nothing_clings():
    words = [Word(text, 0.0, 0.0) for text in "She gave it to the man who had asked for it twice".split()]
    assert best_break(words) == 6
    assert len(cut(words)) == 1


def test_files_to_the_letter():
    cues = [Cue(500, 2250, 1, ("Is 1 < 2", "& 3 > 2?")), Cue(3_661_000, 3_662_000, None, ("It --> is {so}.",))]
    names = {1: "Ada & Co"}.get
    where = {500: "position:30% size:50%"}.get
    assert webvtt(cues, lambda who: names(who, ""), lambda cue: where(cue.start, "")) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250 position:30% size:50%\n"
        "<v Ada &amp; Co>Is 1 &lt; 2\n&amp; 3 &gt; 2?\n\n"
        "01:01:01.000 --> 01:01:02.000\nIt --&gt; is {so}.\n"
    )
    assert subrip(cues) == (
        "1\n00:00:00,500 --> 00:00:02,250\nIs 1 \u2039 2\n& 3 \u203a 2?\n\n"
        "2\n01:01:01,000 --> 01:01:02,000\nIt --\u203a is (so}.\n"
    )


def test_a_name_stands_where_the_speaker_changes():
    said = [one("Hi.", 0, 1), one("Well.", 1, 2), one("Bye.", 2, 3, 2), one("[rain]", 2.5, 3, None)]
    names = {1: "Anna", 2: "A name that is much too long"}
    texts = [" ".join(w.text for w in each.words) for each in labelled(said, lambda who: names.get(who, ""))]
    assert texts == ["Anna: Hi.", "Well.", "A name that is much too…: Bye.", "[rain]"]


def test_a_name_begins_a_subtitle():
    said = [one("Well, that is so.", 0.0, 1.5), one("What?", 1.4, 1.6, 2), one("Um.", 1.7, 2.0)]
    cues = subtitles(labelled(said, lambda who: f"Face {who}"))
    assert [cue.lines for cue in cues if cue.speaker == 1] == [("Face 1: Well, that is so.",), ("Face 1: Um.",)]
