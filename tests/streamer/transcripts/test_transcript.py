"""Transcripts: what is written is what a reader of WebVTT and SRT gets back."""

import html
import re
import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.transcripts.subtitles import Cue
from streamer.transcripts.transcript import Transcript
from tests.streamer.transcripts.subtitle_rules import broken_rules

seconds = st.floats(0, 90_000, allow_nan=False)
anything = st.text(max_size=60)
said = st.tuples(anything, seconds, st.floats(0, 20), anything)
STAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})"


def filled(lines, **more):
    transcript = Transcript(**more)
    for speaker, start, length, text in lines:
        transcript.add(speaker, start, start + length, text)
    return transcript


def milliseconds(match, at):
    hours, minutes, whole, thousandths = (int(part) for part in match.groups()[at : at + 4])
    return 1000 * (3600 * hours + 60 * minutes + whole) + thousandths


def read_vtt(vtt):
    """Cues of a WebVTT file as a strict reader takes them; the voice is the speaker."""
    head, *blocks = re.split(r"\n\n+", vtt.rstrip("\n"))
    assert head == "WEBVTT"
    cues = []
    for block in blocks:
        times, *payload = block.split("\n")
        match = re.fullmatch(f"{STAMP} --> {STAMP}", times)
        assert match and "-->" not in "".join(payload)
        voice = re.match(r"<v ([^<>]*)>", payload[0])
        payload[0] = payload[0][voice.end() :] if voice else payload[0]
        assert not set("".join(payload)) & set("<>")
        assert not re.search(r"&(?!(amp|lt|gt);)", "".join(payload))
        name = html.unescape(voice[1]) if voice else ""
        lines = tuple(html.unescape(line) for line in payload)
        cues.append(Cue(milliseconds(match, 0), milliseconds(match, 4), name, lines))
    return cues


def one_line(text):
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def letters(texts):
    return "".join("".join(texts).split())


few = settings(max_examples=40)


@few
@given(st.lists(said, max_size=12))
def test_vtt_gives_everything_back_and_can_be_read(lines):
    transcript = filled(lines, begin=0.0)
    cues = read_vtt(transcript.vtt())
    assert broken_rules(cues) == []
    for name in {line.speaker for line in transcript.lines}:
        said = [line.text for line in transcript.lines if line.speaker == name]
        assert letters(cue.text for cue in cues if cue.speaker == name) == letters(said)
    assert len({cue.speaker for cue in cues}) == len({line.speaker for line in transcript.lines})
    if cues:
        assert abs(cues[0].start - 1000 * transcript.lines[0].start) <= 1


@few
@given(st.lists(said, max_size=12))
@example([("", 0.0015, 0.0, "0")])
def test_srt_is_numbered_readable_and_free_of_markup(lines):
    transcript = filled(lines, begin=0.0)
    blocks = [block for block in transcript.srt().split("\n\n") if block]
    for i, block in enumerate(blocks, 1):
        number, times, *text = block.rstrip("\n").split("\n")
        match = re.fullmatch(f"{STAMP} --> {STAMP}", times)
        assert number == str(i) and match and times.count(",") == 2
        assert not set("".join(text)) & set("<>{")
        assert broken_rules([Cue(milliseconds(match, 0), milliseconds(match, 4), "", tuple(text))]) == []
    if blocks:
        names = [line.speaker.translate(str.maketrans("<>{", "\u2039\u203a(")) for line in transcript.lines]
        begins = letters(blocks[0].split("\n")[2:])
        assert any(begins.startswith(letters(name[:20])) for name in names)


@given(st.lists(said, max_size=20))
def test_plain_text_has_a_line_for_each(lines):
    transcript = filled(lines)
    written = transcript.text().split("\n")
    assert written.pop() == "" and len(written) == len(transcript)
    for text, line in zip(written, transcript.lines, strict=True):
        assert re.match(r"\[\d+:\d\d:\d\d\] ", text) and text.endswith(line.text)


@given(st.lists(st.tuples(seconds, st.text(string.ascii_letters, min_size=1)), max_size=40), st.integers(1, 10))
def test_it_is_bounded_and_keeps_the_newest(lines, most):
    transcript = Transcript(most=most)
    for start, text in lines:
        transcript.add("", start, start + 1, text)
    assert len(transcript) == min(len(lines), most)
    assert transcript.dropped == max(0, len(lines) - most)
    assert [line.start for line in transcript.lines] == sorted(line.start for line in transcript.lines)
    if lines:
        # A line older than all that are kept goes at once.
        assert max(start for start, _ in lines) == transcript.lines[-1].start


def test_of_a_recording_all_lines_are_kept():
    transcript = Transcript(begin=0.0, most=None)
    for n in range(6000):
        transcript.add("", n, n + 1, "word")
    assert len(transcript) == 6000 and transcript.dropped == 0


def test_an_example_to_the_letter():
    transcript = Transcript()
    transcript.add("Ada & Co", 1000.5, 1002.25, "Is 1 < 2?")
    transcript.add("", 4661.0, 4662.0, "Yes.\nIt --> is.")
    assert transcript.vtt() == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:02.250\n<v Ada &amp; Co>Is 1 &lt; 2?\n\n"
        "01:01:00.500 --> 01:01:02.000\nYes. It --&gt; is.\n"
    )
    assert transcript.srt() == (
        "1\n00:00:00,000 --> 00:00:02,250\nAda & Co: Is 1 \u2039 2?\n\n"
        "2\n01:01:00,500 --> 01:01:02,000\nYes. It --\u203a is.\n"
    )
    assert transcript.text() == "[0:00:00] Ada & Co: Is 1 < 2?\n[1:01:00] Yes. It --> is.\n"


def test_nothing_said():
    assert Transcript().vtt() == "WEBVTT\n" and Transcript().srt() == "" and Transcript().text() == ""


def test_hours_may_have_three_digits():
    transcript = Transcript(begin=0.0)
    transcript.add("A", 360_000.0, 360_001.0, "late")
    assert "100:00:00.000 --> 100:00:01.500" in transcript.vtt()


def test_a_call_s_long_sentences_are_cut_and_sounds_stand_beside_them():
    transcript = Transcript(begin=0.0)
    words = "I have never been to the house on the hill but my sister told me that it is haunted by a ghost of old"
    transcript.add("Ann", 1.0, 9.0, words)
    transcript.add("Ann", 2.0, 4.0, "[dog bark]", sound=True)
    transcript.add("Ann", 8.0, 9.5, "So they say.")
    cues = read_vtt(transcript.vtt())
    said = [cue for cue in cues if cue.lines != ("[dog bark]",)]
    assert broken_rules(said) == [] and len(said) == 2
    assert letters(cue.text for cue in said) == letters([words, "So they say."])
    assert [(cue.start, cue.speaker) for cue in cues if cue not in said] == [(2000, "Ann")]
    assert "Ann:" in transcript.srt()
