"""`earshot caption`: JSON lines, and errors in one line."""

import json

import cv2
import numpy as np
import pytest
import skimage.data

from streamer.commands.caption import describe_command, read_picture
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
        assert set(line) == {"image", "caption", "words"}
        assert line["caption"].replace("'s", " 's").split() == [word["word"] for word in line["words"]]
        assert len(line["words"]) >= 3
        assert all(0 < x < 1 and 0 < y < 1 for x, y in (word["peak"] for word in line["words"]))


def test_pictures_are_read_as_rgb_the_right_way_up(tmp_path):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:10] = (250, 10, 20)
    read = read_picture(saved(tmp_path / "red.png", picture))
    assert np.array_equal(read, picture)


def test_grey_and_transparent_pictures_are_read_too(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((8, 9), 77, np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((8, 9, 4), 77, np.uint8))
    for name in ("grey.png", "clear.png"):
        read = read_picture(tmp_path / name)
        assert read.shape == (8, 9, 3)
        assert (read == 77).all()


@pytest.mark.parametrize("content", [b"", b"not a picture at all"])
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(UserError, match="is not a picture"):
        read_picture(tmp_path / "x.jpg")


def test_a_damaged_picture_is_refused_without_noise(tmp_path, capfd):
    whole = saved(tmp_path / "whole.png", skimage.data.astronaut()[::4, ::4]).read_bytes()
    for length in (60, len(whole) // 2):
        (tmp_path / "x.png").write_bytes(whole[:length])
        with pytest.raises(UserError, match="is not a picture"):
            read_picture(tmp_path / "x.png")
    assert capfd.readouterr().err == ""


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "nothing.png", tmp_path):
        with pytest.raises(UserError, match="cannot read"):
            read_picture(path)


def test_pictures_before_a_bad_one_are_described(photographs, tmp_path, capsys):
    with pytest.raises(UserError, match=r"nothing\.png"):
        describe_command([photographs[0], tmp_path / "nothing.png"])
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_only_beams_that_were_measured_can_be_chosen(photographs):
    with pytest.raises(UserError, match="beam must be one of 1, 3, 5"):
        describe_command(photographs, beam=4)
