"""Exports that are text, to the letter."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.errors import UserError
from streamer.messages.recorded import TranscriptFile
from streamer.recordings.exports.eaf import eaf
from streamer.recordings.exports.event_log import events, sort_events
from streamer.recordings.exports.people import Person, named, number_people, parse_names, to_event
from streamer.recordings.exports.placement import place
from streamer.recordings.exports.result import Result, Said, Turn, read_result
from streamer.recordings.exports.rttm import rttm
from streamer.recordings.exports.textgrid import textgrid
from streamer.recordings.exports.tiers import tiers
from streamer.recordings.exports.transcript_json import transcript_json
from streamer.recordings.exports.turns import SpokenTurn, Turns
from streamer.recordings.exports.write import texts
from streamer.transcripts.subtitles import Cue
from streamer.transcripts.words import timed
from tests.streamer.recordings.exports.made import left


@pytest.fixture
def result(tmp_path: Path) -> Result:
    folder = left(tmp_path)
    people = named(number_people([2], [1], folder), {2: "Anna B."})
    sort_events(folder / "events.jsonl", [to_event(people)])
    return read_result(folder)


def test_events_are_in_order_between_start_people_and_end(tmp_path: Path) -> None:
    path = left(tmp_path) / "events.jsonl"
    before = [event for event in events(path) if event["type"] != "end"]
    sort_events(path, [to_event([Person(2, 2)]), {"t": 6.0, "type": "end", "faces": [], "voices": [], "notes": ["n"]}])
    after = list(events(path))
    assert [event["type"] for event in after[:2]] == ["start", "speakers"]
    assert after[-1]["notes"] == ["n"] and after[-1]["type"] == "end"
    assert [event["t"] for event in after] == sorted(event["t"] for event in after)
    assert sorted(map(json.dumps, after[2:-1])) == sorted(map(json.dumps, before[1:]))
    sort_events(path, [to_event([])])
    assert sum(event["type"] == "speakers" for event in events(path)) == 1


def test_lines_that_are_no_events_do_not_survive(tmp_path: Path) -> None:
    path = left(tmp_path) / "events.jsonl"
    path.write_bytes(b'{"t": 1, "type": "b"}\n\xff\n[]\n{"t": "x", "type": "c"}\n{"t": 0.5, "type": "a"}')
    sort_events(path)
    assert path.read_text() == '{"t": 0.5, "type": "a"}\n{"t": 1, "type": "b"}\n'


def test_one_number_a_person_and_the_files_go_along(tmp_path: Path) -> None:
    for name in ("face-2.wav", "voice-1.wav", "voice-2.wav"):
        (tmp_path / name).write_text(name)
    people = number_people([2, 5], [1, 2], tmp_path)
    assert people == [
        Person(2, 2, sound="face-2.wav"),
        Person(5, 5),
        Person(6, -1, sound="voice-6.wav"),
        Person(7, -2, sound="voice-7.wav"),
    ]
    assert [person.label for person in people] == ["Face 2", "Face 5", "Voice 6", "Voice 7"]
    assert (tmp_path / "voice-6.wav").read_text() == "voice-1.wav"
    assert number_people([], [1, 2], tmp_path)[1].number == 2


def test_two_with_one_name_are_one_person(tmp_path: Path) -> None:
    folder = left(tmp_path)
    sort_events(folder / "events.jsonl", [to_event(named(number_people([2], [1], folder), {2: "Anna", 3: "Anna"}))])
    result = read_result(folder)
    assert {turn.person for turn in result.turns} == {2}
    assert [said.person for said in result.said] == [2, 2, None]


@pytest.mark.parametrize("wrong", ["Anna", "0=Anna", "=Anna", "1.5=Anna", "-1=Anna", f"1={'x' * 61}", "1=A,1=B"])
def test_names_that_name_nobody(wrong: str) -> None:
    with pytest.raises(UserError):
        parse_names([wrong])


def test_names() -> None:
    assert parse_names(["1=Anna, the elder,2=Bob", "3=", "4= a\n=b"]) == {
        1: "Anna, the elder",
        2: "Bob",
        3: "",
        4: "a =b",
    }


def test_rttm(result: Result) -> None:
    assert rttm(result) == (
        "SPEAKER our_talk 1 1.000 1.500 <NA> <NA> Anna_B. <NA> <NA>\n"
        "SPEAKER our_talk 1 2.000 1.000 <NA> <NA> Voice_3 <NA> <NA>\n"
    )


def test_transcripts(result: Result) -> None:
    made = texts(result, captions=True, overlay=True)
    assert made["transcript.vtt"] == (
        "WEBVTT\n\n"
        "00:00:01.000 --> 00:00:03.000 position:32% line:51% size:64% align:center\n<v Anna B.>Is 1 &lt; 2?\n\n"
        '00:00:02.000 --> 00:00:03.500 position:50% line:84% size:64% align:center\n<v Voice 3>He said "no".\n\n'
        "00:00:03.000 --> 00:00:05.500 position:50% line:77% size:64% align:center\n[dog bark]\n\n"
        "00:00:04.000 --> 00:00:05.500 position:50% line:84% size:64% align:center\nFar away.\n"
    )
    assert made["transcript.srt"] == (
        "1\n00:00:01,000 --> 00:00:03,000\nAnna B.: Is 1 \u2039 2?\n\n"
        '2\n00:00:02,000 --> 00:00:03,500\nVoice 3: He said "no".\n\n'
        "3\n00:00:03,000 --> 00:00:05,500\n[dog bark]\n\n"
        "4\n00:00:04,000 --> 00:00:05,500\nFar away.\n"
    )
    assert made["transcript.txt"] == (
        '[0:00:01] Anna B.: Is 1 < 2?\n[0:00:02] Voice 3: He said "no".\n[0:00:03] [dog bark]\n[0:00:04] Far away.\n'
    )
    rows = list(csv.reader(io.StringIO(made["transcript.csv"].removeprefix("\ufeff"))))
    assert rows == [
        ["start", "end", "number", "speaker", "text"],
        ["1.000", "2.500", "2", "Anna B.", "Is 1 < 2?"],
        ["2.000", "3.000", "3", "Voice 3", 'He said "no".'],
        ["4.000", "5.000", "", "", "Far away."],
    ]


def test_json_is_as_its_schema_says(result: Result) -> None:
    read = TranscriptFile.model_validate_json(transcript_json(result))
    assert [(one.number, one.label, one.name) for one in read.speakers] == [
        (2, "Anna B.", "Anna B."),
        (3, "Voice 3", None),
    ]
    first = read.sentences[0]
    assert (first.speaker, first.start, first.end, first.text) == (2, 1.0, 2.5, "Is 1 < 2?")
    assert [(word.text, word.start) for word in first.words] == [("Is", 1.0), ("1", 1.375), ("<", 1.75), ("2?", 2.125)]
    assert read.turns[1].model_dump() == {"speaker": 3, "start": 2.0, "end": 3.0}
    assert read.sounds[0].text == "[dog bark]" and read.duration == 6.0


def test_textgrid(result: Result) -> None:
    assert textgrid(Result()).endswith(
        'size = 1\nitem []:\n    item [1]:\n        class = "IntervalTier"\n        name = "nobody"\n        xmin = 0\n'
        "        xmax = 0.001\n        intervals: size = 1\n        intervals [1]:\n            xmin = 0\n"
        '            xmax = 0.001\n            text = ""\n'
    )
    lines = textgrid(result).splitlines()
    assert lines[:8] == [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        "xmax = 6",
        "tiers? <exists>",
        "size = 9",
        "item []:",
    ]
    at = lines.index('        name = "Voice 3"')
    assert lines[at + 1 : at + 16] == [
        "        xmin = 0",
        "        xmax = 6",
        "        intervals: size = 3",
        "        intervals [1]:",
        "            xmin = 0",
        "            xmax = 2",
        '            text = ""',
        "        intervals [2]:",
        "            xmin = 2",
        "            xmax = 3",
        '            text = "He said ""no""."',
        "        intervals [3]:",
        "            xmin = 3",
        "            xmax = 6",
        '            text = ""',
    ]


def test_eaf(result: Result) -> None:
    root = ElementTree.fromstring(eaf(result, ("overlay.mp4", "video/mp4")))
    assert root.find("HEADER/MEDIA_DESCRIPTOR").get("RELATIVE_MEDIA_URL") == "./overlay.mp4"  # type: ignore[union-attr]
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    found = {
        tier.get("TIER_ID"): [
            (slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")], one.findtext("ANNOTATION_VALUE"))
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert list(found)[:3] == ["Anna B.", "Anna B.: words", "Anna B.: speaks"]
    assert found["Anna B."] == [("1000", "2500", "Is 1 < 2?")]
    assert found["Voice 3: words"][0] == ("2000", "2333", "He")
    assert found["Voice 3: speaks"] == [("2000", "3000", "speaks")]
    parents = {tier.get("TIER_ID"): tier.get("PARENT_REF") for tier in root.iter("TIER")}
    assert parents["Voice 3: words"] == "Voice 3" and parents["Voice 3"] is None
    kinds = {kind.get("LINGUISTIC_TYPE_ID") for kind in root.iter("LINGUISTIC_TYPE")}
    assert {tier.get("LINGUISTIC_TYPE_REF") for tier in root.iter("TIER")} <= kinds


said = st.builds(
    lambda who, start, lasts, text: Said(who, start, start + lasts, text, tuple(timed(text, start, start + lasts))),
    st.sampled_from([None, 1, 2]),
    st.floats(0, 20),
    st.floats(0, 5),
    st.text('ab "<', min_size=1, max_size=20).filter(lambda text: bool(text.split())),
)
turn = st.builds(
    lambda start, lasts, who: Turn(start, start + lasts, who), st.floats(0, 20), st.floats(0, 5), st.just(1)
)


@settings(max_examples=40)
@given(st.lists(said, max_size=8), st.lists(turn, max_size=4), st.text("x(2) ", max_size=8))
def test_tiers_never_overlap_and_the_files_are_whole(all_said: list[Said], turns: list[Turn], name: str) -> None:
    people = [Person(1, 1, name), Person(2, -1, name)]
    result = Result("a.mp4", 20.0, people, sorted(all_said, key=lambda one: (one.start, one.end)), sorted(turns))
    made = tiers(result)
    assert len({tier.name for tier in made}) == len(made)
    for tier in made:
        for stretches in (tier.sentences, tier.words, tier.turns):
            edges = [edge for stretch in stretches for edge in (stretch.start, stretch.end)]
            assert edges == sorted(edges) and all(stretch.start < stretch.end for stretch in stretches)
        for word in tier.words:
            assert any(one.start <= word.start and word.end <= one.end for one in tier.sentences)
    ElementTree.fromstring(eaf(result))
    assert textgrid(result).count('"') % 2 == 0


def test_subtitles_stand_by_their_face_and_over_no_other() -> None:
    boxes = {1: [(t / 2, (0.05, 0.1, 0.2, 0.5)) for t in range(20)], 2: [(0.0, (0.7, 0.3, 0.2, 0.35))]}
    result, long = Result(boxes=boxes), "a line of thirty-six characters here"
    cues = [
        Cue(0, 1000, 1, (long, long)),
        Cue(0, 1000, 2, (long,)),
        Cue(0, 1000, None, (long,)),
        Cue(5000, 6000, 2, (long,)),
        Cue(5000, 6000, 1, ("short",)),
    ]
    assert [place(cues, result)[cue].vtt().split(" size")[0] for cue in cues] == [
        "position:32% line:61%",
        # Below the first's two lines, not over the face.
        "position:68% line:75%",
        "position:50% line:84%",
        # Its face has not been seen for long.
        "position:50% line:84%",
        "position:32% line:61%",
    ]
    assert place([Cue(0, 1000, None, ("a",)), Cue(0, 1000, "sound", ("b",))], result).popitem()[1].top == 77


def test_turns_bridge_short_pauses_and_leave_out_blips() -> None:
    turns = Turns()
    speaks = [0.6] * 20 + [0.1] * 10 + [0.4] * 5 + [0.9] * 10 + [0.0] * 50 + [0.9] * 5 + [0.0] * 50 + [0.8] * 20
    for i, probability in enumerate(speaks):
        turns.step(i * 0.02 - 0.02, 0.02, {-1: probability})
    assert [(round(one.start, 2), round(one.end, 2), one.id) for one in turns.finish()] == [
        (0.0, 0.88, -1),
        (2.98, 3.38, -1),
    ]
    assert turns.finish() == turns.finish() and SpokenTurn(0, 1, 1) < SpokenTurn(1, 1, 0)


def test_what_is_no_result_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_result(tmp_path)
    left(tmp_path, [{"t": 0.0, "type": "start", "made_by": "earshot process", "file": "a"}])
    with pytest.raises(UserError, match="no result"):
        read_result(tmp_path)
    left(tmp_path, [{"t": 0.0, "type": "speakers", "speakers": 3}])
    with pytest.raises(UserError, match="not as"):
        read_result(tmp_path)
