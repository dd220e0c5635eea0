"""Several recordings at once."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from streamer.commands.batch import is_done, process_all, result_folders
from streamer.commands.process import process
from streamer.commands.progress import progress
from streamer.errors import UserError
from streamer.recordings.exports.event_log import EVENTS
from tests.media import clip
from tests.streamer.commands.test_process import OneFace


def run(recording: Path, folder: Path) -> None:
    process(recording, folder, progress=False, engine=OneFace(), overlay=False)


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    """The second is no recording."""
    inputs = [tmp_path / "a.mkv", tmp_path / "bad.mp4", tmp_path / "c.mkv"]
    for path in inputs:
        clip(path, 0.4) if path.suffix == ".mkv" else path.write_text("no media" * 99)
    return inputs


def test_a_bad_one_does_not_stop_the_rest(
    three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert process_all(three, tmp_path / "out", False, run) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "c"]
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2 and "bad.mp4 cannot be read" in told[0]
    assert told[1] == "earshot: 1 of 3 files failed: bad.mp4"


def test_not_even_one_that_breaks_a_model(
    three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(recording: Path, folder: Path) -> None:
        if recording == three[0]:
            raise RuntimeError("out\nof luck")
        if recording == three[2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_all(three, tmp_path, False, breaks)
    assert "a.mkv cannot be processed: RuntimeError: out of luck" in capsys.readouterr().err


def test_what_is_wrong_with_the_only_one_is_said_as_ever(three: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        process_all(three[1:2], tmp_path / "out", False, run)


def test_resuming_skips_what_is_done(three: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, seen = tmp_path / "out", list[Path]()
    run(three[0], out / "a")
    assert is_done(three[0], out / "a") and not is_done(three[2], out / "a") and not is_done(three[0], out / "c")
    assert process_all([three[0], three[2]], out, True, lambda recording, folder: seen.append(recording)) == 0
    assert seen == [three[2]]
    assert capsys.readouterr().out == f"a.mkv: done before, in {out / 'a'}\n"
    log = out / "a" / EVENTS
    log.write_text("\n".join(log.read_text().splitlines()[:-1]))
    assert not is_done(three[0], out / "a")


def test_everyone_has_a_folder() -> None:
    def names(*paths: str) -> list[str]:
        return [folder.name for _, folder in result_folders([Path(path) for path in paths], Path("out"))]

    assert names("x/a.mp4") == ["out"]
    assert names("a.mp4", "b.mp4") == ["a", "b"]
    assert names("a.mp4", "a.wav", "x/b.mp4", "y/b.mp4") == ["a.mp4", "a.wav", "b.mp4", "b.mp4-2"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_a_line_now_and_then_in_a_log_and_a_bar_on_a_terminal() -> None:
    now, log, terminal = 0.0, io.StringIO(), Terminal()
    with progress(stream=log, clock=lambda: now) as begin:
        tell = begin("a.mkv", 100.0)
        for now in (1.0, 9.0, 10.0, 15.0, 20.0):
            tell(now * 2)
        tell = begin("b.mkv", None)
        now = 31.0
        tell(5.5)
    assert log.getvalue() == (
        "a.mkv: 20 s of 100 s (20%), 2.0 times real time\n"
        "a.mkv: 40 s of 100 s (40%), 2.0 times real time\n"
        "b.mkv: 6 s, 0.5 times real time\n"
    )
    with progress(stream=terminal) as begin:
        begin("[red]c.mkv", 10.0)(5.0)
    assert "[red]c.mkv" in terminal.getvalue()
    with progress(shown=False, stream=log) as begin:
        begin("d", 1.0)(1.0)
    assert "d" not in log.getvalue().splitlines()[-1]
