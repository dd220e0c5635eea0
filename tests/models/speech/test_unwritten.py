"""What is told of speech that is not written down."""

import numpy as np

from models.speech.types import Line
from models.speech.unwritten import Unwritten

SOUND = np.zeros(0, np.float32)


def line(text, seconds=2.0):
    return Line(0, text, 10.0, 10.0 + seconds, True)


def test_what_is_refused_is_told_with_what_would_read_it():
    unwritten = Unwritten(english_only=True)
    assert unwritten.finish(line("We met."), False, SOUND) == line("We met.")
    assert unwritten.finish(line(""), False, SOUND) is None
    assert unwritten.notes() == []
    assert unwritten.finish(line("", 9.4), True, SOUND) == line("", 9.4)
    assert unwritten.notes() == [
        "the language is not English (or it is not speech): 11 s are not written down; "
        "pip install 'earshot[languages]' reads them"
    ]


def test_languages_are_told_and_what_even_the_second_reader_refuses():
    unwritten = Unwritten()
    for code, seconds in (("ar", 4.0), ("en", 60.0), ("ko", 30.0), ("fr", 1.0)):
        unwritten.count(line("…", seconds), code)
    unwritten.count(line("", 4.0), "ar")
    assert len(unwritten.notes()) == 2
    unwritten.count(line("", 1.6))
    assert unwritten.notes() == [
        "Korean is spoken for 30 s",
        "Arabic is spoken for 4 s",
        "speech that no words are believed of: 6 s are not written down",
    ]
