"""Exports that are media, read back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from streamer.media.inspect import inspect
from streamer.recordings.exports.muxing import flattened, remuxed
from streamer.recordings.exports.tracks import write_tracks
from streamer.recordings.exports.wav_rate import change_rate
from streamer.transcripts.subtitles import Cue
from tests.media import clip, grey, write

CUES = [Cue(0, 1000, 1, ("Hello", "there.")), Cue(500, 1500, 2, ("é",))]


def noise(path: Path, seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    pcm = (np.random.default_rng(seed).standard_normal(round(seconds * 16_000)) * 3000).astype(np.int16)
    soundfile.write(path, pcm, 16_000)
    return pcm


def said(path: Path) -> list[tuple[int, int, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        packets = [(p.pts, p.duration, bytes(p)) for p in container.demux(stream) if p.size]
    return [(t, lasts, raw[2 * (path.suffix == ".mp4") :].decode()) for t, lasts, raw in packets]


def test_what_stands_at_once_is_put_together() -> None:
    assert flattened(CUES) == [(0, 500, "Hello\nthere."), (500, 1000, "Hello\nthere.\né"), (1000, 1500, "é")]
    assert flattened([]) == []


def test_a_track_a_speaker_and_the_picture_as_it_was(tmp_path: Path) -> None:
    path = clip(tmp_path / "a.mp4", 1.0)
    pcm = [noise(tmp_path / name, seed=seed) for seed, name in enumerate(("face-1.wav", "rest.wav"))]
    info = inspect(path)
    voices = [("face-1.wav", "Anna"), ("rest.wav", "Everything else")]
    assert write_tracks(tmp_path, voices, 0.5, CUES, (path, info.video, info.pictures.shifts)) == ("tracks.mkv", None)
    with av.open(str(tmp_path / "tracks.mkv")) as made, av.open(str(path)) as source:
        assert [s.metadata.get("title") for s in made.streams] == [None, "Anna", "Everything else", "Subtitles"]
        assert [s.codec_context.name for s in made.streams][:3] == ["h264", "flac", "flac"]
        pictures = [bytes(p) for p in made.demux(video=0) if p.size]
        assert sorted(map(len, pictures)) == sorted(p.size for p in source.demux(video=0) if p.size)
    with av.open(str(tmp_path / "tracks.mkv")) as made:
        assert [frame.time for frame in made.decode(video=0)] == pytest.approx([i / 25 for i in range(25)], abs=0.001)
    for index, wanted in enumerate(pcm):
        with av.open(str(tmp_path / "tracks.mkv")) as made:
            frames = list(made.decode(audio=index))
        assert frames[0].time == pytest.approx(0.5, abs=0.001)
        assert np.array_equal(np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]), wanted)
    assert [(t, text) for t, _, text in said(tmp_path / "tracks.mkv")] == [(a, text) for a, _, text in flattened(CUES)]


def test_without_a_picture_or_with_one_whose_clock_jumps_there_is_sound(tmp_path: Path) -> None:
    noise(tmp_path / "rest.wav")
    assert write_tracks(tmp_path, [("rest.wav", "Rest")], 0.0, [], None) == ("tracks.mka", None)
    with av.open(str(tmp_path / "tracks.mka")) as made:
        assert [s.type for s in made.streams] == ["audio"]
    pictures = [(t, grey(90, 64, 48)) for t in (0.0, 0.04, 700.0, 700.04)]
    path = write(tmp_path / "jump.mkv", pictures=pictures)
    name, missing = write_tracks(tmp_path, [("rest.wav", "Rest")], 0.0, [], (path, 0, ()))
    assert name == "tracks.mka" and missing is not None and "picture" in missing
    assert not (tmp_path / "tracks.mkv").exists()


def test_a_clock_that_is_mended_is_copied_mended_from_a_file_of_any_name(tmp_path: Path) -> None:
    pictures = [(t, grey(90, 64, 48)) for t in (0.0, 0.04, 700.0, 700.04)]
    path = write(tmp_path / "jump.mkv", pictures=pictures, video="mpeg4", clock=1000).rename(tmp_path / "12:30.mkv")
    noise(tmp_path / "rest.wav")
    assert write_tracks(tmp_path, [("rest.wav", "Rest")], 0.0, [], (path, 0, ((0, 0.5), (2, -699.42))))[1] is None
    with av.open(str(tmp_path / "tracks.mkv")) as made:
        assert [frame.time for frame in made.decode(video=0)] == pytest.approx([0.5, 0.54, 0.58, 0.62])


def test_subtitles_and_titles_are_replaced_and_all_else_stays(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.mp4", 1.0, rate=16_000)
    for name in ("a.mp4", "a.mkv"):
        old, new = tmp_path / name, tmp_path / f"new-{name}"
        if name == "a.mkv":
            noise(tmp_path / "rest.wav")
            write_tracks(tmp_path, [("rest.wav", "Old")], 0.0, CUES[:1], (source, 0, ()))
            (tmp_path / "tracks.mkv").rename(old)
        remuxed(old, new, ["New"], CUES[1:])
        remuxed(new, old, ["Newest"], CUES)
        assert next(one for one in said(old) if one[2]) == (0, 500, "Hello\nthere.")
        with av.open(str(old)) as made:
            assert [s.type for s in made.streams] == ["video", "audio", "subtitle"]
            assert made.streams.audio[0].metadata.get("title", "Newest") == "Newest"
            assert [f.time for f in made.decode(video=0)] == pytest.approx([i / 25 for i in range(25)], abs=0.001)


def test_another_rate_keeps_length_and_step(tmp_path: Path) -> None:
    t = np.arange(16_001) / 16_000
    tone = (9000 * np.sin(2 * np.pi * 440 * t) * (t > 0.5)).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", tone, 16_000)
    change_rate(tmp_path / "a.wav", 48_000)
    pcm, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (rate, len(pcm)) == (48_000, 48_003)
    wanted = 9000 * np.sin(2 * np.pi * 440 * np.arange(48_003) / 48_000)
    middle = slice(30_000, 45_000)
    assert np.abs(pcm[middle] - wanted[middle]).max() < 100
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]
