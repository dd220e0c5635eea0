"""`earshot caption`: JSON lines, and errors in one line."""

import json
import wave

import cv2
import numpy as np
import pytest
import skimage.data

from models.speech.tts import VoiceMissing
from streamer.commands.caption import describe_command
from streamer.errors import UserError


def saved(path, picture):
    assert cv2.imwrite(str(path), picture[:, :, ::-1])
    return path


@pytest.fixture
def photographs(tmp_path):
    woman = saved(tmp_path / "woman.png", skimage.data.astronaut()[::2, ::2])
    return [woman, saved(tmp_path / "tïer.jpg", skimage.data.chelsea())]


@pytest.mark.parametrize("beam", [1, 3])
def test_a_line_of_json_for_each_picture(photographs, capsys, beam):
    assert describe_command(photographs, beam=beam) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["image"] for line in lines] == [str(path) for path in photographs]
    for line in lines:
        assert set(line) == {"image", "caption", "familiar", "words"}
        assert line["familiar"] is False, "neither is a holiday picture"
        assert line["caption"].replace("'s", " 's").split() == [word["word"] for word in line["words"]]
        assert len(line["words"]) >= 3
        assert all(0 < x < 1 and 0 < y < 1 for x, y in (word["peak"] for word in line["words"]))


def test_a_bad_picture_does_not_stop_the_rest(photographs, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("streamer.commands.caption._describer", lambda beam: lambda picture: {"caption": "x"})
    cut = tmp_path / "cut.jpg"
    whole = photographs[1].read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    names = [tmp_path / "nothing.png", photographs[0], tmp_path / "text.png", cut]
    assert describe_command(names) == 1
    said = capsys.readouterr()
    assert [json.loads(line)["image"] for line in said.out.splitlines()] == [str(photographs[0]), str(cut)]
    assert said.err.splitlines() == [
        f"earshot: cannot read {names[0]}: No such file or directory",
        f"earshot: {names[2]} is not a picture",
        f"earshot: {cut}: the picture is cut short: what is missing is grey",
        "earshot: 2 of 4 files failed: nothing.png, text.png",
    ]


def test_only_beams_that_were_measured_can_be_chosen(photographs):
    with pytest.raises(UserError, match="beam must be one of 1, 3, 5"):
        describe_command(photographs, beam=4)


def test_captions_are_said_into_a_file_each(photographs, tmp_path, capsys, monkeypatch):
    class Voice:
        def say(self, text):
            return np.full(480 * len(text), 0.5, np.float32)

    monkeypatch.setattr("streamer.commands.caption._describer", lambda beam: lambda picture: {"caption": "two dogs"})
    monkeypatch.setattr("models.speech.voices.open_voice", Voice)
    out = tmp_path / "said"
    assert describe_command([photographs[0], photographs[0], photographs[1]], speak=out) == 0
    files = [json.loads(line)["speech"] for line in capsys.readouterr().out.splitlines()]
    assert files == [str(out / name) for name in ("woman.png.wav", "woman.png-2.wav", "tïer.jpg.wav")]
    with wave.open(files[1]) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (48_000, 480 * 8, 1)


def test_without_a_voice_nothing_is_described(photographs, tmp_path, monkeypatch):
    def missing():
        raise VoiceMissing("no voice")

    monkeypatch.setattr("models.speech.voices.open_voice", missing)
    with pytest.raises(UserError, match="no voice"):
        describe_command(photographs, speak=tmp_path)
