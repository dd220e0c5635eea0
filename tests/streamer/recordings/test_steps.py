"""The first pass over a recording: everything is given once, in order and in time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from models.active_speaker.settled import Settled
from models.common.arrays import F32, U8
from models.faces.tracker import Face
from models.vision.image_runtime import fit
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK
from streamer.media.inspect import inspect
from streamer.media.pictures import Shot, shots
from streamer.media.upright import Pose
from streamer.recordings.steps import found, looks, surveyed, with_last
from tests.media import clip, grey, tone, write


class Notes:
    """A survey that notes what it is given."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.given: list[tuple[str, float]] = []
        self.sound: list[F32] = []
        self.fails_after = fails_after
        self.found = Known(Settled(0.0, [], {}, {}))

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        assert rgb.dtype == np.uint8 and rgb.ndim == 3
        return [], t == 0

    def see(self, t: float, found: list[Face], cut: bool) -> None:
        assert found == [] and cut == (t == 0)
        self.given.append(("see", t))

    def hear(self, t: float, pcm: F32) -> None:
        assert pcm.shape == (BLOCK,)
        self.given.append(("hear", t))
        self.sound.append(pcm)
        if len(self.sound) == self.fails_after:
            raise RuntimeError("out of luck")

    def finish(self) -> Known:
        return self.found


def test_sound_and_pictures_come_in_step(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", 1.0)
    notes, told = Notes(), list[float]()
    assert surveyed(path, inspect(path), notes, told.append) is notes.found
    heard = [t for what, t in notes.given if what == "hear"]
    seen = [t for what, t in notes.given if what == "see"]
    np.testing.assert_allclose(heard, np.arange(50) * 0.02, atol=1e-6)
    np.testing.assert_allclose(seen, np.arange(25) * 0.04, atol=1e-3)
    latest = -1.0
    for what, t in notes.given:
        if what == "see":
            latest = t
        else:
            # Pictures up to the end of the block are seen before it is heard, and none after.
            assert t + 0.02 - 0.04 < latest + 1e-3 and latest <= t + 0.02 + 1e-6
    assert told == heard


def test_pictures_after_the_sound_are_seen_and_no_more_than_are_looked_at(tmp_path: Path) -> None:
    pictures = [(i / 60, grey(90, 64, 48)) for i in range(90)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(0.0, tone(0.5, 16_000))], rate=16_000)
    notes, told = Notes(), list[float]()
    surveyed(path, inspect(path), notes, told.append)
    seen = [t for what, t in notes.given if what == "see"]
    assert 25 <= len(seen) <= 38 and seen[-1] > 1.4 and told[-1] > 1.4


def test_sound_alone_is_heard(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", pieces=[(0.0, tone(0.5, 16_000))], rate=16_000)
    notes = Notes()
    surveyed(path, inspect(path), notes, lambda t: None)
    assert {what for what, _ in notes.given} == {"hear"} and len(notes.sound) == 25


def test_a_failure_is_not_swallowed(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mkv", 1.0)
    with pytest.raises(RuntimeError, match="out of luck"):
        surveyed(path, inspect(path), Notes(fails_after=3), lambda t: None)


def test_faces_are_found_ahead_and_pictures_between_are_passed_on(tmp_path: Path) -> None:
    pictures = [(i / 50, grey(90, 64, 48)) for i in range(50)]
    path = write(tmp_path / "a.mkv", pictures=pictures)
    info = inspect(path)
    seen = list(found(looks(shots(path, info), True, small=True), lambda t, rgb: ([], t < 0.01)))
    assert len(seen) == 50 and sum(look.looked for look in seen) == 25
    for look in seen:
        assert look.rgb is None and (look.small is not None) == look.looked
        assert look.cut == (look.shot.t < 0.01)
    first = seen[0].small
    assert first is not None and first.shape == (224, 224, 3)


def test_the_last_item_is_known() -> None:
    assert list(with_last(iter("abc"))) == [("a", False), ("b", False), ("c", True)]
    assert list(with_last(iter(""))) == []


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_what_the_observer_sees_is_upright_too(turns: int) -> None:
    rgb = np.random.default_rng(turns).integers(0, 255, (6, 8, 3), np.uint8).repeat(40, 0).repeat(40, 1)
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
    shot = Shot(0.0, frame, Pose(turns, mirrored=turns == 3))
    small = shot.squashed(224, VideoReformatter())
    assert small.shape == (224, 224, 3)
    assert np.abs(small.astype(int) - fit(shot.rgb(1280))).mean() < 3
