"""Who spoke alone, as is known a while later."""

import numpy as np
import pytest

from models.active_speaker.alone import AROUND, RECENT, Stretch, stretches
from models.active_speaker.chunk import Chunk
from models.active_speaker.inference import SpeakerInference


@pytest.fixture
def inference() -> SpeakerInference:
    """Thirty chunks; face 1 speaks in them, face 2 from the 20th on."""
    made = SpeakerInference(window=25)
    for _ in range(30):
        made.add(Chunk(0.9, 0.0, {1: np.zeros(2, np.float32), 2: np.zeros(2, np.float32)}))
    made._gamma = np.tile([0.95, 0.03, 0.02], (25, 1))
    made._gamma[15:] = [0.03, 0.95, 0.02]
    return made


def alone(inference: SpeakerInference) -> list[int | None]:
    return [stretch.alone for stretch in stretches(inference, 100.0)]


def test_the_newest_two_seconds_are_judged(inference: SpeakerInference) -> None:
    found = stretches(inference, 100.0)
    assert len(found) == RECENT and found[0] == Stretch(pytest.approx(104.0), pytest.approx(104.2), 2)
    assert found[-1].end == pytest.approx(106.0)


def test_silence_doubt_and_overlap_near_by_are_nobodys(inference: SpeakerInference) -> None:
    inference.chunk(21).speech = 0.4
    inference._gamma[17] = [0.3, 0.6, 0.1]
    assert alone(inference) == [2, None, None, *[2] * 7]
    inference.chunk(29).overlap = 0.5
    assert alone(inference)[-AROUND - 1 :] == [None] * (AROUND + 1)
    assert alone(inference)[RECENT - AROUND - 2] == 2


def test_a_strange_voice_is_nobodys(inference: SpeakerInference) -> None:
    inference._gamma[24] = [0.05, 0.05, 0.9]
    assert alone(inference)[-2:] == [2, None]


def test_in_the_beginning_nobody_is_known() -> None:
    inference = SpeakerInference()
    assert stretches(inference, 0.0) == ()
    inference.add(Chunk(0.9, 0.0, {}))
    assert alone(inference) == [None]
