"""`earshot ask`: one line of JSON, or one line that says what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import skimage.io

from streamer.commands.ask import ask_command
from streamer.errors import UserError

COFFEE = Path(skimage.data.__file__).parent / "coffee.png"


def test_says_three_answers_with_probabilities(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask_command([COFFEE], "What is on the table?") == 0
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said["image"] == str(COFFEE) and said["question"] == "What is on the table?"
    chances = [answer["probability"] for answer in said["answers"]]
    assert len(chances) == 3 and chances == sorted(chances, reverse=True) and 0 <= chances[0] <= 1
    assert all(isinstance(answer["answer"], str) and answer["answer"] for answer in said["answers"])
    assert isinstance(said["known"], bool)


def test_the_size_of_a_picture_does_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = tmp_path / "tiny.png"
    skimage.io.imsave(tiny, np.full((3, 5, 3), 90, np.uint8), check_contrast=False)
    assert ask_command([tiny], "how many chairs") == 0
    assert json.loads(capsys.readouterr().out)["answers"][0]["answer"].isdigit()


def test_the_picture_tells_yes_from_no(capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [COFFEE.with_name(name) for name in ("motorcycle_left.png", "rocket.jpg")]
    assert ask_command(pictures, "is there a motorcycle") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["answers"][0]["answer"] for one in said] == ["yes", "no"]


@pytest.mark.parametrize("question", ["", "  ", "?!"])
def test_a_question_needs_words(question: str) -> None:
    with pytest.raises(UserError, match="words"):
        ask_command([COFFEE], question)


def test_no_picture_no_answer(tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_text("no picture")
    with pytest.raises(UserError, match="not a picture"):
        ask_command([text], "what is this")
    with pytest.raises(UserError, match="cannot read"):
        ask_command([tmp_path / "absent.png"], "what is this")


def test_a_bad_picture_does_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask_command([tmp_path / "absent.png", COFFEE], "what is this") == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["image"] == str(COFFEE)
    assert said.err.splitlines()[1:] == ["earshot: 1 of 2 files failed: absent.png"]


def test_a_forgotten_question_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="the question comes after the pictures"):
        ask_command([COFFEE], str(COFFEE))
    assert ask_command([COFFEE], "what is " + "very " * 2000 + "large?") == 0
    assert json.loads(capsys.readouterr().out)["answers"]
