"""`earshot process`: what is made of a recording beside the voices."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from streamer.__main__ import main
from streamer.engine.types import FaceState
from streamer.messages.recorded import RecordedEvent, TranscriptFile
from streamer.recordings.exports.write import Wanted
from tests.media import clip, tone, write
from tests.streamer.commands.test_process import OneFace, events, run


def test_the_overlay_is_hardly_larger_than_the_recording(tmp_path: Path) -> None:
    """Noise, which no encoder makes small by itself, in a recording that was made small."""
    random = np.random.default_rng(3)
    pictures = [(i / 25, random.integers(0, 256, (120, 160, 3)).astype(np.uint8)) for i in range(75)]
    sound = tone(3.0, 48_000)
    pieces = [(i / 10, sound[:, i * 4800 : (i + 1) * 4800]) for i in range(30)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=pieces, audio="aac", bit_rate=600_000)
    run(path, tmp_path / "out", OneFace())
    assert (tmp_path / "out/overlay.mp4").stat().st_size < 1.5 * path.stat().st_size


def test_every_event_is_as_the_schema_says(tmp_path: Path) -> None:
    run(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", OneFace(), wanted=Wanted(names={7: "Anna", 9: "Bob"}))
    kinds = {kind.model_fields["type"].annotation.__args__[0]: kind for kind in get_args(get_args(RecordedEvent)[0])}
    lines = events(tmp_path / "out")
    for line in lines:
        kind = kinds[line["type"]]
        kind.model_validate(line)
        assert line["type"] == "start" or line.keys() <= kind.model_fields.keys()
    assert [line["t"] for line in lines] == sorted(line["t"] for line in lines)
    assert lines[1]["speakers"] == [{"number": 7, "id": 7, "name": "Anna", "sound": "face-7.wav"}]
    assert {line["type"] for line in lines} == {"start", "speakers", "audio", "voice", "face", "turn", "end"}
    assert lines[-1]["notes"] == ["there is nobody with the number 9 to be named"]
    assert (tmp_path / "out/transcript.rttm").read_text().split()[7] == "Anna"
    assert (tmp_path / "out/tracks.mkv").exists()


def test_what_is_not_wanted_is_not_made_and_other_rates_are(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", 0.4)
    summary = run(path, tmp_path / "out", OneFace(), wanted=Wanted(tracks=False, rate=48_000), overlay=False)
    assert "overlay.mp4" not in summary.files and not any(name.startswith("tracks") for name in summary.files)
    info = soundfile.info(tmp_path / "out/face-7.wav")
    assert (info.samplerate, info.frames) == (48_000, 19_200)


class TwoNumbers(OneFace):
    """Takes the one face for another person from the middle on, and finds out at the end."""

    def _face(self) -> list[FaceState]:
        return [replace(face, id=7 if self.heard <= 25 else 9) for face in super()._face()]

    def joined(self, sid: str) -> list[tuple[int, int]]:
        return [(9, 7)] if self.heard >= 50 else []


def test_one_person_whom_one_pass_took_for_two_is_one_in_the_end(tmp_path: Path) -> None:
    summary = run(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", TwoNumbers())
    run(tmp_path / "a.mkv", tmp_path / "one", OneFace())
    assert summary.faces == [7] and not (tmp_path / "out/face-9.wav").exists()
    assert summary.notes == [
        "Face 9 turned out to be Face 7: the overlay, which is drawn as it goes, says Face 9 before"
    ]
    whole, parts = (soundfile.read(tmp_path / out / "face-7.wav", dtype="int16")[0] for out in ("one", "out"))
    # Before a number was seen in a picture it has no sound.
    missing = np.flatnonzero(parts != whole)
    assert np.ptp(missing) < 0.2 * 16_000 and not parts[missing].any()
    assert {event["id"] for event in events(tmp_path / "out") if "id" in event} == {7}
    one, other = ([e for e in events(tmp_path / out) if e["type"] == "turn"] for out in ("one", "out"))
    assert other == one and len(one) == 1


def test_a_name_that_is_no_text_is_processed_and_written_as_one(tmp_path: Path) -> None:
    """As old disks and archives hold them: the bytes of Latin-1."""
    path = clip(tmp_path / "a.mkv", 0.4).rename(tmp_path / os.fsdecode(b"caf\xe9\n.mkv"))
    run(path, tmp_path / "out", OneFace())
    assert events(tmp_path / "out")[0]["file"] == "caf\ufffd\n.mkv"
    assert TranscriptFile.model_validate_json((tmp_path / "out/transcript.json").read_bytes()).file == "caf\ufffd\n.mkv"
    for file in (tmp_path / "out").iterdir():
        if file.suffix in (".json", ".rttm", ".csv", ".eaf", ".TextGrid", ".html", ".jsonl"):
            file.read_text("utf-8")
    ElementTree.parse(tmp_path / "out/transcript.eaf")


def test_such_a_name_is_printed_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8"))
    monkeypatch.setattr("streamer.__main__.app", lambda arguments, standalone_mode: print(arguments[0], flush=True))
    with pytest.raises(SystemExit) as ended:
        main([os.fsdecode(b"caf\xe9.mkv")])
    assert (ended.value.code, printed.getvalue()) == (0, b"caf\xe9.mkv\n")
