import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.speech2face.drawn import DrawnFace, Unusable
from streamer.commands.face import face_command, heard, pictures_of
from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.media.made import SOURCE
from tests.media import grey, tone, write


class Drawer:
    """Draws what is as bright as the sound is long, and keeps what it heard."""

    def __init__(self):
        self.heard = []

    def draw(self, pcm):
        self.heard.append(pcm)
        if not pcm.any():
            raise Unusable("silent")
        grey = np.full((96, 96, 3), len(pcm) // 16_000, np.uint8)
        age = {"under 18": 0.0996, "18 to 29": 0.9004}
        return DrawnFace(grey, np.linspace(0, 1, 128, dtype=np.float32), {"female": 0.75, "male": 0.25}, age)


def sound_file(path, pcm):
    return write(
        path, pieces=[(i / 10, pcm[:, i * 1600 : (i + 1) * 1600]) for i in range(pcm.shape[1] // 1600)], rate=16_000
    )


def run(files, out, **how):
    drawer = Drawer()
    return face_command(files, out, make=lambda: drawer, **how), drawer


def test_a_picture_and_a_line_each(tmp_path, capsys):
    files = [sound_file(tmp_path / f"{name}.wav", tone(seconds, 16_000)) for name, seconds in (("ä", 3), ("b", 5))]
    code, _ = run(files, tmp_path / "out" / "faces")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 0 and [line["file"] for line in lines] == [str(file) for file in files]
    for line, seconds in zip(lines, (3, 5), strict=True):
        assert line["picture"] == str(tmp_path / "out" / "faces" / f"{Path(line['file']).stem}-face.png")
        assert len(line["embedding"]) == 128 and line["embedding"][127] == 1.0
        assert line["gender"] == {"female": 0.75, "male": 0.25}
        assert line["age"] == {"under 18": 0.1, "18 to 29": 0.9}
        picture = cv2.imread(line["picture"])
        assert picture[192, 192, 0] == seconds and picture.shape == (424, 384, 3)
        assert SOURCE.encode() in Path(line["picture"]).read_bytes()


def test_what_cannot_be_used_gets_a_line_on_stderr_and_the_others_go_on(tmp_path, capsys):
    silent = sound_file(tmp_path / "silent.wav", np.zeros((1, 48_000), np.float32))
    mute = write(tmp_path / "mute.mkv", pictures=[(i / 25, grey(100, 160, 120)) for i in range(25)])
    (tmp_path / "notes.txt").write_text("no sound")
    good = sound_file(tmp_path / "good.wav", tone(3, 16_000))
    code, _ = run([silent, mute, tmp_path / "notes.txt", tmp_path / "none.wav", good], tmp_path)
    out, err = capsys.readouterr()
    assert code == 2 and [json.loads(line)["file"] for line in out.splitlines()] == [str(good)]
    said = err.splitlines()
    assert len(said) == 4 and all(line.startswith("earshot: ") for line in said)
    assert said[0].endswith("silent.wav: no face: silent") and said[1].endswith("mute.mkv has no sound")
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["good-face.png"]


def test_a_picture_that_is_there_is_replaced_by_force_alone(tmp_path, capsys):
    file = sound_file(tmp_path / "a.wav", tone(3, 16_000))
    (tmp_path / "a-face.png").write_bytes(b"mine")
    assert run([file], tmp_path)[0] == 2 and (tmp_path / "a-face.png").read_bytes() == b"mine"
    assert "--force" in capsys.readouterr().err
    assert run([file], tmp_path, force=True)[0] == 0 and (tmp_path / "a-face.png").read_bytes() != b"mine"


def test_files_of_one_name_have_pictures_of_their_own():
    files = [Path(name) for name in ("x/a.wav", "a.mp3", "y/a.mp3", "b.wav")]
    names = [path.name for path in pictures_of(files, Path("out"))]
    assert names == ["a.wav-face.png", "a.mp3-face.png", "a.mp3-2-face.png", "b-face.png"]


def test_the_first_minute_of_a_stereo_recording_is_heard_as_mono(tmp_path):
    sound = tone(70, 16_000, channels=2)
    path = write(
        tmp_path / "long.wav", pieces=[(i, sound[:, i * 16_000 : (i + 1) * 16_000]) for i in range(70)], rate=16_000
    )
    pcm = heard(path, inspect(path))
    assert pcm.shape == (960_000,)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"):
        run([tmp_path / "a.wav"], tmp_path / "file" / "out")


def test_mistakes_are_answered_before_torch_is_there():
    seen = "import sys, streamer.commands.face; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", seen], check=False).returncode == 0
