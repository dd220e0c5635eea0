"""A sentence that is over, read from what is known by then."""

import numpy as np
import pytest

from models.common.audio import SAMPLE_RATE
from models.speech.stream import SharedTranscriber
from tests.models.speech.test_stream import Letters, Loud, say


def test_a_sentence_that_is_over_is_read_from_what_is_known_to_be_its_own():
    asked = []

    def known(t, heard):
        # Its first word was heard in another voice, its last letters were another's.
        asked.append(t)
        own = heard.copy()
        own[np.isclose(heard, 0.05) | np.isclose(heard, 0.06)] = 0
        return t - 0.64, np.concatenate([say("xy"), own])

    stream = SharedTranscriber(Letters(), Loud()).open(known=known)
    partials, finals = [], []
    pcm = say("abcdef   ")
    for at in range(0, len(pcm), 1600):
        stream.hear(50 + at / SAMPLE_RATE, pcm[at : at + 1600])
        for line in stream.lines():
            (finals if line.final else partials).append(line)
    assert partials[-1].text.startswith("abc") and not any("x" in line.text for line in partials)
    (line,) = finals
    assert (line.id, line.text) == (partials[0].id, "xyabcd.")
    assert line.start == pytest.approx(asked[0] - 0.64) and line.end == pytest.approx(50 + 4 * 0.32, abs=0.04)


def test_of_a_sentence_that_was_all_somebody_elses_nothing_stays():
    recogniser = Letters()
    stream = SharedTranscriber(recogniser, Loud()).open(known=lambda t, heard: (t, np.zeros_like(heard)))
    stream.hear(0.0, say("abc"))
    (shown,) = stream.lines()
    read = len(recogniser.read_samples)
    stream.hear(0.96, say("   "))
    (line,) = stream.lines()
    assert (line.id, line.text, line.final) == (shown.id, "", True)
    assert len(recogniser.read_samples) == read, "silence is not read"
