"""What a sentence that is over is read from."""

import numpy as np
import pytest

from models.common.audio import SAMPLE_RATE
from models.speech.hindsight import EARLIER, FADE, KEPT, Hindsight

MIX, HEARD = 0.5, 0.1


def stretches(begin: float, *alone: object) -> list[tuple[float, float, object]]:
    return [(begin + 0.2 * i, begin + 0.2 * (i + 1), who) for i, who in enumerate(alone)]


def heard(seconds: float) -> np.ndarray:
    return np.full(round(seconds * SAMPLE_RATE), HEARD, np.float32)


@pytest.fixture
def lately() -> Hindsight:
    """Four seconds from 100 on."""
    hindsight = Hindsight()
    for i in range(40):
        hindsight.hear(100 + i * 0.1, np.full(1600, MIX, np.float32))
    return hindsight


def levels(sound: np.ndarray, *times: float) -> list[float]:
    return [pytest.approx(float(sound[round(t * SAMPLE_RATE)]), abs=1e-6) for t in times]


def test_where_nothing_is_known_a_sentence_is_read_as_it_was_heard(lately: Hindsight) -> None:
    lately.judge(stretches(100.0, None, None, None, None, None))
    begin, sound = lately.sound(1, 100.2, heard(0.8))
    assert begin == 100.2
    np.testing.assert_array_equal(sound, heard(0.8))


def test_who_was_alone_is_read_from_the_mixture_and_nobody_else_is(lately: Hindsight) -> None:
    lately.judge(stretches(100.0, None, 1, 1, None, 2, 2))
    begin, sound = lately.sound(1, 100.0, heard(1.2))
    assert begin == 100.0 and len(sound) == 1.2 * SAMPLE_RATE
    assert levels(sound, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1) == [HEARD, MIX, MIX, HEARD, 0.0, 0.0]
    # One goes over into the other without a click.
    assert np.abs(np.diff(sound)).max() <= 1.001 * (MIX - HEARD) / FADE
    _, rest = lately.sound(None, 100.0, heard(1.2))
    assert levels(rest, 0.1, 0.3, 0.7, 0.9) == [HEARD, 0.0, HEARD, 0.0]


def test_what_becomes_known_later_counts(lately: Hindsight) -> None:
    lately.judge(stretches(100.0, 1, 1, 1))
    lately.judge(stretches(100.2, 2, None, 2))
    _, sound = lately.sound(1, 100.0, heard(0.8))
    assert levels(sound, 0.1, 0.3, 0.5, 0.7) == [MIX, 0.0, HEARD, 0.0]


def test_a_sentence_begins_where_its_speaker_began_to_be_alone(lately: Hindsight) -> None:
    lately.judge(stretches(100.0, 2, 1, 1, 1, 1))
    begin, sound = lately.sound(1, 100.7, heard(0.3))
    assert begin == pytest.approx(100.2, abs=1e-4) and len(sound) == pytest.approx(0.8 * SAMPLE_RATE, abs=2)
    assert levels(sound, 0.05, 0.45, 0.75) == [MIX, MIX, MIX]
    # What was read is not read again.
    begin, sound = lately.sound(1, 101.0, heard(0.5))
    assert begin == 101.0 and len(sound) == 0.5 * SAMPLE_RATE


def test_it_begins_no_more_than_a_second_earlier(lately: Hindsight) -> None:
    lately.judge(stretches(100.0, *[1] * 15))
    assert lately.sound(1, 102.5, heard(0.5))[0] == pytest.approx(102.5 - EARLIER, abs=1e-4)


def test_after_missing_sound_nothing_of_before_is_read(lately: Hindsight) -> None:
    lately.judge(stretches(103.6, 1, 1, 1, 1, 1, 1, 1, 1))
    lately.hear(104.5, np.full(8000, MIX, np.float32))
    begin, sound = lately.sound(1, 104.6, heard(0.4))
    assert begin == pytest.approx(104.5, abs=1e-4)
    assert levels(sound, 0.05, 0.45) == [MIX, MIX]


def test_an_hour_takes_no_more_memory_than_a_minute() -> None:
    hindsight, second = Hindsight(), np.zeros(SAMPLE_RATE, np.float32)
    for t in range(200):
        hindsight.hear(float(t), second)
        hindsight.judge(stretches(float(t), 1, 2, None, 1, 2))
        hindsight.sound(t, float(t), second)
        hindsight.forget(t)
    assert len(hindsight._mix) <= 1.5 * KEPT * SAMPLE_RATE
    assert len(hindsight._stretches) <= 5 * KEPT + 1 and not hindsight._read_to
