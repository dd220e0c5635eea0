"""Messages made from what the observer and the engine say."""

import pytest
from pydantic import ValidationError

from streamer.engine.types import FaceState
from streamer.messages.insights import CaptionLine, LocalizationMap
from streamer.messages.protocol import FaceOverlay
from streamer.observer.types import Caption, Localization


def test_a_caption_has_the_same_fields_on_both_sides():
    line = CaptionLine.of(
        Caption(face=2, id=7, text="We met.", start=1.0, end=2.0, final=True, vector=b"vector"), participant="p"
    )
    assert line.model_dump() == {
        "type": "caption", "participant": "p", "face": 2, "id": 7, "text": "We met.", "start": 1.0, "end": 2.0,
        "final": True,
    }  # fmt: skip


def test_bytes_are_encoded():
    place = LocalizationMap.of(Localization(1.0, 0.5, None, None, b"\xff\x00"), participant="p", rows=1, columns=2)
    assert place.heat == "/wA="


@pytest.mark.parametrize(("computed", "said"), [(1.0000002, 1.0), (-1e-9, 0.0), (0.25, 0.25)])
def test_estimates_stay_in_range(computed, said):
    state = FaceState(1, (0.1, 0.2, 0.3, 0.4), 0.9, True, computed, "known", computed, None)
    face = FaceOverlay.of(state, name=None)
    assert (face.speaking, face.voice_confidence) == (said, said)
    assert (
        LocalizationMap.of(Localization(1.0, computed, None, None, b""), participant="p", rows=0, columns=0).score
        == said
    )


def test_what_is_missing_or_no_number_is_refused():
    with pytest.raises(ValidationError, match="participant"):
        CaptionLine.of(Caption(face=None, id=0, text="", start=1.0, end=1.0, final=False))
    with pytest.raises(ValidationError, match="score"):
        LocalizationMap.of(Localization(1.0, float("nan"), None, None, b""), participant="p", rows=0, columns=0)
