"""`earshot process` on recordings that lack something: what it says, and what it leaves when it is ended."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.common.arrays import F32
from models.common.weights import packaged
from models.faces.tracker import Face
from models.speech.moonshine import Moonshine
from models.speech.types import Reading
from streamer.commands.process import process, process_command
from streamer.engine.types import BLOCK, FaceState, Voices
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.recordings import microphones
from streamer.recordings.out_folder import OutFolder
from tests.media import clip, grey, spoil, write
from tests.streamer.commands.test_process import OneFace, events, media, run, wav
from tests.streamer.media.test_odd_sound import talk, tracks
from tests.streamer.media.test_odd_sound import wav as save

ROOT = Path(__file__).parents[3]


def test_notes_are_events_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.engine.engine.Engine", lambda device: OneFace(since=None))
    path = tracks(tmp_path / "a.mka", talk(0.5, 1), talk(0.5, 2))
    assert process_command([path], tmp_path / "out", one_pass=True, speech=None) == 0
    told = [event["text"] for event in events(tmp_path / "out") if event["type"] == "note"]
    assert len(told) == 2 and "sound track 1 of 2 is heard" in told[1]
    assert events(tmp_path / "out")[-1]["notes"] == told
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("a.mka: ")] == [
        f"a.mka: {note}" for note in told
    ]


def test_speech_that_is_no_english_is_told_instead_of_made_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.engine.engine.Engine", lambda device: OneFace(since=None))
    monkeypatch.setattr("streamer.commands.transcribe.has_second_reader", lambda name: False)
    monkeypatch.setattr(Moonshine, "read", lambda self, pcm, draft=(): Reading("The moon is here.", -0.9, ()))
    assert process_command([packaged("moonshine_voice", "assets", "beckett.wav")], tmp_path / "out", one_pass=True) == 0
    made = events(tmp_path / "out")
    assert not [event for event in made if event["type"] == "caption" and event["text"]]
    (told,) = [event["text"] for event in made if event["type"] == "note" and "language" in event["text"]]
    assert re.fullmatch(
        r"the language is not English \(or it is not speech\): [4-9] s are not written down; "
        r"pip install 'earshot\[languages\]' reads them",
        told,
    )
    assert f"beckett.wav: {told}" in capsys.readouterr().out.splitlines()


def test_an_unknown_language_ends_all(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no language "klingon"'):
        process_command([tmp_path / "a.mkv", tmp_path / "b.mkv"], tmp_path / "out", language="klingon")


class Faces(OneFace):
    """An engine that sees the given faces."""

    def __init__(self, *faces: FaceState) -> None:
        super().__init__()
        self.faces = list(faces)

    def _face(self) -> list[FaceState]:
        return self.faces


FACE = FaceState(1, (0.1, 0.1, 0.5, 0.5), 0.9, True, 0.8, "known", 0.5, None)


@pytest.mark.parametrize(
    ("faces", "told"),
    [
        ([FACE], []),
        (
            [replace(FACE, lips_visible=False)],
            ["face 1 is never seen with lips that can be read: known by voice alone"],
        ),
        (
            [FACE, replace(FACE, id=2, box=(0, 0, 0.1, 0.1), lips_visible=False)],
            ["face 2 is too small for lips to be read (at most 16 pixels wide)"],
        ),
        (
            [replace(FACE, id=id) for id in range(1, 7)],
            ["6 faces are in view at once, and no more are followed: further ones have no voice file"],
        ),
    ],
)
def test_faces_that_cannot_be_read_are_told(tmp_path: Path, faces: list[FaceState], told: list[str]) -> None:
    assert run(clip(tmp_path / "a.mkv", 0.4), tmp_path / "out", Faces(*faces)).notes == told


def test_damaged_pictures_are_counted(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    path = write(tmp_path / "a.mkv", pictures=[(i / 25, np.roll(noise, i, 0)) for i in range(20)])
    spoil(path, slice(8, 11), video=0)
    notes = run(path, tmp_path / "out", OneFace(since=None)).notes
    assert "damaged pictures: 3 (0.1 s) cannot be read" in notes


def test_faint_speech_reaches_the_engine_amplified_and_the_files_as_it_was(tmp_path: Path) -> None:
    pcm = talk(2.0)
    pcm *= 0.003 / np.sqrt(np.mean(pcm**2))
    path = save(tmp_path / "a.wav", pcm, "PCM_16")
    heard: list[F32] = []

    class Listens(OneFace):
        def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
            return []

        def hear(self, blocks: dict[str, tuple[float, F32]]) -> dict[str, Voices]:
            ((sid, (_, block)),) = blocks.items()
            heard.append(block)
            others = super().hear(blocks)[sid]
            mix = others.rest + others.pcm.sum(axis=0)
            return {sid: Voices(others.t, [-1], 0.5 * mix[None], 0.5 * mix, [])}

    run(path, tmp_path / "out", Listens())
    loud = np.sqrt(np.mean(np.concatenate(heard) ** 2))
    assert 0.02 < loud < 0.1
    voice, rest = wav(tmp_path / "out/voice-1.wav"), wav(tmp_path / "out/rest.wav")
    stored = np.rint(pcm * 32768)
    assert np.abs(voice.astype(int) + rest - stored).max() <= 1
    assert np.abs(voice - stored / 2).max() <= 1


def test_microphones_are_speakers_and_nothing_is_separated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microphones, "silero", lambda: lambda: lambda pcm: float(np.abs(pcm).max() > 0.01))
    one, two = talk(1.0, 1), talk(1.0, 2)
    path = tracks(tmp_path / "a.mka", one, two)
    summary = process(path, tmp_path / "out", progress=False, choice=Choice(microphones="tracks"))
    assert media(summary.files) == ["events.jsonl", "rest.wav", "voice-1.wav", "voice-2.wav"]
    assert summary.notes == ["2 microphones, each of one speaker: nothing is separated"]
    for number, pcm in ((1, one), (2, two)):
        assert np.abs(wav(tmp_path / f"out/voice-{number}.wav") - np.rint(pcm * 32768)).max() <= 1
    assert np.abs(wav(tmp_path / "out/rest.wav")).max() <= 1


def test_microphones_go_on_in_silence_after_their_end() -> None:
    def activity() -> Callable[[F32], float]:
        return lambda pcm: 0.7

    pieces = iter([np.ones((2, 200), np.float32), np.ones((2, 300), np.float32)])
    mics = microphones.Microphones(pieces, activity, boost=2.0)
    made = [mics.separate("s", 0.02 * i, np.zeros(BLOCK, np.float32))[0] for i in range(3)]
    assert [float(voices.pcm.sum()) for voices in made] == [4.0 * 320, 4.0 * 180, 0.0]
    assert made[0].ids == [-1, -2] and [other.speaking for other in made[0].others] == [0.7, 0.7]
    assert np.array_equal(made[0].rest, np.full(BLOCK, -4, np.float32))


def test_a_picture_is_no_recording(tmp_path: Path) -> None:
    for ending in ("png", "jpg", "webp", "gif", "avif"):
        path = tmp_path / f"a.{ending}"
        assert cv2.imwrite(str(path), grey(90, 64, 48))
        with pytest.raises(UserError, match=r"is a picture, not a recording; `earshot caption"):
            process(path, tmp_path / "out", progress=False, engine=OneFace())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("bytes", [0, 2000, 9000, 20_000])
def test_a_full_disk_is_an_error_of_one_line(tmp_path: Path, bytes: int) -> None:
    path = clip(tmp_path / "a.mkv", 1.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write to") as caught:
            run(path, tmp_path / "out", OneFace())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_and_its_hidden_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def ended(input: Path, out: Path, **options: object) -> None:
        with OutFolder(out, input) as folder:
            assert folder.path.exists()
            os.kill(os.getpid(), number)
            pytest.fail("nothing happened")

    monkeypatch.setattr("streamer.commands.process.process", ended)
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught:
        process_command([save(tmp_path / "a.wav", talk(0.1))], tmp_path / "out")
    assert caught.value.code == 128 + number and signal.getsignal(number) is before
    assert [p.name for p in tmp_path.iterdir()] == ["a.wav"]


KILLED = """
import os, signal, sys
from pathlib import Path
from streamer.recordings.out_folder import OutFolder

with OutFolder(Path(sys.argv[2]), Path(sys.argv[1])) as folder:
    (folder.path / "rest.wav").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_leaves_is_cleared_up_by_the_next(tmp_path: Path) -> None:
    path, out = save(tmp_path / "a.wav", talk(0.1)), tmp_path / "out"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.run([sys.executable, "-c", KILLED, str(path), str(out)], env=environment, cwd=ROOT)
    assert child.returncode == -signal.SIGKILL and len(list(tmp_path.glob(".out-*"))) == 1
    run(path, out, OneFace(since=None))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "out"]
