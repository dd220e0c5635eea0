"""Transcripts: what is written is what a reader of WebVTT and SRT gets back."""

import html
import re
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamer.transcripts.transcript import Transcript

seconds = st.floats(0, 90_000, allow_nan=False)
anything = st.text(max_size=60)
said = st.tuples(anything, seconds, st.floats(0, 20), anything)
STAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)[.,](\d{3})"


def filled(lines, **more):
    transcript = Transcript(**more)
    for speaker, start, length, text in lines:
        transcript.add(speaker, start, start + length, text)
    return transcript


def time(match, at):
    hours, minutes, whole, thousandths = match.groups()[at : at + 4]
    return int(hours) * 3600 + int(minutes) * 60 + int(whole) + int(thousandths) / 1000


def read_vtt(vtt):
    """Cues of a WebVTT file as a strict reader takes them: (start, end, voice, text)."""
    head, *blocks = re.split(r"\n\n+", vtt.rstrip("\n"))
    assert head == "WEBVTT"
    cues = []
    for block in blocks:
        times, *payload = block.split("\n")
        match = re.fullmatch(f"{STAMP} --> {STAMP}", times)
        assert match and len(payload) == 1 and "-->" not in payload[0]
        voice = re.match(r"<v ([^<>]*)>", payload[0])
        text = payload[0][voice.end() :] if voice else payload[0]
        assert "<" not in text and ">" not in text
        assert not re.search(r"&(?!(amp|lt|gt);)", payload[0])
        cues.append((time(match, 0), time(match, 4), html.unescape(voice[1]) if voice else "", html.unescape(text)))
    return cues


def one_line(text):
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@given(st.lists(said, max_size=20))
def test_vtt_gives_everything_back(lines):
    transcript = filled(lines, begin=0.0)
    cues = read_vtt(transcript.vtt())
    assert [(v, t) for _, _, v, t in cues] == [(line.speaker, line.text) for line in transcript.lines]
    wanted = sorted((one_line(speaker), one_line(text)) for speaker, _, _, text in lines if one_line(text))
    assert sorted((v, t) for _, _, v, t in cues) == wanted
    for (start, end, _, _), line in zip(cues, transcript.lines, strict=True):
        assert start == pytest.approx(line.start, abs=0.0006) and end > start
        assert end == pytest.approx(line.end, abs=0.0021)
    assert [cue[0] for cue in cues] == sorted(cue[0] for cue in cues)


@given(st.lists(said, max_size=20))
@example([("", 0.0015, 0.0, "0")])
def test_srt_is_numbered_and_free_of_markup(lines):
    transcript = filled(lines, begin=0.0)
    blocks = [block for block in transcript.srt().split("\n\n") if block]
    assert len(blocks) == len(transcript)
    for i, (block, line) in enumerate(zip(blocks, transcript.lines, strict=True), 1):
        number, times, text = block.rstrip("\n").split("\n")
        match = re.fullmatch(f"{STAMP} --> {STAMP}", times)
        assert number == str(i) and match and times.count(",") == 2
        assert not set(text) & set("<>{")
        assert time(match, 4) > time(match, 0)
        assert text.startswith(line.speaker.translate(str.maketrans("<>{", "\u2039\u203a(")))


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
        "00:00:00.000 --> 00:00:01.750\n<v Ada &amp; Co>Is 1 &lt; 2?\n\n"
        "01:01:00.500 --> 01:01:01.500\nYes. It --&gt; is.\n"
    )
    assert transcript.srt() == (
        "1\n00:00:00,000 --> 00:00:01,750\nAda & Co: Is 1 \u2039 2?\n\n"
        "2\n01:01:00,500 --> 01:01:01,500\nYes. It --\u203a is.\n"
    )
    assert transcript.text() == "[0:00:00] Ada & Co: Is 1 < 2?\n[1:01:00] Yes. It --> is.\n"


def test_nothing_said():
    assert Transcript().vtt() == "WEBVTT\n" and Transcript().srt() == "" and Transcript().text() == ""


def test_hours_may_have_three_digits():
    transcript = Transcript(begin=0.0)
    transcript.add("A", 360_000.0, 360_001.0, "late")
    assert "100:00:00.000 --> 100:00:01.000" in transcript.vtt()
