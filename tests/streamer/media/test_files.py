from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.media.pictures import Shot, shots
from streamer.media.sound import sound
from streamer.media.upright import Pose
from tests.media import clip, grey, tone, write


def test_a_plain_file_is_described(tmp_path: Path) -> None:
    info = inspect(clip(tmp_path / "a.mkv", 1.0))
    assert (info.width, info.height, info.audio_rate, info.channels) == (160, 120, 48_000, 1)
    assert info.duration == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 48_000])
def test_resampled_sound_is_as_long_as_the_original(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.wav"
    samples = rate * 3 // 2 + 7
    soundfile.write(path, tone(1.6, rate)[0, :samples], rate, subtype="PCM_16")
    info = inspect(path)
    made = sum(piece.pcm.shape[1] for piece in sound(path, info, 16_000))
    assert abs(made - samples * 16_000 / rate) <= 1


def test_16_khz_sound_comes_out_bit_for_bit(tmp_path: Path) -> None:
    pcm = (np.random.default_rng(0).standard_normal(16_123) * 3000).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", pcm, 16_000, subtype="PCM_16")
    info = inspect(tmp_path / "a.wav")
    out = np.concatenate([p.pcm[0] for p in sound(tmp_path / "a.wav", info, 16_000)])
    assert np.array_equal(np.rint(out * 32768).astype(np.int16), pcm)


def test_sound_that_starts_later_than_the_picture_is_silent_before(tmp_path: Path) -> None:
    pictures = [(i / 25, grey(80, 64, 48)) for i in range(50)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(0.5, tone(1.0, 48_000))])
    info = inspect(path)
    pieces = list(sound(path, info, 16_000))
    pcm = np.concatenate([piece.pcm[0] for piece in pieces])
    assert pieces[0].t == 0 and len(pcm) == pytest.approx(24_000, abs=40)
    assert not pcm[:7_900].any() and np.abs(pcm[8_100:8_200]).max() > 0.2
    assert next(shots(path, info)).t == pytest.approx(0, abs=0.002)


def test_missing_sound_is_silent_and_as_long_as_it_was(tmp_path: Path) -> None:
    pieces = [(0.0, tone(0.5, 48_000)), (1.25, tone(0.5, 48_000))]
    path = write(tmp_path / "a.mkv", pieces=pieces)
    out = np.concatenate([p.pcm[0] for p in sound(path, inspect(path))])
    assert len(out) == pytest.approx(1.75 * 48_000, abs=96)
    assert np.abs(out[25_000:59_000]).max() == 0
    assert np.abs(out[61_000:]).max() > 0.2


def test_uneven_frame_times_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.04, 0.2, 0.21, 0.5, 1.3]
    path = write(tmp_path / "a.mkv", pictures=[(t, grey(50, 64, 48)) for t in times])
    seen = [shot.t for shot in shots(path, inspect(path))]
    assert seen == pytest.approx(times, abs=0.002)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_rotated_pictures_are_put_upright_the_same_way_in_both_forms(turns: int) -> None:
    rgb = grey(20, 64, 48)
    rgb[:24, :32] = 220
    shot = Shot(0.0, av.VideoFrame.from_ndarray(rgb, format="rgb24"), Pose(turns))
    expected = np.rot90(rgb, turns)[..., 0] > 128
    height, width = expected.shape
    assert np.mean((shot.rgb(1280)[..., 0] > 128) == expected) > 0.98
    assert np.mean((shot.planes(width, height)[:height] > 128) == expected) > 0.98
    upright = shot.upright(720)
    assert (upright.width, upright.height) == (width, height)


def test_wide_pictures_are_shrunk_for_the_models_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures=[(0.0, grey(50, 1920, 1080))])
    shot = next(shots(path, inspect(path)))
    assert shot.rgb(1280).shape == (720, 1280, 3)
    assert shot.frame.width == 1920


def test_sound_alone_and_pictures_alone_are_enough(tmp_path: Path) -> None:
    alone = inspect(write(tmp_path / "a.mka", pieces=[(0.0, tone(0.2, 48_000, 2))]))
    assert (alone.video, alone.channels) == (None, 2)
    mute = inspect(write(tmp_path / "b.mkv", pictures=[(0.0, grey(9, 64, 48))]))
    assert (mute.audio, mute.audio_rate) == (None, 0)
    assert list(sound(tmp_path / "b.mkv", mute)) == []
    assert list(shots(tmp_path / "a.mka", alone)) == []


def test_a_file_cut_short_gives_what_is_there(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mkv", 2.0).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) * 6 // 10])
    seconds = sum(p.pcm.shape[1] for p in sound(cut, inspect(cut))) / 48_000
    assert 0.5 < seconds < 1.9


def _bad(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello\n" * 400)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "head.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(400))
    return {
        "no such file": tmp_path / "missing.mp4",
        "is empty": tmp_path / "empty.mp4",
        "is a folder": tmp_path / "folder.mp4",
        "cannot be read": tmp_path / "text.mp4",
        "cannot be read as": tmp_path / "head.mp4",
    }


@pytest.mark.parametrize("reason", ["no such file", "is empty", "is a folder", "cannot be read", "cannot be read as"])
def test_what_is_no_media_is_refused_with_a_reason_on_one_line(tmp_path: Path, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        inspect(_bad(tmp_path)[reason])
    assert "\n" not in str(caught.value)
