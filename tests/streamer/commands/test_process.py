from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile

from models.common.arrays import F32, I16, U8
from models.faces.tracker import Face
from models.voiceprint.state import Change
from streamer.commands.process import Summary, process
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK, FaceState, Voices
from streamer.errors import UserError
from streamer.recordings.out_folder import OutFolder
from tests.media import clip, grey, tone, write

LAG = 240


LEARNED = 25
"""Blocks after which its voice is known."""


class OneFace:
    """An engine that sees one face from `since` on and takes 0.6 of the sound for its voice."""

    def __init__(self, since: float | None = 0.0) -> None:
        self.since = since
        self.looked: list[tuple[float, tuple[int, ...]]] = []
        self.told: list[float] = []
        self._waiting: list[Voices] = []
        self._asked = 0
        self.heard = 0
        self.opened: list[str] = []
        self.known: Known | None = None
        self._tail = np.zeros(LAG, np.float32)

    def open(self, sid: str, memory: bytes | None = None, known: Known | None = None) -> None:
        self.opened.append(sid)
        self.known = known

    def close(self, sid: str) -> None:
        self.opened.remove(sid)

    def _face(self) -> list[FaceState]:
        speaking, voice = 0.8 if self.heard else 0.0, "known" if self.heard > LEARNED else "listening"
        return [FaceState(7, (0.1, 0.2, 0.3, 0.4), 0.9, True, speaking, voice, 0.5, None)]

    def voice_changes(self, sid: str) -> list[Change]:
        changes = {1: Change(0.0, 7, "listening", "heard", 0.0), LEARNED + 1: Change(0.52, 7, "known", "learned", 0.5)}
        due = [heard for heard in sorted(changes) if self._asked < heard <= self.heard]
        self._asked = self.heard
        return [changes[heard] for heard in due]

    def joined(self, sid: str) -> list[tuple[int, int]]:
        return []

    def find(self, sid: str, t: float, rgb: U8) -> tuple[list[Face], bool]:
        self.looked.append((t, rgb.shape))
        return [], t == 0

    def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
        assert found == [] and cut == (t == 0)
        self.told.append(t)
        return self._face() if self.since is not None and t >= self.since else []

    def separate(self, sid: str, t: float, pcm: F32, last: bool = False) -> list[Voices]:
        """Keep three blocks back, as an engine may."""
        self._waiting.append(self.hear({sid: (t, pcm)})[sid])
        ready = self._waiting if last else self._waiting[:-3]
        self._waiting = self._waiting[len(ready) :]
        return ready

    def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
        ((sid, (t, pcm)),) = blocks.items()
        assert pcm.shape == (BLOCK,)
        self.heard += 1
        late = np.concatenate([self._tail, pcm])
        self._tail = late[BLOCK:]
        mix = late[:BLOCK]
        faces = self._face() if any(self.since is not None and s >= self.since for s in self.told) else []
        voices = np.stack([0.6 * mix for _ in faces]) if faces else np.zeros((0, BLOCK), np.float32)
        return {sid: Voices(t - LAG / 16_000, [f.id for f in faces], voices, mix - voices.sum(0), faces)}


def run(path: Path, out: Path, engine: Any, **more: Any) -> Summary:
    return process(path, out, progress=False, engine=engine, **more)


def events(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]


def media(files: Iterable[str]) -> list[str]:
    """What is not made of the others."""
    return sorted(name for name in files if name.endswith((".wav", ".mp4", ".jsonl")))


def wav(path: Path) -> I16:
    pcm, rate = soundfile.read(path, dtype="int16")
    assert rate == 16_000
    assert soundfile.info(path).channels == 1
    return pcm


@pytest.fixture
def noise(tmp_path: Path) -> tuple[Path, I16]:
    """1.5 s of pictures with 16 kHz noise, not a whole number of blocks."""
    pcm = (np.random.default_rng(1).standard_normal(24_123) * 3000).astype(np.int16)
    pieces = [(0.0, pcm[None].astype(np.float32) / 32767)]
    path = write(
        tmp_path / "noise.mkv",
        pictures=[(i / 25, grey(90, 160, 120)) for i in range(37)],
        pieces=pieces,
        rate=16_000,
    )
    return path, pcm


def test_voice_and_rest_are_as_long_as_the_sound_in_step_with_it_and_add_up(
    noise: tuple[Path, I16], tmp_path: Path
) -> None:
    path, pcm = noise
    summary = run(path, tmp_path / "out", OneFace())
    assert media(summary.files) == ["events.jsonl", "face-7.wav", "overlay.mp4", "rest.wav"]
    face, rest = wav(tmp_path / "out/face-7.wav"), wav(tmp_path / "out/rest.wav")
    assert len(face) == len(rest) == len(pcm)
    assert np.array_equal(face.astype(int) + rest, pcm)
    # Of who is in the picture the pictures tell.
    assert not [event for event in events(tmp_path / "out") if event["type"] == "heard"]
    # The separator's delay is taken out, and its last samples are there.
    assert np.abs(face - 0.6 * pcm).max() <= 1


def test_a_face_is_silent_before_it_appears(noise: tuple[Path, I16], tmp_path: Path) -> None:
    path, pcm = noise
    run(path, tmp_path / "out", OneFace(since=0.5))
    face, rest = wav(tmp_path / "out/face-7.wav"), wav(tmp_path / "out/rest.wav")
    appears = next(e["t"] for e in events(tmp_path / "out") if e["type"] == "face")
    first = round(appears * 16_000)
    assert appears == pytest.approx(0.52, abs=0.021)
    assert not face[:first].any()
    assert np.abs(face[first : first + 100]).max() > 0
    assert np.array_equal(face.astype(int) + rest, pcm)


def test_without_a_face_the_rest_is_the_mixture(noise: tuple[Path, I16], tmp_path: Path) -> None:
    path, pcm = noise
    summary = run(path, tmp_path / "out", OneFace(since=None))
    assert media(summary.files) == ["events.jsonl", "overlay.mp4", "rest.wav"]
    assert np.array_equal(wav(tmp_path / "out/rest.wav"), pcm)
    assert summary.notes == ["no face was found: all sound is in rest.wav"]


def test_events_are_lines_with_time_type_and_the_promised_fields(tmp_path: Path) -> None:
    engine = OneFace()
    run(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", engine)
    lines = events(tmp_path / "out")
    assert all(isinstance(e["t"], int | float) and isinstance(e["type"], str) for e in lines)
    faces = [e for e in lines if e["type"] == "face"]
    assert len(faces) == 25
    assert [e["t"] for e in faces] == sorted(e["t"] for e in faces)
    assert faces[0]["id"] == 7
    assert faces[0]["box"] == [0.1, 0.2, 0.3, 0.4]
    assert faces[12]["speaking"] == 0.8
    assert (faces[0]["voice_known"], faces[-1]["voice_known"]) == (False, True)
    assert [e for e in lines if e["type"] == "voice"] == [
        {"t": 0.0, "type": "voice", "id": 7, "state": "listening", "why": "heard", "confidence": 0.0},
        {"t": 0.52, "type": "voice", "id": 7, "state": "known", "why": "learned", "confidence": 0.5},
    ]
    assert (faces[0]["voice"], faces[-1]["voice"]) == ("listening", "known")
    assert engine.opened == []


def test_lips_are_seen_a_little_before_the_sound_is_heard(tmp_path: Path) -> None:
    engine = OneFace()
    order: list[tuple[str, float]] = []
    hear, seen = engine.hear, engine.seen
    engine.hear = lambda blocks: (order.append(("hear", blocks["recording"][0])), hear(blocks))[1]  # type: ignore[method-assign]
    engine.seen = lambda sid, t, *more: (order.append(("see", t)), seen(sid, t, *more))[1]  # type: ignore[method-assign]
    run(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", engine)
    last = 0.0
    for what, t in order:
        if what == "see":
            last = t
        elif t < 0.9:
            assert 0.02 <= last - t <= 0.13


def test_overlay_has_the_sources_size_length_and_sound_and_shows_the_box(tmp_path: Path) -> None:
    pictures = [(i / 25, grey(100, 321, 241)) for i in range(25)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(0.0, tone(1.0, 48_000))], video="libvpx")
    run(path, tmp_path / "out", OneFace())
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]
        pictures = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    assert len(pictures) == 25
    height, width = pictures[0].shape[:2]
    assert (width, height) == (320, 240)
    edge = pictures[12][round(0.4 * height), round(0.1 * width)].astype(int)
    assert edge[1] > edge[0] + 40
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        seconds = sum(f.samples / f.sample_rate for f in container.decode(audio=0))
    assert seconds == pytest.approx(1.0, abs=0.05)


def test_pictures_of_a_fast_camera_are_all_in_the_overlay_but_not_all_looked_at(tmp_path: Path) -> None:
    pictures = [(i / 60, grey(90, 64, 48)) for i in range(60)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(0.0, tone(1.0, 48_000))])
    engine = OneFace()
    run(path, tmp_path / "out", engine)
    assert 18 <= len(engine.told) <= 26
    with av.open(str(tmp_path / "out/overlay.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 60


def test_no_sound_gives_overlay_and_events_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", pictures=[(i / 25, grey(90, 64, 48)) for i in range(25)])
    summary = run(path, tmp_path / "out", OneFace())
    assert media(summary.files) == ["events.jsonl", "overlay.mp4"]
    assert "no sound" in summary.notes[0]
    assert sum(e["type"] == "face" for e in events(tmp_path / "out")) == 25


def test_sound_that_starts_late_and_ends_after_the_picture_is_kept_whole(tmp_path: Path) -> None:
    pictures = [(i / 25, grey(80, 64, 48)) for i in range(20)]
    path = write(tmp_path / "a.mkv", pictures=pictures, pieces=[(0.5, tone(1.0, 16_000))], rate=16_000)
    run(path, tmp_path / "out", OneFace())
    face = wav(tmp_path / "out/face-7.wav")
    assert len(face) == 24_000 and not face[:7_900].any() and face[8_300:8_400].any()


def test_an_earlier_run_is_replaced_whole_when_that_is_asked_for(tmp_path: Path) -> None:
    path, out = clip(tmp_path / "a.mkv", 0.4), tmp_path / "out"
    run(path, out, OneFace())
    (out / "transcript.txt").write_text("edited")
    with pytest.raises(UserError, match="--force"):
        run(path, out, OneFace(since=None))
    assert (out / "transcript.txt").read_text() == "edited" and (out / "face-7.wav").exists()
    run(path.rename(tmp_path / "b.mkv"), out, OneFace(since=None), force=True)
    assert media(p.name for p in out.iterdir()) == ["events.jsonl", "overlay.mp4", "rest.wav"]


@pytest.mark.parametrize("force", [False, True])
def test_results_of_another_recording_are_never_touched(tmp_path: Path, force: bool) -> None:
    out = tmp_path / "out"
    run(clip(tmp_path / "a.mkv", 0.4), out, OneFace())
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(UserError, match="not results of this recording"):
        run(clip(tmp_path / "b.mkv", 0.6), out, OneFace(), force=force)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


@pytest.mark.parametrize("force", [False, True])
def test_a_recording_inside_the_folder_is_refused(tmp_path: Path, force: bool) -> None:
    out = tmp_path / "R"
    run(clip(tmp_path / "a.mkv", 0.4), out, OneFace())
    for path in (out / "face-7.wav", tmp_path / "link.wav"):
        if path.parent != out:
            path.symlink_to(out / "face-7.wav")
        with pytest.raises(UserError, match="is inside"):
            run(path, out, OneFace(), force=force)
    assert len(wav(out / "face-7.wav")) == 6400


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    path, out = clip(tmp_path / "a.mkv", 0.4), tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="other files"):
        run(path, out, OneFace())
    run(path, out, OneFace(), force=True)
    assert (out / "notes.txt").read_text() == "mine" and len(wav(out / "rest.wav")) == 6400


def test_a_name_that_a_run_would_take_is_not_replaced_even_with_force(tmp_path: Path) -> None:
    path, out = clip(tmp_path / "a.mkv", 0.4), tmp_path / "out"
    out.mkdir()
    (out / "rest.wav").write_text("mine")
    with pytest.raises(UserError, match=r"rest\.wav"):
        run(path, out, OneFace(), force=True)
    assert (out / "rest.wav").read_text() == "mine"


def test_what_comes_into_the_folder_meanwhile_stays_and_so_do_the_results(tmp_path: Path) -> None:
    path, out = clip(tmp_path / "a.mkv", 0.4), tmp_path / "out"

    class Slow(OneFace):
        def close(self, sid: str) -> None:
            super().close(sid)
            out.mkdir()
            (out / "rest.wav").write_text("somebody else's")

    summary = run(path, out, Slow())
    assert (out / "rest.wav").read_text() == "somebody else's"
    assert summary.out == tmp_path / "out-2" and len(wav(summary.out / "rest.wav")) == 6400
    assert "out-2" in summary.notes[-1]


def test_what_a_killed_run_left_is_cleared_up_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    path, out = clip(tmp_path / "a.mkv", 0.4), tmp_path / "out"
    dead = tmp_path / ".out-dead"
    dead.mkdir()
    (dead / ".lock").touch()
    (tmp_path / ".out-not-ours").mkdir()
    with OutFolder(out, path) as living:
        run(path, tmp_path / "out", OneFace())
        assert living.path.exists() and not dead.exists() and (tmp_path / ".out-not-ours").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out-not-ours", "a.mkv", "out", "out-2"]


def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    class Failing(OneFace):
        def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
            if self.heard == 10:
                raise RuntimeError("out of luck")
            return super().hear(blocks)

    path = clip(tmp_path / "a.mkv", 1.0)
    with pytest.raises(RuntimeError, match="out of luck"):
        run(path, tmp_path / "out", Failing())
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize("where", ["a.mkv", "a.mkv/below", "/proc/no/where"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, where: str) -> None:
    path = clip(tmp_path / "a.mkv", 0.4)
    with pytest.raises(UserError) as caught:
        run(path, tmp_path / where, OneFace())
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


def test_bad_input_leaves_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no media" * 100)
    with pytest.raises(UserError, match="cannot be read"):
        run(tmp_path / "a.mp4", tmp_path / "out", OneFace())
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
