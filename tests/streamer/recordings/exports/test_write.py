"""All that is made of a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from streamer.commands.process import process_command
from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.recordings.exports.event_log import EVENTS, events
from streamer.recordings.exports.write import Wanted, write_exports
from streamer.recordings.overlay_video import OverlayWriter
from tests.media import clip
from tests.streamer.recordings.exports.made import left
from tests.streamer.recordings.exports.test_media import noise, said

TEXTS = {f"transcript.{kind}" for kind in ("vtt", "srt", "txt", "csv", "json", "rttm", "eaf", "TextGrid")}


def run(tmp_path: Path, wanted: Wanted, overlay: bool = True) -> tuple[Path, list[str]]:
    recording, folder, notes = clip(tmp_path / "our talk.mp4", 1.0), left(tmp_path / "out"), list[str]()
    for name in ("face-2.wav", "voice-1.wav", "rest.wav"):
        noise(folder / name)
    if overlay:
        clip(folder / "clip.mp4", 1.0).rename(folder / "overlay.mp4")
    info = inspect(recording)
    draw = partial(OverlayWriter, names=wanted.names)
    people = write_exports(folder, recording, info, ([2], [1]), wanted, notes, 6.0, draw)
    assert [person.number for person in people] == [2, 3]
    assert [event["voices"] for event in events(folder / EVENTS) if event["type"] == "end"] == [[3]]
    return folder, notes


def test_everything(tmp_path: Path) -> None:
    folder, notes = run(tmp_path, Wanted(names={2: "Anna"}))
    media = {"face-2.wav", "voice-3.wav", "rest.wav", "overlay.mp4", "tracks.mkv"}
    assert {path.name for path in folder.iterdir()} == TEXTS | media | {EVENTS, "index.html"}
    assert notes == []
    assert "Anna: Is 1 \u2039 2?" in [text for *_, text in said(folder / "overlay.mp4")]
    assert all("Anna" in (folder / name).read_text() for name in [*TEXTS, "index.html", EVENTS])


def test_words_in_the_picture_are_no_track_of_it(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, Wanted(burn=True), overlay=False)
    with av.open(str(folder / "overlay.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
        pictures = [np.asarray(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]
    assert len(pictures) == 25
    assert 'id="subtitles" class="button" type="button" aria-pressed="false"' in (folder / "index.html").read_text()


def test_without_captions_there_is_what_needs_none(tmp_path: Path) -> None:
    folder, _ = run(tmp_path, Wanted(captions=False, tracks=False, rate=48_000), overlay=False)
    without = TEXTS - {f"transcript.{kind}" for kind in ("vtt", "srt", "txt", "csv")}
    media = {"face-2.wav", "voice-3.wav", "rest.wav"}
    assert {path.name for path in folder.iterdir()} == without | media | {EVENTS, "index.html"}
    assert {soundfile.info(folder / name).samplerate for name in media} == {48_000}


@pytest.mark.parametrize(
    "flags",
    [{"rate": 44_100}, {"burn": True, "overlay": False}, {"burn": True, "speech": None}, {"names": ["Anna"]}],
)
def test_flags_that_cannot_be(tmp_path: Path, flags: dict[str, object]) -> None:
    with pytest.raises(UserError):
        process_command([tmp_path / "a.mp4"], tmp_path / "out", **flags)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="for one recording"):
        process_command([tmp_path / "a.mp4", tmp_path / "b.mp4"], tmp_path / "out", names=["1=Anna"])
    assert not list(tmp_path.iterdir())
