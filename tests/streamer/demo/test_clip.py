"""The demo clip is what the README shows and the browser test measures: it has to hold what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from models.faces.mesh import FaceMesher, aligned_lips, roi_of_mesh
from models.portrait.find import find_face
from models.portrait.mouth import Mouth, opening
from streamer.commands.process import process
from streamer.demo.clip import DemoClip, demo_clip
from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.media.pictures import shots
from streamer.media.sound import sound

F64 = NDArray[np.float64]


@pytest.fixture(scope="module")
def made() -> DemoClip:
    return demo_clip()


@pytest.fixture(scope="module")
def sources(made: DemoClip) -> list[F64]:
    return [soundfile.read(path)[0] for path in made.sources]


def test_clip_is_480p_and_loops_on_whole_frames(made: DemoClip) -> None:
    info = inspect(made.path)
    assert (info.width, info.height, info.frame_rate, info.audio_rate) == (854, 480, 25, 48_000)
    length = sum(piece.pcm.shape[1] for piece in sound(made.path, info))
    pictures = list(shots(made.path, info))
    assert length == len(pictures) * 1920
    assert 30 <= length / 48_000 <= 60
    first, last = pictures[0].rgb(854).astype(int), pictures[-1].rgb(854).astype(int)
    middle = pictures[len(pictures) // 3].rgb(854).astype(int)
    assert np.abs(first - last).mean() < 0.5 * np.abs(first - middle).mean()


def test_sources_add_up_to_the_sound_equally_loud_and_follow_the_schedule(made: DemoClip, sources: list[F64]) -> None:
    info = inspect(made.path)
    heard = np.concatenate([piece.pcm[0] for piece in sound(made.path, info, 16_000)])
    both = sources[0] + sources[1]
    assert len(heard) == len(both)
    assert np.corrcoef(heard, both)[0, 1] > 0.99
    rms = []
    for turn in made.schedule:
        part = slice(round(turn.start * 16_000), round(turn.end * 16_000))
        for i, source in enumerate(sources):
            level = np.sqrt(np.mean(source[part] ** 2))
            if i in turn.speakers:
                rms.append(level)
            else:
                assert level == 0
    assert max(rms) / min(rms) < 2
    alone = [turn.speakers for turn in made.schedule]
    assert {(0,), (1,), (0, 1)} <= set(alone)


def test_lips_say_what_their_own_voice_says(made: DemoClip, sources: list[F64]) -> None:
    """On the finished pictures, measured with the mesh that the engine uses."""
    info = inspect(made.path)
    mesher = FaceMesher()
    halves: list[list[float]] = [[], []]
    rois = [None, None]
    frames = slice(250, 550)
    for i, shot in enumerate(shots(made.path, info)):
        if not frames.start <= i < frames.stop:
            continue
        rgb = shot.rgb(854)
        for side in (0, 1):
            half = np.ascontiguousarray(rgb[:, side * 427 : (side + 1) * 427])
            roi = rois[side]
            mesh = find_face(half, mesher) if roi is None else mesher.mesh(half, roi)
            rois[side] = roi_of_mesh(mesh)
            halves[side].append(float(opening(aligned_lips(mesh))))
    mouth = Mouth()
    meant = [opening(mouth.shapes(voice.astype(np.float32))) for voice in sources]
    for side in (0, 1):

        def agree(late: int, voice: int, shown: list[float] = halves[side]) -> float:
            return float(np.corrcoef(meant[voice][frames.start - late : frames.stop - late], shown)[0, 1])

        own = [agree(late, side) for late in range(-4, 5)]
        assert max(own) > 0.9 and int(np.argmax(own)) == 4, own
        assert agree(0, side) > agree(0, 1 - side) + 0.4
        assert np.ptp(halves[side]) > 0.08, "eye distances"


def test_clip_is_made_once(made: DemoClip) -> None:
    before = made.path.stat().st_mtime_ns
    assert demo_clip().path.stat().st_mtime_ns == before
    statement = json.loads((made.path.parent / "demo.json").read_text())["statement"]
    assert "puppets" in statement


def test_cache_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be kept"):
        demo_clip(tmp_path / "file" / "below")


def test_each_face_gets_its_own_voice(made: DemoClip, sources: list[F64], tmp_path: Path) -> None:
    """The key figure: 10 dB more of its own source than of the other's while both talk."""
    # As in a call, so without being tuned to them.
    process(made.path, tmp_path / "out", progress=False, adapt=False, overlay=False)
    events = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text().splitlines()]
    boxes: dict[int, list[float]] = {}
    for event in events:
        if event["type"] == "face":
            boxes.setdefault(event["id"], []).append(event["box"][0] + event["box"][2] / 2)
    faces = sorted(boxes, key=lambda id: -len(boxes[id]))[:2]
    by_side = {int(np.mean(boxes[id]) > 0.5): id for id in faces}
    assert set(by_side) == {0, 1}
    for side, id in by_side.items():
        voice = soundfile.read(tmp_path / f"out/face-{id}.wav")[0]
        assert len(voice) == len(sources[0])
        for turn in made.schedule:
            part = slice(round(turn.start * 16_000), round(turn.end * 16_000))
            if len(turn.speakers) == 2:
                base = np.stack([sources[side][part], sources[1 - side][part]], axis=1)
                own, other = np.linalg.lstsq(base, voice[part], rcond=None)[0]
                assert 20 * np.log10(abs(own) / abs(other)) >= 10, (side, turn)
                assert own > 0.4
    speaking = {
        side: [e["speaking"] for e in events if e.get("id") == by_side[side] and e["type"] == "face"]
        for side in by_side
    }
    for side in by_side:
        times = [e["t"] for e in events if e.get("id") == by_side[side] and e["type"] == "face"]
        alone = next(t for t in made.schedule if t.speakers == (side,))
        quiet = next(t for t in made.schedule if t.speakers == (1 - side,))

        def mean(turn: object, times: list[float] = times, side: int = side) -> float:
            inside = [s for t, s in zip(times, speaking[side], strict=True) if turn.start < t < turn.end]  # type: ignore[attr-defined]
            return float(np.mean(inside))

        assert mean(alone) > mean(quiet) + 0.3


def test_the_clip_reads_as_plain_h264_and_aac(made: DemoClip) -> None:
    with av.open(str(made.path)) as container:
        assert [s.codec_context.name for s in container.streams] == ["h264", "aac"]
