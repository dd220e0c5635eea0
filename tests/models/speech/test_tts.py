"""Speech out: understood by the recogniser, at the level and rate of a call."""

import threading

import numpy as np
import pytest

from models.speech.transcriber import open_transcriber
from models.speech.tts import CALL_RATE, LEVEL, SpeechSynthesizer, VoiceMissing


@pytest.fixture(scope="module")
def voice():
    try:
        return SpeechSynthesizer()
    except VoiceMissing as error:
        pytest.skip(str(error))


def test_what_is_said_is_understood(voice):
    pcm = voice.say("A brown dog runs through the grass.")
    assert pcm.dtype == np.float32 and pcm.ndim == 1
    assert 1.0 < len(pcm) / CALL_RATE < 5.0
    assert np.sqrt(np.mean(pcm**2)) == pytest.approx(LEVEL, rel=0.1)
    stream = open_transcriber().open()
    stream.hear(0.0, pcm[::3])
    text = " ".join(line.text for line in stream.close()).lower()
    assert sum(word in text for word in ("brown", "dog", "through", "grass")) >= 3


@pytest.mark.parametrize("text", ["", "  \n", "…", "日本", "\x00\x1b"])
def test_nothing_to_say(voice, text):
    assert voice.say(text).shape == (0,)


def test_odd_text_is_read(voice):
    assert len(voice.say("café\x00 <b>two</b> dogs & 3 cats \U0001f415 50%")) > CALL_RATE
    assert len(voice.say("dog " * 10_000)) < 60 * CALL_RATE


def test_any_thread_may_speak(voice):
    wanted = voice.say("two dogs")
    made = []
    threads = [threading.Thread(target=lambda: made.append(voice.say("two dogs"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    for pcm in made:
        # The noise in the consonants is drawn anew.
        assert pcm.shape == wanted.shape
        assert np.corrcoef(pcm, wanted)[0, 1] > 0.5


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    def refuse(name):
        raise OSError(name)

    monkeypatch.setattr("ctypes.CDLL", refuse)
    with pytest.raises(VoiceMissing, match="apt install libflite1"):
        SpeechSynthesizer()
