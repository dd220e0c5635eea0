"""Names, in all files or in none."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest

from streamer.commands.rename import rename_command
from streamer.errors import UserError
from streamer.recordings.exports import exchange as exchanging
from streamer.recordings.exports import rename as renaming
from streamer.recordings.exports.event_log import sort_events
from streamer.recordings.exports.exchange import exchange, remade
from streamer.recordings.exports.muxing import remuxed
from streamer.recordings.exports.people import named, number_people, to_event
from streamer.recordings.exports.rename import rename
from streamer.recordings.exports.result import read_result
from streamer.recordings.exports.tracks import write_tracks
from streamer.recordings.exports.write import named_cues, texts, titles, write_texts
from streamer.recordings.fingerprint import fingerprint
from tests.media import clip
from tests.streamer.recordings.exports.made import left
from tests.streamer.recordings.exports.test_media import noise, said


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A whole result: Face 2, Voice 3."""
    folder = left(tmp_path / "out")
    for name in ("face-2.wav", "voice-1.wav", "rest.wav"):
        noise(folder / name, 6.0)
    sort_events(folder / "events.jsonl", [to_event(number_people([2], [1], folder))])
    result = read_result(folder)
    written = write_texts(folder, texts(result, captions=True, overlay=True))
    sort_events(folder / "events.jsonl", [result.end | {"written": written}])
    source = clip(tmp_path / "talk.mp4", 1.0)
    remuxed(source, folder / "overlay.mp4", (), named_cues(result))
    write_tracks(folder, titles(result, folder), 0.0, named_cues(result), (source, 0, ()))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_files_carry_the_name_and_nothing_else_changes(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(made)
    (made / "mine.txt").write_text("mine")
    assert rename_command(made, ["2=Zoë Ångström", "3=Bob"]) == 0
    after = contents(made)
    assert after.pop("mine.txt") == b"mine"
    assert after.keys() == before.keys()
    same = {name for name in before if before[name] == after[name]}
    assert same == {"face-2.wav", "voice-3.wav", "rest.wav"}
    for name in after.keys() - same:
        assert b"Zo" in after[name] and b"Face 2" not in after[name] and b"Voice 3" not in after[name], name
    with av.open(str(made / "tracks.mkv")) as tracks:
        assert [s.metadata.get("title") for s in tracks.streams.audio] == ["Zoë Ångström", "Bob", "Everything else"]
    assert "Zoë Ångström: Is 1 \u2039 2?" in [text for *_, text in said(made / "overlay.mp4")]
    assert capsys.readouterr().out.splitlines()[:2] == ["2  Zoë Ångström", "3  Bob"]
    rename(made, {2: "", 3: ""})
    assert contents(made)["transcript.srt"] == before["transcript.srt"]
    assert contents(made)["events.jsonl"] == before["events.jsonl"]
    assert {path.name for path in made.parent.iterdir()} == {"out", "talk.mp4"}


def test_a_failure_on_the_way_changes_nothing(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(made)

    def fail(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(renaming, "remuxed", fail)
    with pytest.raises(UserError, match="No space left"):
        rename(made, {2: "Anna"})
    assert contents(made) == before
    assert {path.name for path in made.parent.iterdir()} == {"out", "talk.mp4"}


def test_edited_files_are_kept_unless_forced(made: Path) -> None:
    (made / "transcript.srt").write_text("edited")
    before = contents(made)
    with pytest.raises(UserError, match=r"transcript\.srt has been changed"):
        rename(made, {2: "Anna"})
    assert contents(made) == before
    rename(made, {2: "Anna"}, force=True)
    assert "Anna" in (made / "transcript.srt").read_text()


def test_files_that_were_removed_do_not_come_back(made: Path) -> None:
    for name in ("transcript.eaf", "tracks.mkv", "overlay.mp4"):
        (made / name).unlink()
    rename(made, {2: "Anna"}, force=True)
    assert not {"transcript.eaf", "tracks.mkv", "overlay.mp4"} & contents(made).keys()


def test_nobody_and_nothing_to_name(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody with the number 1: there are 2, 3"):
        rename(made, {1: "Anna"})
    with pytest.raises(UserError, match="cannot read"):
        rename(tmp_path / "nowhere", {1: "Anna"})


def test_a_link_to_a_folder_stays_one(made: Path) -> None:
    link = made.with_name("link")
    link.symlink_to(made, target_is_directory=True)
    rename(link, {2: "Anna"})
    assert link.is_symlink() and "Anna" in (made / "transcript.txt").read_text()


def test_folders_change_places_even_where_that_takes_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    exchange(tmp_path / "a", tmp_path / "b")
    assert os.listdir(tmp_path / "a") == ["b"]
    monkeypatch.setattr(exchanging.ctypes, "CDLL", lambda *args, **more: object())
    exchange(tmp_path / "a", tmp_path / "b")
    assert os.listdir(tmp_path / "a") == ["a"] and os.listdir(tmp_path / "b") == ["b"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_copy_shares_what_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x/big").write_text("big")
    inode = (tmp_path / "x/big").stat().st_ino
    remade(tmp_path / "x", lambda copy: None)
    assert (tmp_path / "x/big").stat().st_ino == inode
    assert named([], {1: "a"}) == []


def test_with_the_recording_names_are_drawn_into_the_picture(made: Path, tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp4"
    with pytest.raises(UserError, match="was not made of"):
        rename(made, {2: "Anna"}, recording=recording)
    log = made / "events.jsonl"
    log.write_text(log.read_text().replace('"file"', f'"fingerprint": "{fingerprint(recording)}", "file"', 1))
    rename(made, {2: "A"}, recording=recording, force=True)
    short = picture(made / "overlay.mp4")
    rename(made, {2: "Annabella Magdalena"}, recording=recording)
    long = picture(made / "overlay.mp4")
    # Its ground is as long as the name.
    assert np.abs(short[16:23, 90:120].astype(int) - long[16:23, 90:120]).mean() > 30
    assert "Annabella" in "".join(text for *_, text in said(made / "overlay.mp4"))


def picture(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="gray")
