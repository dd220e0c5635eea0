"""Which language is spoken: evidence of one sentence is weak, of several strong, and people change languages."""

import pytest

from models.speech.languages import LANGUAGES, LEAST, Languages, SpokenLanguage, check_language

ENGLISH, ARABIC = {"en": 0.9, "cy": 0.05}, {"ar": 0.95, "fa": 0.03, "en": 0.001}


def test_a_sentence_that_is_long_and_clear_is_enough():
    assert SpokenLanguage(Languages()).hear(ARABIC, 4.0) == "ar"
    assert SpokenLanguage(Languages()).hear(ENGLISH, 4.0) == "en"


def test_a_word_that_sounds_foreign_is_not():
    voice = SpokenLanguage(Languages())
    assert voice.hear({"cy": 0.6, "en": 0.3}, 0.5) == "en"
    for _ in range(5):
        voice.hear(ENGLISH, 3.0)
    assert voice.hear({"cy": 0.9, "en": 0.05}, 1.0) == "en"


def test_who_changes_languages_is_followed():
    voice = SpokenLanguage(Languages())
    assert [voice.hear(ENGLISH, 5.0) for _ in range(12)] == ["en"] * 12
    found = [voice.hear(ARABIC, 5.0) for _ in range(12)]
    assert found.index("ar") <= 3 and found[-1] == "ar"
    back = [voice.hear(ENGLISH, 5.0) for _ in range(12)]
    assert back.index("en") <= 4 and back[-1] == "en"


def test_whoever_comes_into_a_recording_speaks_what_is_spoken_there():
    unsure = {"ar": 0.4, "en": 0.5}
    assert SpokenLanguage(Languages()).hear(unsure, 2.0) == "en"
    recording = Languages()
    first = SpokenLanguage(recording)
    for _ in range(20):
        first.hear(ARABIC, 4.0)
    assert SpokenLanguage(recording).hear(unsure, 2.0) == "ar"


def test_nothing_breaks_on_languages_nobody_knows_and_none():
    voice = SpokenLanguage(Languages())
    assert voice.hear({"xx": 1.0}, 3.0) == "en"
    assert voice.hear({}, 0.0) == "en"
    assert 0 < LEAST < 1 / len(LANGUAGES)


@pytest.mark.parametrize("code", ["en", "ar", "ko", "auto", "haw"])
def test_codes_that_are_known(code):
    check_language(code)


@pytest.mark.parametrize("code", ["", "EN", "xx", "english", "none"])
def test_codes_that_are_not(code):
    with pytest.raises(ValueError, match=f'no language "{code}"'):
        check_language(code)


def test_every_language_has_a_code_and_a_name():
    assert len(LANGUAGES) == 99
    assert all(2 <= len(code) <= 3 and code.isalpha() and name[0].isupper() for code, name in LANGUAGES.items())
    assert LANGUAGES["ht"] == "Haitian Creole"
