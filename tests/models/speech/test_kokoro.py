# ruff: noqa: RUF001 (phonemes)
"""Kokoro's voice: how words are spoken, how they are cut, and, where the extra is installed, that it is understood."""

import json

import numpy as np
import pytest

from models.common.weights import FOLDER
from models.speech import phonemes as module
from models.speech.kokoro import SYMBOLS, WEIGHTS, Kokoro, pieces
from models.speech.phonemes import Phonemes, number_words
from models.speech.transcriber import open_transcriber
from models.speech.tts import CALL_RATE, LEVEL, VoiceMissing
from models.speech.voices import open_voice


@pytest.fixture
def spoken(tmp_path, monkeypatch):
    """A lexicon of a few words."""
    gold = {"dog": "dˈɔɡ", "cat": "kˈæt", "horse": "hˈɔɹs", "wave": "wˈAv", "run": "ɹˈʌn", "Ann": "ˈæn", "A": "ˈA",
            "read": {"DEFAULT": "ɹˈid", "VBD": "ɹˈɛd"}, "twelve": "twˈɛlv", "B": "bˈi", "C": "sˈi"}  # fmt: skip
    (tmp_path / "us_gold.json").write_text(json.dumps(gold))
    (tmp_path / "us_silver.json").write_text(json.dumps({"dog": "dɑɡ", "beach": "bˈiʧ"}))
    monkeypatch.setattr(module, "packaged", lambda package, *parts: tmp_path / parts[-1])
    return Phonemes()


def test_words_of_the_lexicon_small_words_and_endings(spoken):
    assert spoken.sentence("A dog, the beach; read!") == "ɐ dˈɔɡ, ðə bˈiʧ; ɹˈid!"
    assert [spoken.word(word) for word in ("dogs", "cats", "horses", "waved", "waving", "running", "ann", "Ann's")] == [
        "dˈɔɡz", "kˈæts", "hˈɔɹsᵻz", "wˈAvd", "wˈAvɪŋ", "ɹˈʌnɪŋ", "ˈæn", "ˈænz",
    ]  # fmt: skip


def test_what_the_lexicon_lacks_is_read_or_spelled(spoken):
    assert spoken.word("Blick") == "blˈɪk" and spoken.word("shane") == "ʃˈæn"
    assert spoken.word("ABC") == "ˈA bˈi sˈi" and spoken.word("bc") == "bˈi sˈi"
    assert spoken.sentence("日本 12").endswith("twˈɛlv")
    assert {symbol for group in module._GROUPS for symbol in group[1]} <= set(SYMBOLS)


@pytest.mark.parametrize(
    ("digits", "words"),
    [("0", "zero"), ("40", "forty"), ("99", "ninety nine"), ("305", "three hundred five"),
     ("12000", "twelve thousand"), ("1234567", "one two three four five six seven")],
)  # fmt: skip
def test_numbers(digits, words):
    assert " ".join(number_words(digits)) == words


def test_long_texts_are_cut_at_sentences_and_else_between_words():
    assert pieces("ə b. ə d; ə") == ["ə b. ə d; ə"]
    assert pieces("a" * 150 + ". " + "b" * 100 + ".") == ["a" * 150 + ".", "b" * 100 + "."]
    assert all(len(piece) <= 200 for piece in pieces("ab " * 400)) and "".join(pieces("ab " * 400)).count("ab") == 400
    assert pieces("") == []


def test_without_the_extra_flite_reads(monkeypatch):
    def missing(*parts):
        raise FileNotFoundError

    monkeypatch.setattr(module, "packaged", missing)
    monkeypatch.setattr("models.speech.voices.SpeechSynthesizer", lambda: "flite")
    assert open_voice() == "flite"
    with pytest.raises(VoiceMissing, match="voice"):
        Kokoro()


def test_the_shipped_styles_are_for_each_length():
    from safetensors.numpy import load_file

    assert WEIGHTS.parent == FOLDER and load_file(WEIGHTS)["styles"].shape == (201, 256)


def test_what_is_said_is_understood():
    try:
        voice = Kokoro()
    except VoiceMissing as error:
        pytest.skip(str(error))
    pcm = voice.say("A brown dog runs through the grass.")
    assert 1.0 < len(pcm) / CALL_RATE < 5.0 and np.sqrt(np.mean(pcm**2)) == pytest.approx(LEVEL, rel=0.1)
    stream = open_transcriber().open()
    stream.hear(0.0, pcm[::3])
    text = " ".join(line.text for line in stream.close()).lower()
    assert sum(word in text for word in ("brown", "dog", "through", "grass")) >= 3
    assert voice.say("\x00 …").shape == (0,)
