import json

import numpy as np
import pytest

from streamer.commands.tag import tag, tag_command, windows
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.inspect import inspect
from tests.media import clip, grey, tone, write
from tests.streamer.media.test_odd_sound import talk, tracks


class Loudness:
    """Says "loud" of what is loud, with the level as its probability, and keeps what it was given."""

    WINDOW = 64_000

    def __init__(self):
        self.heard = []

    def tags(self, pcm):
        self.heard.extend(pcm)
        level = np.abs(pcm).max(axis=1)
        return [[("loud", float(p)), ("whole", 0.1)] if p > 0.1 else [] for p in level]

    def classes(self, pcm):
        return [[("Sine wave", float(p)), ("Chirp tone", 0.2), ("Silence", 0.1)] for p in np.abs(pcm).max(axis=1)]


def sound_file(path, pcm, rate=16_000, audio="pcm_s16le"):
    step = rate // 10
    pieces = [(i / rate, pcm[:, i : i + step]) for i in range(0, pcm.shape[1], step)]
    return write(path, pieces=pieces, rate=rate, audio=audio)


def test_the_stretches_are_a_second_apart_and_end_with_the_file(tmp_path):
    pcm = np.linspace(-0.5, 0.5, 104_000, dtype=np.float32)
    path = sound_file(tmp_path / "a.wav", pcm[None])
    got = list(windows(path, inspect(path), 64_000))
    starts = [0, 16_000, 32_000, 40_000]
    assert len(got) == len(starts)
    for stretch, start in zip(got, starts, strict=True):
        np.testing.assert_allclose(stretch, pcm[start : start + 64_000], atol=1e-4)


def test_a_file_of_just_the_window_gives_one_stretch(tmp_path):
    path = sound_file(tmp_path / "a.wav", tone(4, 16_000))
    assert len(list(windows(path, inspect(path), 64_000))) == 1


def test_a_short_file_is_silent_after_its_end(tmp_path):
    path = sound_file(tmp_path / "a.wav", tone(0.5, 16_000))
    (only,) = windows(path, inspect(path), 64_000)
    assert only.shape == (64_000,) and np.abs(only[:8000]).max() > 0.25 and not only[8000:].any()


def test_tags_are_the_highest_of_the_whole_file(tmp_path):
    pcm = np.concatenate([0.5 * tone(5, 16_000), tone(5, 16_000)], axis=1)
    tagger = Loudness()
    found = tag(sound_file(tmp_path / "a.wav", pcm), tagger)
    assert found["duration"] == 10.0 and len(tagger.heard) == 7
    assert found["tags"] == [["loud", pytest.approx(0.3, abs=0.001)], ["whole", 0.1]]


def test_raw_classes_are_there_when_wanted_the_best_of_the_whole_file(tmp_path):
    found = tag(
        sound_file(tmp_path / "a.wav", np.concatenate([0.1 * tone(5, 16_000), tone(5, 16_000)], axis=1)),
        Loudness(),
        top=2,
    )
    assert found["classes"] == [["Sine wave", pytest.approx(0.3, abs=0.001)], ["Chirp tone", 0.2]]


def test_what_has_no_name_is_told_only_where_nothing_has(tmp_path):
    class Unsure(Loudness):
        def tags(self, pcm):
            return [[("unknown sound", 0.9)] if p < 0.2 else [("dog bark", 0.6)] for p in np.abs(pcm).max(axis=1)]

    soft, loud = 0.5 * tone(5, 16_000), tone(5, 16_000)
    assert tag(sound_file(tmp_path / "a.wav", soft), Unsure())["tags"] == [["unknown sound", 0.9]]
    assert tag(sound_file(tmp_path / "b.wav", np.concatenate([soft, loud], 1)), Unsure())["tags"] == [["dog bark", 0.6]]


def test_silence_has_no_tags(tmp_path):
    assert tag(sound_file(tmp_path / "a.wav", np.zeros((1, 80_000), np.float32)), Loudness())["tags"] == []


def test_a_video_in_stereo_at_48_khz_is_heard_as_mono_at_16(tmp_path):
    sound = tone(2, 48_000, channels=2)
    pieces = [(i / 10, sound[:, i * 4800 : (i + 1) * 4800]) for i in range(20)]
    pictures = [(i / 25, grey(100, 160, 120)) for i in range(50)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=pieces, audio="aac")
    tagger = Loudness()
    tag(path, tagger)
    heard = tagger.heard[0][4000:28_000]
    pitch = np.abs(np.fft.rfft(heard)).argmax() * 16_000 / len(heard)
    assert len(tagger.heard) == 1 and pitch == pytest.approx(440, abs=1)


def test_a_line_of_json_a_file(tmp_path, capsys):
    files = [clip(tmp_path / "a.mkv"), sound_file(tmp_path / "ü.wav", tone(1, 16_000))]
    assert tag_command(files, Loudness()) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["file"] for line in lines] == [str(path) for path in files]
    assert all(line["tags"][0][0] == "loud" for line in lines)


def test_bad_input_is_told_and_does_not_stop_the_rest(tmp_path, capsys):
    good = clip(tmp_path / "a.mkv")
    (tmp_path / "empty.wav").touch()
    bad = [tmp_path / "none.wav", tmp_path / "empty.wav", tmp_path]
    assert tag_command([*bad, good], Loudness()) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["file"] == str(good)
    assert len(said.err.splitlines()) == 4 and "3 of 4 files failed" in said.err
    for one in bad:
        with pytest.raises(UserError):
            tag_command([one], Loudness())
    silent = write(tmp_path / "silent.mkv", pictures=[(i / 25, grey(9, 64, 64)) for i in range(10)])
    with pytest.raises(UserError, match="has no sound"):
        tag_command([silent], Loudness())
    assert capsys.readouterr().out == ""


def test_cancelling_channels_are_heard_and_that_is_told(tmp_path, capsys):
    pcm = tone(1, 16_000)
    path = sound_file(tmp_path / "a.wav", np.concatenate([pcm, -pcm]))
    assert tag_command([path], Loudness()) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["tags"][0] == ["loud", pytest.approx(0.3, abs=0.01)]
    assert said.err == f"earshot: {path}: left and right cancel each other: the right one is turned over\n"


def test_a_sound_track_can_be_chosen(tmp_path, capsys):
    path = tracks(tmp_path / "a.mka", talk(0.5, 1, level=0.05), talk(0.5, 2, level=0.2))
    levels = []
    for choice in (Choice(), Choice(track=2), Choice(mix=True)):
        tagger = Loudness()
        assert tag_command([path], tagger, choice) == 0
        levels.append(float(np.abs(tagger.heard[0]).max()))
    assert levels[0] < 0.3 < levels[1] and 0.3 < levels[2]
