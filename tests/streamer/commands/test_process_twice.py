"""`earshot process` twice over a recording, and on sound alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile

from models.active_speaker.settled import Settled
from models.common.arrays import F32, I16, U8
from models.faces.tracker import Face
from streamer.commands.process import process, process_command
from streamer.engine.survey import Known
from streamer.engine.tuning import Tuning
from streamer.engine.types import SpeakerState, Voices
from tests.media import clip, grey, write
from tests.streamer.commands.test_process import OneFace, events, media, run, wav


class TwoVoices(OneFace):
    """Hears two voices that belong to no face: the first from the beginning, the second from 0.4 s on."""

    def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
        ((sid, voices),) = super().hear(blocks).items()
        ids = [-1, -2] if self.heard > 20 else [-1]
        mix = voices.rest + voices.pcm.sum(axis=0)
        pcm = np.stack([0.5 * mix, 0.25 * mix][: len(ids)])
        others = [SpeakerState(id, 0.8, "known", 0.9) for id in ids]
        return {sid: Voices(voices.t, ids, pcm, mix - pcm.sum(axis=0), [], others)}


def sound_only(path: Path) -> tuple[Path, I16]:
    pcm = (np.random.default_rng(2).standard_normal(16_001) * 3000).astype(np.int16)
    soundfile.write(path, pcm, 16_000, subtype="PCM_16")
    return path, pcm


def test_sound_alone_gives_a_file_a_voice(tmp_path: Path) -> None:
    path, pcm = sound_only(tmp_path / "a.wav")
    summary = run(path, tmp_path / "out", TwoVoices(since=None))
    assert media(summary.files) == ["events.jsonl", "rest.wav", "voice-1.wav", "voice-2.wav"]
    assert summary.voices == [1, 2] and summary.faces == []
    first, second, rest = (wav(tmp_path / "out" / f"{name}.wav") for name in ("voice-1", "voice-2", "rest"))
    assert len(first) == len(second) == len(rest) == len(pcm)
    assert np.array_equal(first.astype(int) + second + rest, pcm)
    assert np.abs(first - 0.5 * pcm).max() <= 1
    assert not second[: round(0.38 * 16_000)].any() and np.abs(second[7000:] - 0.25 * pcm[7000:]).max() <= 1
    assert summary.notes == ["the file has no video, so no faces: voices are told apart by their sound alone"]
    assert events(tmp_path / "out")[-1]["voices"] == [1, 2]
    heard = [event for event in events(tmp_path / "out") if event["type"] == "heard"]
    assert [event["t"] for event in heard if event["id"] == -1] == pytest.approx(
        [0.04 * i for i in range(25)], abs=0.03
    )
    assert {event["id"] for event in heard} == {-1, -2} and all(event["speaking"] == 0.8 for event in heard)


def test_sound_in_which_nobody_is_known_is_rest(tmp_path: Path) -> None:
    path, pcm = sound_only(tmp_path / "a.wav")
    summary = run(path, tmp_path / "out", OneFace(since=None))
    assert media(summary.files) == ["events.jsonl", "rest.wav"]
    assert np.array_equal(wav(tmp_path / "out/rest.wav"), pcm)
    assert summary.notes == ["the file has no video, so no faces: all sound is in rest.wav"]


class FakeSurvey:
    """The first pass of `Learning`."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self.heard: list[float] = []
        self.found = Known(Settled(0.0, [], {}, {}))

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        return [], False

    def see(self, t: float, found: list[Face], cut: bool) -> None:
        self.seen.append(t)

    def hear(self, t: float, pcm: F32) -> None:
        self.heard.append(t)

    def finish(self) -> Known:
        return self.found


class Learning(OneFace):
    """An engine that can go through a recording before."""

    made: ClassVar[list[Learning]] = []

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device, self.surveys = device, list[FakeSurvey]()
        self.made.append(self)

    tuned: ClassVar[list[Known]] = []

    def tune(self, known: Known, tell: Callable[[float], None]) -> Tuning:
        assert self.surveys and not self.heard
        tell(0.5)
        self.tuned.append(known)
        return Tuning([1, 2], 1.26, True, "tuned to 2 voices, +1.3 dB on speech held back")

    def survey(self) -> FakeSurvey:
        assert self.heard == 0
        self.surveys.append(FakeSurvey())
        return self.surveys[-1]


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> list[Learning]:
    monkeypatch.setattr(Learning, "made", [])
    monkeypatch.setattr(Learning, "tuned", [])
    monkeypatch.setattr("streamer.engine.engine.Engine", Learning)
    return Learning.made


def test_a_recording_is_gone_through_twice(tmp_path: Path, learning: list[Learning]) -> None:
    summary = process(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", progress=False)
    (engine,) = learning
    (survey,) = engine.surveys
    assert len(survey.heard) == 50 and len(survey.seen) == 25
    assert engine.known is survey.found and summary.learning > 0
    # The last samples are pressed out of the separator by one block more.
    assert engine.heard == 51 and engine.told == survey.seen
    assert media(summary.files) == ["events.jsonl", "face-7.wav", "overlay.mp4", "rest.wav"]


def tunings(out: Path) -> list[dict[str, Any]]:
    lines = (out / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["type"] == "tuning"]


def test_between_the_passes_the_separator_is_tuned(
    tmp_path: Path, learning: list[Learning], capsys: pytest.CaptureFixture[str]
) -> None:
    path = clip(tmp_path / "a.mkv", 0.4)
    assert process_command([path], tmp_path / "out", speech=None) == 0
    (engine,) = learning
    assert engine.tuned == [engine.known] and engine.surveys[0].found is engine.known
    said = capsys.readouterr().out
    assert "a.mkv: tuned to 2 voices, +1.3 dB on speech held back\n" in said and "s of tuning to them (" in said
    text = "tuned to 2 voices, +1.3 dB on speech held back"
    assert tunings(tmp_path / "out") == [
        {"t": 0.0, "type": "tuning", "voices": [1, 2], "gain": 1.26, "kept": True, "text": text}
    ]


@pytest.mark.parametrize("how", [{"adapt": False}, {"one_pass": True}])
def test_it_is_not_tuned_where_that_is_not_wanted(
    how: dict[str, bool], tmp_path: Path, learning: list[Learning], capsys: pytest.CaptureFixture[str]
) -> None:
    assert process_command([clip(tmp_path / "a.mkv", 0.4)], tmp_path / "out", speech=None, **how) == 0
    assert learning[0].tuned == [] and tunings(tmp_path / "out") == []
    assert "tun" not in capsys.readouterr().out.replace(str(tmp_path), "")


def test_one_pass_is_as_in_a_call(tmp_path: Path, learning: list[Learning]) -> None:
    summary = process(clip(tmp_path / "a.mkv", 1.0), tmp_path / "out", progress=False, one_pass=True)
    (engine,) = learning
    assert engine.surveys == [] and engine.known is None and engine.heard == 51 and summary.learning == 0


def test_without_sound_there_is_nothing_to_learn(tmp_path: Path, learning: list[Learning]) -> None:
    path = write(tmp_path / "a.mkv", pictures=[(i / 25, grey(90, 64, 48)) for i in range(10)])
    assert process(path, tmp_path / "out", progress=False).learning == 0
    assert learning[0].surveys == [] and len(learning[0].told) == 10


def test_several_recordings_share_the_models(tmp_path: Path, learning: list[Learning]) -> None:
    paths = [clip(tmp_path / f"{name}.mkv", 0.4) for name in "abc"]
    assert process_command(paths, tmp_path / "out", one_pass=True, speech=None) == 0
    (engine,) = learning
    assert engine.heard == 3 * 21 and engine.opened == []
    for name in "abc":
        assert wav(tmp_path / f"out/{name}/rest.wav").shape == wav(tmp_path / "out/a/rest.wav").shape


def test_the_command_says_how_long_it_learnt(
    tmp_path: Path, learning: list[Learning], capsys: pytest.CaptureFixture[str]
) -> None:
    path = clip(tmp_path / "a.mkv", 0.4)
    assert process_command([path], tmp_path / "out", speech=None) == 0
    assert "s of learning voices and 0.0 s of tuning to them (" in capsys.readouterr().out
    assert process_command([path], tmp_path / "out", one_pass=True, speech=None, force=True) == 0
    assert "learning" not in capsys.readouterr().out
