"""`earshot talk`: what it writes, whether lips and sound go together, and what it refuses."""

import re
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import skimage.data
import soundfile
from typer.testing import CliRunner

from models.common.arrays import F32
from models.common.weights import packaged
from models.faces.mesh import FaceMesher, Mesh, aligned_lips, roi_of_mesh
from models.portrait.find import find_portrait
from models.portrait.mouth import RATE, Mouth, opening
from streamer.cli import app
from streamer.media.inspect import inspect
from streamer.media.made import SOURCE
from streamer.media.made_video import COMMENT
from streamer.media.sound import sound
from tests.media import grey, write

SECONDS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("talk")


@pytest.fixture(scope="module")
def portrait(folder):
    path = folder / "portrait.png"
    cv2.imwrite(str(path), np.ascontiguousarray(skimage.data.astronaut()[:, :, ::-1]))
    return path


@pytest.fixture(scope="module")
def speech(folder):
    pcm, rate = soundfile.read(packaged("moonshine_voice", "assets", "two_cities.wav"), frames=48_000 * SECONDS)
    path = folder / "speech.wav"
    soundfile.write(path, pcm[: SECONDS * rate], rate)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["talk", *map(str, arguments)])


@pytest.fixture(scope="module")
def video(folder, portrait, speech) -> Path:
    path = folder / "out.mp4"
    done = run("--portrait", portrait, "--audio", speech, "--out", path)
    assert done.exit_code == 0, done.output
    assert not list(folder.glob(".*"))
    return path


def openings(path: Path) -> F32:
    """What the face tracker sees in the video."""
    mesher, mesh, found = FaceMesher(), None, []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            rgb = np.asarray(frame.to_ndarray(format="rgb24"))
            mesh = _first(rgb) if mesh is None else mesher.mesh(rgb, roi_of_mesh(mesh))
            found.append(float(opening(aligned_lips(mesh))))
    return np.array(found, np.float32)


def _first(rgb) -> Mesh:
    return find_portrait(rgb)[1]


def test_it_is_h264_and_aac_as_long_as_the_sound_and_says_that_it_is_made(video):
    with av.open(str(video)) as container:
        picture, track = container.streams.video[0], container.streams.audio[0]
        assert (picture.codec_context.name, track.codec_context.name) == ("h264", "aac")
        assert picture.average_rate == RATE and picture.frames == SECONDS * RATE
        assert container.duration / 1e6 == pytest.approx(SECONDS, abs=0.05)
        assert container.metadata["comment"] == COMMENT
    assert SOURCE.encode() in video.read_bytes()


def test_lips_are_in_step_with_the_sound_within_a_picture(video):
    """The sound of the finished file, heard anew, wants the mouth that the file shows then."""
    info = inspect(video)
    heard = np.concatenate([piece.pcm.mean(axis=0) for piece in sound(video, info, 16_000)])
    wanted, seen = opening(Mouth().shapes(heard)), openings(video)
    count = min(len(wanted), len(seen))
    a, b = wanted[:count] - wanted[:count].mean(), seen[:count] - seen[:count].mean()
    lags = range(-5, 6)
    alike = [float(np.corrcoef(a[5:-5], np.roll(b, -lag)[5:-5])[0, 1]) for lag in lags]
    best = int(np.argmax(alike))
    assert alike[best] > 0.8, alike
    # A parabola through the highest and its neighbours: finer than a picture.
    low, top, high = alike[best - 1], alike[best], alike[best + 1]
    offset = lags[best] + 0.5 * (low - high) / (low - 2 * top + high)
    assert abs(offset) * 40 < 20


def test_the_same_seed_gives_the_same_video(folder, portrait, speech):
    pcm, rate = soundfile.read(speech)
    short = folder / "short.wav"
    soundfile.write(short, pcm[: rate // 2], rate)
    made = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        path = folder / f"{name}.mp4"
        assert run("--portrait", portrait, "--audio", short, "--out", path, "--seed", seed).exit_code == 0
        made.append(path.read_bytes())
    assert made[0] == made[1] != made[2]


def test_a_file_that_is_there_is_replaced_only_by_force(video, portrait, speech):
    done = run("--portrait", portrait, "--audio", speech, "--out", video)
    assert done.exit_code == 2 and "--force" in done.output


def refused(*arguments):
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert done.output.count("\n") == 1 and done.output.startswith("earshot: ")
    return done.output


def test_what_cannot_talk_is_refused_in_one_line(folder, portrait, speech):
    out = folder / "refused.mp4"
    wall, crowd, tiny = (folder / f"{name}.png" for name in ("wall", "crowd", "tiny"))
    cv2.imwrite(str(wall), grey(120, 320, 240))
    face = np.ascontiguousarray(skimage.data.astronaut()[0:220, 110:330, ::-1])
    cv2.imwrite(str(crowd), np.concatenate([face, face], axis=1))
    cv2.imwrite(str(tiny), face[::4, ::4])
    assert "no face is found" in refused("--portrait", wall, "--audio", speech, "--out", out)
    assert "2 faces are found" in refused("--portrait", crowd, "--audio", speech, "--out", out)
    assert "too small" in refused("--portrait", tiny, "--audio", speech, "--out", out)
    mute = write(folder / "mute.mp4", pictures=[(i / 25, grey(100, 64, 48)) for i in range(5)])
    assert "has no sound" in refused("--portrait", portrait, "--audio", mute, "--out", out)
    assert re.search("not a picture", refused("--portrait", speech, "--audio", speech, "--out", out))
    assert "MP4" in refused("--portrait", portrait, "--audio", speech, "--out", folder / "a.avi")
    assert "cannot write" in refused("--portrait", portrait, "--audio", speech, "--out", folder / "none" / "a.mp4")
    assert not out.exists()
