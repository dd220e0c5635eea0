"""`earshot transcribe`: a recording in, WebVTT out."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.speech.moonshine import Moonshine
from models.speech.types import Line, Reading
from streamer.commands.transcribe import named_transcriber, transcribe, transcribe_command
from streamer.errors import UserError
from streamer.media.choice import Choice
from tests.media import clip, grey, tone, write
from tests.streamer.media.test_odd_sound import talk, tracks
from tests.streamer.media.test_odd_sound import wav as save
from tests.streamer.transcripts.test_transcript import read_vtt

BECKETT = Path(find_spec("moonshine_voice").submodule_search_locations[0]) / "assets" / "beckett.wav"


class Tape:
    """A transcriber that writes down what it hears."""

    def open(self):
        self.heard = []
        return self

    def hear(self, t, pcm):
        self.heard.append((t, pcm))

    def lines(self, partials=True):
        assert not partials
        return []

    def close(self):
        return [Line(0, "end", 0.0, 1.0, True)]


def test_real_words(capsys, tmp_path):
    pcm = soundfile.read(BECKETT, dtype="float32")[0][None]
    # Another rate, two channels and a picture make no difference.
    stereo = np.repeat(np.repeat(pcm, 3, axis=1), 2, axis=0)
    step = 4800
    pieces = [(at / 48_000, stereo[:, at : at + step]) for at in range(0, stereo.shape[1], step)]
    path = write(tmp_path / "talk.mkv", pictures=[(0.0, grey(9, 64, 48))], pieces=pieces)
    assert transcribe_command([path]) == 0
    cues = read_vtt(capsys.readouterr().out)
    said = " ".join(cue.text for cue in cues).lower()
    assert sum(word in said for word in ("ever", "tried", "failed", "matter", "again", "better")) >= 5
    assert all(cue.speaker == "" for cue in cues)
    assert 0 <= cues[0].start < 500 and 8000 < cues[-1].end < 10_000


def test_sound_is_heard_whole_at_16_khz(tmp_path):
    tape = Tape()
    assert [line.text for line in transcribe(clip(tmp_path / "a.mkv", 2.0), tape)] == ["end"]
    assert sum(len(pcm) for _, pcm in tape.heard) == pytest.approx(32_000, abs=200)
    for (t, pcm), (following, _) in zip(tape.heard, tape.heard[1:], strict=False):
        assert following == pytest.approx(t + len(pcm) / 16_000, abs=0.001)


def test_nobody_talks(capsys, tmp_path):
    path = write(tmp_path / "tone.wav", pieces=[(0.0, tone(1.0, 48_000))])
    assert transcribe_command([path]) == 0
    assert capsys.readouterr().out == "WEBVTT\n"


@pytest.mark.parametrize("content", [None, b"", b"no media at all"])
def test_what_is_no_recording(tmp_path, content):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError):
        transcribe_command([path])


def test_pictures_alone_cannot_be_read(tmp_path):
    path = write(tmp_path / "mute.mkv", pictures=[(i / 25, grey(90, 64, 48)) for i in range(5)])
    with pytest.raises(UserError, match="no sound"):
        transcribe_command([path])


def test_an_unknown_model(tmp_path):
    path = clip(tmp_path / "a.mkv", 0.5)
    with pytest.raises(UserError, match="no transcriber"):
        transcribe_command([path], model="nonsense")
    if find_spec("faster_whisper") is None:
        with pytest.raises(UserError, match="not installed"):
            named_transcriber("faster-whisper:tiny")


def test_a_model_that_cannot_be_had(monkeypatch):
    def refuse(name, *more):
        raise ConnectionError("cannot reach\n\nthe hub")

    monkeypatch.setattr("streamer.commands.transcribe.open_transcriber", refuse)
    with pytest.raises(UserError, match=r"^cannot reach the hub$"):
        named_transcriber("faster-whisper:large")


@pytest.mark.parametrize("code", ["xx", "arabic", "EN"])
def test_an_unknown_language(tmp_path, code):
    with pytest.raises(UserError, match=f'no language "{code}"'):
        transcribe_command([clip(tmp_path / "a.mkv", 0.5)], language=code)


def test_a_language_that_nobody_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("streamer.commands.transcribe.has_second_reader", lambda name: False)
    with pytest.raises(UserError, match=r"^Arabic needs another reader: pip install 'earshot\[languages\]'$"):
        transcribe_command([clip(tmp_path / "a.mkv", 0.5)], language="ar")


class Polyglot:
    """A second reader that hears Arabic, and reads three words of whatever language it is asked for."""

    def read_as(self, pcm, language):
        code = language({"ar": 0.995, "en": 0.001})
        return Reading({"ar": "حاول مرة أخرى.", "ko": "다시 해 봐."}.get(code, ""), -0.3, ())


@pytest.mark.parametrize(
    ("language", "words", "told"),
    [
        ("auto", "حاول مرة أخرى.", "Arabic is spoken for "),
        ("ko", "다시 해 봐.", "Korean is spoken for "),
        ("fr", "", "speech that no words are believed of: "),
    ],
)
def test_another_language_is_written_in_its_own_words(tmp_path, monkeypatch, capsys, language, words, told):
    monkeypatch.setattr("streamer.commands.transcribe.has_second_reader", lambda name: True)
    monkeypatch.setattr("streamer.commands.transcribe.open_second_reader", Polyglot)
    assert transcribe_command([BECKETT], language=language, format="txt") == 0
    written = capsys.readouterr()
    lines = [line.split("] ")[1] for line in written.out.splitlines()]
    # The first word or two, of half a second, decide nothing yet.
    assert set(lines[2 if language == "auto" else 0 :]) == ({words} if words else set())
    assert written.err.startswith(f"earshot: {BECKETT}: {told}")


def test_what_is_no_english_is_told_instead_of_made_up(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("streamer.commands.transcribe.has_second_reader", lambda name: False)
    monkeypatch.setattr(Moonshine, "read", lambda self, pcm, draft=(): Reading("The moon is here.", -0.9, ()))
    assert transcribe_command([BECKETT], format="txt") == 0
    written = capsys.readouterr()
    assert written.out == ""
    assert "the language is not English (or it is not speech): " in written.err
    assert "pip install 'earshot[languages]' reads them" in written.err
    assert transcribe_command([BECKETT], format="txt", language="en") == 0
    written = capsys.readouterr()
    assert written.out == "" and "speech that no words are believed of: " in written.err


class Talker(Tape):
    """A transcriber that hears a sentence a second, and tells how far it was when each line was asked for."""

    def open(self):
        self.said = 0
        return super().open()

    def lines(self, partials=True):
        t = self.heard[-1][0] if self.heard else 0.0
        while self.said + 1 < t / 3:
            self.said += 1
            yield Line(self.said, f"This is {self.said}.", self.said * 3.0, self.said * 3.0 + 0.8, True)

    def close(self):
        return [Line(99, "Bye.", 14.0, 14.5, True)]


@pytest.fixture
def talker(monkeypatch):
    talker = Talker()
    monkeypatch.setattr("streamer.commands.transcribe.named_transcriber", lambda *name: talker)
    return talker


def quiet(path, seconds=14.5):
    return write(path, pieces=[(i / 2, np.zeros((1, 8000), np.float32)) for i in range(int(seconds * 2))], rate=16_000)


def test_lines_are_printed_as_they_come(tmp_path, talker, capsys, monkeypatch):
    heard_at = []
    printed = print

    def note(*args, **more):
        if more.get("file") is None:
            assert more["flush"]
            heard_at.append(len(talker.heard))
        printed(*args, **more)

    monkeypatch.setattr("builtins.print", note)
    assert transcribe_command([quiet(tmp_path / "a.wav")], format="txt") == 0
    assert capsys.readouterr().out == (
        "[0:00:03] This is 1.\n[0:00:06] This is 2.\n[0:00:09] This is 3.\n[0:00:12] This is 4.\n[0:00:14] Bye.\n"
    )
    assert len(set(heard_at)) == 5


def test_every_format(tmp_path, talker, capsys):
    path = quiet(tmp_path / "a.wav")
    assert transcribe_command([path], format="srt") == 0
    assert capsys.readouterr().out.startswith(
        "1\n00:00:03,000 --> 00:00:04,300\nThis is 1.\n\n2\n00:00:06,000 --> 00:00:07,300\nThis is 2.\n\n3\n"
    )
    assert transcribe_command([path], format="json") == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert first["text"] == "This is 1." and [word["text"] for word in first["words"]] == ["This", "is", "1."]
    assert transcribe_command([path], out=tmp_path / "a.SRT") == 0
    assert (tmp_path / "a.SRT").read_text().startswith("1\n00:00:03,000")
    with pytest.raises(UserError, match="--force"):
        transcribe_command([path], out=tmp_path / "a.SRT")
    assert transcribe_command([path], out=tmp_path / "a.SRT", force=True, format="vtt") == 0
    assert (tmp_path / "a.SRT").read_text().startswith("WEBVTT")
    with pytest.raises(UserError, match="no format"):
        transcribe_command([path], format="doc")
    with pytest.raises(UserError, match="cannot write"):
        transcribe_command([path], out=tmp_path / "no/where.vtt")


def test_a_transcript_is_whole_or_not_there(tmp_path, talker, monkeypatch):
    monkeypatch.setattr(Talker, "close", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        transcribe_command([quiet(tmp_path / "a.wav")], out=tmp_path / "a.vtt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_what_is_left_out_is_told_beside_the_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("streamer.commands.transcribe.named_transcriber", lambda *name: Tape())
    path = tracks(tmp_path / "a.mka", talk(0.5, 1), talk(0.5, 2))
    assert transcribe_command([path]) == 0
    said = capsys.readouterr()
    assert said.err.startswith(f"earshot: {path}: sound track 1 of 2 is heard") and "earshot" not in said.out
    assert transcribe_command([path], choice=Choice(mix=True)) == 0
    assert capsys.readouterr().err == ""


def test_faint_speech_is_amplified(tmp_path):
    pcm = talk(4.0)
    tape = Tape()
    list(transcribe(save(tmp_path / "a.wav", pcm * 0.003 / np.sqrt(np.mean(pcm**2))), tape))
    assert np.sqrt(np.mean(np.concatenate([heard for _, heard in tape.heard]) ** 2)) > 0.02


def test_of_several_recordings_a_file_each_is_written_and_a_bad_one_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    class Counted(Moonshine):
        def __init__(self) -> None:
            made.append(self)
            super().__init__()

    monkeypatch.setattr("models.speech.moonshine.Moonshine", Counted)
    bad = tmp_path / "bad.mp4"
    bad.write_text("no media")
    files = [quiet(tmp_path / "a.wav"), bad, quiet(tmp_path / "b.wav")]
    with pytest.raises(UserError, match="name a folder with --out"):
        transcribe_command(files)
    assert transcribe_command(files, out=tmp_path / "out", format="srt") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.srt", "b.srt"]
    assert len(made) == 1 and "1 of 3 files failed: bad.mp4" in capsys.readouterr().err
