"""Captions: the stream's promises with made-up models, then real words with the real ones."""

import sys
from importlib.util import find_spec
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from models.common.audio import SAMPLE_RATE
from models.common.weights import packaged
from models.speech.stream import MOST, PARTIAL_EVERY, SharedTranscriber
from models.speech.transcriber import open_transcriber
from models.speech.types import Reading
from models.speech.vad import WINDOW, Listening, VoiceActivity

ASSETS = packaged("moonshine_voice", "assets")


class Loud:
    """A detector to which everything that is not zero is speech; counts windows."""

    def __init__(self):
        self.windows = 0

    def step(self, state, pcm):
        sound = np.concatenate([state.pending, pcm])
        whole = len(sound) // WINDOW
        state.pending = sound[whole * WINDOW :]
        self.windows += whole
        return [float(sound[i * WINDOW : (i + 1) * WINDOW].any()) for i in range(whole)]


class Letters:
    """A recogniser to which each level is a letter; keeps what it was given."""

    def __init__(self):
        self.read_samples = []
        self.drafts = []
        self.confidence = -0.1

    def read(self, pcm, draft=()):
        self.read_samples.append(len(pcm))
        self.drafts.append(draft)
        levels = [round(float(v) * 100) for v in pcm[np.flatnonzero(np.diff(pcm, prepend=0))] if v]
        return Reading("".join(chr(96 + level) for level in levels) + ".", self.confidence, tuple(levels))


def say(text, seconds=0.32):
    """Sound in which each letter is a level, a space silence."""
    levels = [0.0 if c == " " else (ord(c) - 96) / 100 for c in text]
    return np.repeat(np.array(levels, np.float32), round(seconds * SAMPLE_RATE))


def run(pcm, step=0.1, partials=True, t=50.0, recogniser=None):
    stream = SharedTranscriber(recogniser or Letters(), Loud()).open()
    lines = []
    size = round(step * SAMPLE_RATE)
    for at in range(0, len(pcm), size):
        stream.hear(t + at / SAMPLE_RATE, pcm[at : at + size])
        lines += stream.lines(partials)
    return lines, stream.close()


TALK = say("   abcd    efg     hijklm   ")


def test_voices_that_share_their_numbers_have_no_line_of_one_id():
    transcriber, numbers = SharedTranscriber(Letters(), Loud()), count(7)
    one, two = transcriber.open(numbers), transcriber.open(numbers)
    seen = {}
    for name, voice in (("one", one), ("two", two)):
        voice.hear(1.0, say("ab"))
        seen[name] = voice.lines()
    for name, voice in (("two", two), ("one", one)):
        seen[name] += voice.close()
    assert [(line.id, line.final) for line in seen["one"]] == [(7, False), (7, True)]
    assert [(line.id, line.final) for line in seen["two"]] == [(8, False), (8, True)]


def test_lines_grow_and_then_stand():
    lines, rest = run(TALK)
    assert rest == []
    assert [line.text for line in lines if line.final] == ["abcd.", "efg.", "hijklm."]
    for id, whole in enumerate(["abcd", "efg", "hijklm"]):
        mine = [line for line in lines if line.id == id]
        assert [line.final for line in mine] == [False] * (len(mine) - 1) + [True]
        assert len(mine) > 2
        assert all(whole.startswith(line.text) for line in mine[:-1])
    assert [line.id for line in lines] == sorted(line.id for line in lines)


def test_times_are_those_of_the_words():
    final = [line for line in run(TALK)[0] if line.final]
    starts = [0.96, 0.96 + 8 * 0.32, 0.96 + 16 * 0.32]
    for line, start, size in zip(final, starts, (4, 3, 6), strict=True):
        assert line.start == pytest.approx(50 + start, abs=0.033)
        assert line.end == pytest.approx(50 + start + size * 0.32, abs=0.033)


@pytest.mark.parametrize("step", [0.02, 0.1, 0.3, 1.0, 7.0])
@pytest.mark.parametrize("partials", [True, False])
def test_finals_do_not_depend_on_when_they_were_asked_for(step, partials):
    lines, rest = run(TALK, step, partials)
    assert [line for line in lines + rest if line.final] == [line for line in run(TALK)[0] if line.final]
    assert partials or all(line.final for line in lines)


def test_without_partials_each_sentence_is_read_once():
    recogniser = Letters()
    run(TALK, partials=False, recogniser=recogniser)
    assert len(recogniser.read_samples) == 3


def test_partials_are_read_no_more_often_than_they_should():
    recogniser = Letters()
    run(say("abcdefghijklm"), step=0.02, recogniser=recogniser)
    assert len(recogniser.read_samples) - 1 <= 13 * 0.32 / PARTIAL_EVERY
    assert recogniser.drafts[2] == (1, 2) or recogniser.drafts[2] == (1, 2, 3)
    # What is final is read from the sound alone.
    assert recogniser.drafts[-1] == ()


def test_a_final_comes_within_half_a_second_of_sound():
    stream = SharedTranscriber(Letters(), Loud()).open()
    pcm = say("abcd        ")
    for at in range(0, len(pcm), 1600):
        stream.hear(at / SAMPLE_RATE, pcm[at : at + 1600])
        if any(line.final for line in stream.lines()):
            break
    assert (at + 1600) / SAMPLE_RATE - 4 * 0.32 <= 0.6


def test_close_gives_what_was_being_said():
    lines, rest = run(say("  abc"))
    assert not any(line.final for line in lines)
    assert [(line.text, line.final) for line in rest] == [("abc.", True)]


def test_what_turns_out_to_be_no_speech_is_taken_back():
    class Unsure(Letters):
        def read(self, pcm, draft=()):
            self.confidence = -0.1 if len(pcm) < 1.5 * SAMPLE_RATE else -3.0
            return super().read(pcm, draft)

    lines, _ = run(say("abcdef    "), recogniser=Unsure())
    assert lines[0].text and not lines[0].final
    assert (lines[-1].text, lines[-1].final, lines[-1].id) == ("", True, lines[0].id)
    unsure = Letters()
    unsure.confidence = -3.0
    assert run(say("abc    "), recogniser=unsure) == ([], [])


def test_missing_sound_ends_a_sentence():
    stream = SharedTranscriber(Letters(), Loud()).open()
    stream.hear(0.0, say("abc"))
    stream.hear(10.0, say("def      "))
    lines = stream.lines()
    assert [(line.text, line.final) for line in lines] == [("abc.", True), ("def.", True)]
    assert lines[1].start == pytest.approx(10.0, abs=0.033)
    # A clock that goes back is a new beginning, too.
    stream.hear(3.0, say("ghi"))
    assert [(line.text, round(line.start)) for line in stream.close()] == [("ghi.", 3)]


def test_a_clock_that_runs_differently_is_followed():
    stream = SharedTranscriber(Letters(), Loud()).open()
    for i in range(3000):
        stream.hear(i * 0.1 * 1.0005, np.zeros(1600, np.float32))
        assert stream.lines() == []
    stream.hear(300.15, say("abc    "))
    (line,) = [line for line in stream.lines() if line.final]
    assert line.start == pytest.approx(300.15, abs=0.04)


def test_a_first_piece_longer_than_may_wait_is_read():
    stream = SharedTranscriber(Letters(), Loud()).open()
    stream.hear(0.0, np.concatenate([say("abc", 0.1), np.zeros(MOST, np.float32)]))
    assert [line.final for line in stream.lines()] == [True] and stream.lost == 0


def test_nobody_reads_for_a_minute():
    stream = SharedTranscriber(Letters(), Loud()).open()
    for i in range(600):
        stream.hear(i * 0.1, say("a", 0.1))
    assert 0 < stream.lost and stream.lost % 1600 == 0
    assert sum(len(take.sound) for take in stream._takes) <= MOST
    lines = stream.lines() + stream.close()
    assert lines[-1].end == pytest.approx(60.0, abs=0.033) and all(
        line.final for line in lines if line.id != lines[-1].id
    )


def test_memory_stays_bounded_and_silence_is_never_read():
    recogniser, detector = Letters(), Loud()
    stream = SharedTranscriber(recogniser, detector).open()
    for i in range(600):
        stream.hear(i * 0.1, np.zeros(1600, np.float32))
        assert stream.lines() == []
        assert sum(len(take.sound) for take in stream._takes) <= SAMPLE_RATE
    assert recogniser.read_samples == [] and detector.windows == 60 * SAMPLE_RATE // WINDOW


def test_sound_must_be_one_channel_and_may_hold_anything():
    stream = SharedTranscriber(Letters(), Loud()).open()
    with pytest.raises(ValueError, match="one channel"):
        stream.hear(0.0, np.zeros((1, 160), np.float32))
    stream.hear(0.0, np.array([np.nan, np.inf, -np.inf], np.float32))
    stream.hear(0.0, np.zeros(0, np.float32))
    assert stream.lines() == [] and stream.close() == []


def test_names():
    for name in ("whisper", "moonshine:base", "faster-whisper", "faster-whisper:", ""):
        with pytest.raises(ValueError, match="no transcriber"):
            open_transcriber(name)
    if find_spec("faster_whisper") is None:
        with pytest.raises(ImportError, match=r"earshot\[whisper\]"):
            open_transcriber("faster-whisper:tiny")


def test_whisper_is_asked_as_it_wants_to_be(monkeypatch):
    asked = []

    class WhisperModel:
        def __init__(self, name, **options):
            asked.append((name, options))

        def transcribe(self, pcm, **options):
            asked.append((len(pcm), options))
            return iter(
                [SimpleNamespace(text=f" {text}", avg_logprob=-p) for text, p in (("one", 0.2), ("two", 0.4))]
            ), {}

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=WhisperModel))
    stream = open_transcriber("faster-whisper:tiny.en").open()
    stream._detector = Loud()
    stream.hear(0.0, say("abcd   "))
    assert [(line.text, line.final) for line in stream.close()] == [("one two", True)]
    assert asked[0] == ("tiny.en", {"device": "cpu", "compute_type": "int8", "cpu_threads": 1, "num_workers": 1})
    assert asked[1][1]["beam_size"] == 1 and len(asked) == 2
    assert stream._recogniser.read(np.zeros(100, np.float32)).text == ""
    assert stream._recogniser.read(np.zeros(16_000, np.float32)).confidence == pytest.approx(-0.3)


def test_a_folder_without_a_whisper_model_is_said_to_be_none(monkeypatch):
    def unusable(name, **options):
        raise RuntimeError("Unable to open file 'model.bin'")

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=unusable))
    with pytest.raises(ValueError, match=r"/tmp is no Whisper model: Unable to open file 'model\.bin'"):
        open_transcriber("faster-whisper:/tmp")


@pytest.fixture(scope="module")
def transcriber():
    return open_transcriber("moonshine")


@pytest.fixture(scope="module")
def beckett():
    return soundfile.read(ASSETS / "beckett.wav", dtype="float32")[0]


def words(lines):
    text = " ".join(line.text for line in lines if line.final).lower()
    return "".join(c for c in text if c.isalpha() or c == " ").split()


def test_real_words_of_two_voices_at_once(transcriber, beckett):
    one, two = transcriber.open(), transcriber.open()
    found = ([], [])
    # Later by whole windows of the detector, so that both are cut at the same samples.
    late = np.concatenate([np.zeros(24 * WINDOW, np.float32), beckett])
    for at in range(0, len(late), 3200):
        one.hear(at / SAMPLE_RATE, beckett[at : at + 3200])
        two.hear(at / SAMPLE_RATE, late[at : at + 3200])
        found[0].extend(one.lines())
        found[1].extend(two.lines(partials=False))
    found[0].extend(one.close())
    found[1].extend(two.close())
    wanted = "ever tried ever failed no matter try again fail again fail better".split()
    assert sum(word in words(found[0]) for word in wanted) >= 10
    assert len(words(found[0])) <= 14
    assert words(found[1]) == words(found[0])
    partials = [line for line in found[0] if not line.final]
    assert len(partials) >= 4
    for line, after in zip(found[0], found[0][1:], strict=False):
        assert line.id == after.id or (line.final and after.id == line.id + 1)


def test_a_draft_saves_work_and_changes_nothing_here(beckett):
    from models.speech.moonshine import Moonshine

    recogniser = Moonshine()
    calls = []
    decode = recogniser._decode
    recogniser._decode = lambda *arguments: calls.append(arguments[2]) or decode(*arguments)
    plain = recogniser.read(beckett[:64_000])
    count = len(calls)
    calls.clear()
    drafted = recogniser.read(beckett[:64_000], plain.tokens)
    assert drafted.text == plain.text and plain.text.lower().startswith("ever tried")
    assert len(calls) == 1 < count
    wrong = recogniser.read(beckett[:64_000], (500, 600, 700))
    assert wrong.text == plain.text
    assert recogniser.read(np.zeros(100, np.float32)) == Reading("", 0.0, ())


def test_the_detector_hears_speech_and_not_noise(beckett):
    detector = VoiceActivity()
    speech = np.array(detector.step(Listening(), beckett))
    assert 0.3 < np.mean(speech > 0.5) < 0.9
    noise = (np.random.default_rng(1).standard_normal(len(beckett)) * 0.02).astype(np.float32)
    assert np.mean(np.array(detector.step(Listening(), noise)) > 0.5) < 0.02
    # In pieces it says the same.
    state, pieces = Listening(), []
    for at in range(0, len(beckett), 1111):
        pieces += detector.step(state, beckett[at : at + 1111])
    np.testing.assert_allclose(pieces, speech, atol=1e-6)


def test_a_quiet_voice_is_heard_as_well(beckett):
    detector, state = VoiceActivity(), Listening()
    speech = np.array(detector.step(Listening(), beckett)) > 0.5
    detector.step(state, beckett * np.float32(0.1))
    assert state.loudest < 0.03
    # Once its level is known.
    again = np.array(detector.step(state, beckett * np.float32(0.1))) > 0.5
    assert again.sum() > 0.9 * speech.sum()


def test_a_silent_voice_asks_no_network():
    detector = VoiceActivity()
    detector._session = None
    assert detector.step(Listening(), np.full(16_000, 1e-4, np.float32)) == [0.0] * 31
