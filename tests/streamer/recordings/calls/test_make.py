"""What is made of a journal: everybody in step, everybody's name, and voices that add up."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from streamer.commands.process import process
from streamer.errors import UserError
from streamer.recordings.calls.gallery import layout
from streamer.recordings.calls.journal import Ended, Heard, Joined, Packet
from streamer.recordings.calls.story import read_story
from streamer.recordings.exports.rename import rename
from streamer.recordings.exports.result import read_result
from streamer.recordings.exports.write import Wanted
from tests.streamer.recordings.calls.made import BEGUN, caption, faces, heard, room, sent, told, written

SECONDS = 3.2


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada with two faces from the beginning, Ben without one from 1 s on; names and speakers change in the end."""
    parts = sent("ada", "VP8", 0.1, 3.0) + heard("ada", 0.1, 3.0, 1, 2, 7) + sent("ben", "H264", 1.06, 2.0)
    parts += heard("ben", 1.06, 2.0)
    parts += [room(0.0, ada="Ada"), room(1.0, ada="Ada", ben="Ben"), room(3.0, ada=("Anna", {1: "Eve"}), ben="Ben")]
    parts += [faces(n / 25, "ada", 1, 2, speaking=0.9 if n < 50 else 0.1) for n in range(75)]
    parts += [faces(2.0, "ada", 5)]
    parts += [
        caption("ada", 0, 1, "Hello", 1.0, 1.5, final=False),
        caption("ada", 0, 1, "Hello there.", 1.0, 2.0),
        caption("ada", 0, 2, "Hello there.", 1.0, 2.0),
        caption("ben", 0, None, "I am Ben.", 2.0, 2.9),
        told(2.5, type="chat", id=0, participant="ben", name="Ben", t=BEGUN + 2.5, text="see\nthis"),
        told(2.2, type="reaction", participant="ben", mark="thumb"),
        told(2.0, type="sound", participant="ada", t=BEGUN + 2.0, tags=[["dog bark", 0.9]]),
        told(2.1, type="sound", participant="ben", t=BEGUN + 2.1, tags=[]),
        Joined(BEGUN + 2.8, "ada", 7, 1),
    ]
    path = tmp_path_factory.mktemp("call") / "call.earshot"
    return written(path, parts, Ended(BEGUN + SECONDS, "the host ended it"))


@pytest.fixture(scope="module")
def made(journal: Path) -> Path:
    out = journal.parent / "result"
    summary = process(journal, out, progress=False)
    assert (summary.faces, summary.voices, summary.notes) == ([1, 2], [3], [])
    return out


def events(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return [line for line in lines if line["type"] == kind]


def onsets(path: Path, index: int) -> list[float]:
    """When it becomes bright, or loud, at about each full second of a stream."""
    found, before = [0.0], True
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams[index]):
            if isinstance(frame, av.VideoFrame):
                # Low in the left half: in the overlay Ada's picture, below her faces.
                luma = frame.to_ndarray(format="gray")
                now = bool(luma[luma.shape[0] * 3 // 4, luma.shape[1] // 4] > 125)
                moment = float(frame.time or 0)
                found += [moment] if now and not before else []
                before = now
            else:
                assert isinstance(frame, av.AudioFrame)
                pcm = frame.to_ndarray()[0].astype(np.float32)
                loud = np.abs(pcm / (32768 if frame.format.name == "s16" else 1)) > 0.02
                for n, window in enumerate(np.array_split(loud, max(1, len(loud) // 48))):
                    if window.any() and not before:
                        found.append(float(frame.time or 0) + n * 0.001)
                    before = bool(window.any())
    return [t for last, t in itertools.pairwise(found) if t - last > 0.5]


def test_it_makes_what_process_makes(made: Path) -> None:
    names = {path.name for path in made.iterdir()}
    assert {"index.html", "overlay.mp4", "tracks.mkv", "events.jsonl", "rest.wav", "transcript.json"} <= names
    assert {"transcript.vtt", "transcript.srt", "transcript.rttm", "transcript.eaf", "face-1.wav"} <= names
    result = read_result(made)
    assert [person.label for person in result.people] == ["Eve", "Anna, face 2", "Ben"]
    assert result.duration == pytest.approx(SECONDS, abs=0.01)


def test_lines_are_under_who_said_them_in_the_end(made: Path) -> None:
    assert (made / "transcript.txt").read_text().splitlines() == [
        "[0:00:01] Anna, face 2: Hello there.",
        "[0:00:02] [dog bark]",
        "[0:00:02] Ben: I am Ben.",
        "[0:00:02] Ben: [chat] see this",
    ]
    hello = events(made, "caption")[0]
    # What was read by 1.5 s had been said by then.
    assert hello["words"] == [["Hello", 1.0, 1.5], ["there.", 1.5, 2.0]]
    assert [(turn["id"], turn["t"], turn["end"]) for turn in events(made, "turn")] == [
        (1, 0.0, 2.0),
        (2, 0.0, 2.0),
        (-1, 2.0, 2.9),
    ]


def test_what_happened_is_noted(made: Path) -> None:
    assert [(note["t"], note["text"]) for note in events(made, "note")] == [
        (0.0, "Ada is here"),
        (1.0, "Ben is here"),
        (2.2, "Ben: thumb"),
    ]


def test_voices_and_rest_add_up_to_what_all_microphones_heard(made: Path, journal: Path) -> None:
    wavs = {path.stem: soundfile.read(path, dtype="int16")[0].astype(int) for path in made.glob("*.wav")}
    assert {len(pcm) for pcm in wavs.values()} == {round(SECONDS * 16_000)}
    heard_all = np.zeros(round(SECONDS * 16_000), int)
    for who, begin in (("ada", 0.1), ("ben", 1.06)):
        pcm = np.concatenate([np.frombuffer(one.mix, "<i2") for one in _heard(journal, who)])
        heard_all[round(begin * 16_000) :][: len(pcm)] += pcm
    assert np.abs(sum(wavs.values()) - heard_all).max() == 0
    # Two of Ada's three voices turned out to be one; Ben is not told apart, so all of his microphone is his.
    loud = {name: np.abs(pcm).max() for name, pcm in wavs.items()}
    assert loud["face-1"] == pytest.approx(2 * loud["face-2"], rel=0.01)
    assert loud["voice-3"] == pytest.approx(0.3 * 32767, rel=0.01)
    assert not wavs["voice-3"][: round(1.05 * 16_000)].any()


def _heard(journal: Path, who: str) -> list[Heard]:
    from streamer.recordings.calls.journal import records

    return [one for one in records(journal, Heard) if isinstance(one, Heard) and one.who == who]


def test_everybody_has_tracks_in_step(made: Path) -> None:
    with av.open(str(made / "tracks.mkv")) as container:
        titles = [stream.metadata.get("title") for stream in container.streams]
        kinds = [stream.type for stream in container.streams]
        codecs = [s.codec_context.name for s in container.streams if s.type in ("audio", "video")]
    assert titles[:8] == [
        "Eve",
        "Anna, face 2",
        "Ben",
        "Everything else",
        "Anna, microphone",
        "Ben, microphone",
        "Anna, camera",
        "Ben, camera",
    ]
    assert kinds[8:] == ["subtitle", "attachment", "attachment"]
    assert codecs[4:] == ["opus", "opus", "vp8", "h264"]
    # A second of the recording is one in every track: 20 ms are the packet that a codec may start late by.
    for index, seconds in ((4, [1, 2, 3]), (5, [2, 3]), (6, [1, 2, 3]), (7, [2, 3])):
        found = onsets(made / "tracks.mkv", index)
        assert len(found) == len(seconds), (index, found)
        late = [abs(t - second) for t, second in zip(found, seconds, strict=True)]
        assert max(late) <= 0.04, (titles[index], found)


def test_the_overlay_shows_everybody_in_step(made: Path) -> None:
    flashes, beeps = onsets(made / "overlay.mp4", 0), onsets(made / "overlay.mp4", 1)
    assert len(flashes) == len(beeps) == 3
    assert max(abs(flash - sound) for flash, sound in zip(flashes, beeps, strict=True)) <= 0.04
    with av.open(str(made / "overlay.mp4")) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (1280, 360)
        assert [stream.type for stream in container.streams] == ["video", "audio", "subtitle"]
    # 4:3 in half of the width: the first face is a quarter of Ada's 480 of 1280 points, 80 points from the left.
    box = events(made, "face")[0]["box"]
    assert box == pytest.approx([80 / 1280, 0, 120 / 1280, 0.5], abs=1e-4)


def test_names_are_changed_as_in_any_result(made: Path, tmp_path: Path) -> None:
    import shutil

    copy = Path(shutil.copytree(made, tmp_path / "copy"))
    rename(copy, {2: "Flo"})
    assert "Flo: Hello there." in (copy / "transcript.txt").read_text()
    with av.open(str(copy / "tracks.mkv")) as container:
        titles = [stream.metadata.get("title") for stream in container.streams]
        assert titles[1] == "Flo" and titles[5] == "Ben, microphone"
        assert [stream.type for stream in container.streams].count("attachment") == 2


def test_a_journal_that_was_cut_off_loses_only_its_end(journal: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.earshot"
    data = journal.read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    summary = process(cut, tmp_path / "out", progress=False, overlay=False, wanted=Wanted(tracks=False))
    assert summary.notes == ["the server was stopped while it recorded: the last seconds may be missing"]
    assert 1.0 < summary.duration < 2.5
    assert not (tmp_path / "out" / "overlay.mp4").exists()


def test_what_cannot_be_done_is_said(journal: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--burn is for recordings of one camera"):
        process(journal, tmp_path / "out", progress=False, wanted=Wanted(burn=True))
    empty = written(tmp_path / "empty.earshot", [room(0.0, ada="Ada")])
    with pytest.raises(UserError, match="in which nobody was recorded"):
        process(empty, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_damaged_packets_cost_no_more_than_themselves(journal: Path, tmp_path: Path) -> None:
    parts = sent("ada", "VP8", 0.1, 2.0) + sent("ben", "H264", 0.1, 2.0)
    count = itertools.count()
    parts = [
        replace(one, data=one.data[:3]) if isinstance(one, Packet) and next(count) % 7 == 3 else one for one in parts
    ]
    path = written(tmp_path / "bad.earshot", [*parts, room(0.0, ada="Ada", ben="Ben")], Ended(BEGUN + 2.2, ""))
    summary = process(path, tmp_path / "out", progress=False)
    assert {"overlay.mp4", "tracks.mkv"} <= set(summary.files)


def test_who_was_there_after_each_other_has_the_same_place(tmp_path: Path) -> None:
    parts = sent("ada", "VP8", 0.0, 1.0) + sent("ben", "VP8", 0.5, 1.0) + sent("cy", "VP8", 4.0, 1.0)
    places = layout(read_story(written(tmp_path / "call.earshot", parts)))
    assert places is not None
    assert (places.width, places.height, places.tile) == (1280, 360, (640, 360))
    assert places.places == {"ada": (0, 0), "ben": (640, 0), "cy": (0, 0)}
