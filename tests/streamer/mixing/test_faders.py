import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.mixing.faders import MOST_FADERS, Faders


def test_all_are_at_one_to_begin_with() -> None:
    gains = Faders().gains("ada", [1, 2])
    assert (gains.rest, gains.faces, gains.plain) == (1.0, {1: 1.0, 2: 1.0}, 1.0)


def test_a_fader_moves_one_face() -> None:
    faders = Faders()
    faders.set_gain("ada", 1, 0.25)
    faders.set_gain("ada", "rest", 0.0)
    gains = faders.gains("ada", [1, 2])
    assert (gains.rest, gains.faces, gains.plain) == (0.0, {1: 0.25, 2: 1.0}, 1.0)
    assert faders.gains("bob", [1]).faces == {1: 1.0}


def test_focus_on_a_face_silences_all_else() -> None:
    faders = Faders()
    faders.set_focus("ada", 2)
    assert faders.gains("ada", [1, 2]).faces == {1: 0.0, 2: 1.0}
    assert faders.gain("ada", "rest") == 0.0
    assert faders.gains("bob", [1]).faces == {1: 0.0}
    # Voices are not separated just now: better all of ada than nothing.
    assert faders.gains("ada", []).plain == 1.0
    assert faders.gains("bob", []).plain == 0.0
    faders.set_focus(None)
    assert faders.gains("bob", [1]).faces == {1: 1.0}


def test_a_voice_without_a_face_has_a_fader_and_can_be_heard_alone() -> None:
    faders = Faders()
    faders.set_gain("ada", -1, 0.25)
    gains = faders.gains("ada", [1, -1])
    assert (gains.rest, gains.faces) == (1.0, {1: 1.0, -1: 0.25})
    faders.set_focus("ada", -1)
    gains = faders.gains("ada", [1, -1])
    assert (gains.rest, gains.faces, gains.plain) == (0.0, {1: 0.0, -1: 0.25}, 0.25)


def test_focus_on_a_participant_keeps_its_faders() -> None:
    faders = Faders()
    faders.set_gain("ada", 1, 0.5)
    faders.set_focus("ada")
    assert faders.gains("ada", [1, 2]).faces == {1: 0.5, 2: 1.0}
    assert faders.gain("bob", "rest") == 0.0


def test_a_focused_face_is_heard_though_its_fader_is_down() -> None:
    faders = Faders()
    faders.set_gain("ada", 1, 0.0)
    faders.set_focus("ada", 1)
    assert faders.gain("ada", 1) == 1.0


def test_a_mute_beats_the_focus() -> None:
    faders = Faders()
    faders.set_muted("ada", True)
    faders.set_focus("ada", 1)
    gains = faders.gains("ada", [1])
    assert (gains.rest, gains.faces, gains.plain) == (0.0, {1: 0.0}, 0.0)
    faders.set_muted("ada", False)
    assert faders.gain("ada", 1) == 1.0


@pytest.mark.parametrize("gain", [-0.1, 2.1, math.nan, math.inf])
def test_a_gain_out_of_range_is_refused(gain: float) -> None:
    with pytest.raises(ValueError, match="gain"):
        Faders().set_gain("ada", 1, gain)


def test_the_number_of_faders_is_bounded() -> None:
    faders = Faders()
    for face in range(MOST_FADERS):
        faders.set_gain("ada", face, 0.5)
    with pytest.raises(ValueError, match="faders"):
        faders.set_gain("ada", MOST_FADERS, 0.5)
    faders.set_gain("ada", 0, 1.0)
    faders.set_gain("ada", MOST_FADERS, 0.5)


def test_state_and_forgetting() -> None:
    faders = Faders()
    faders.set_gain("ada", "rest", 0.5)
    faders.set_gain("bob", 3, 1.5)
    faders.set_muted("ada", True)
    faders.set_focus("ada")
    assert faders.state() == {
        "gains": [
            {"participant": "ada", "face": "rest", "gain": 0.5},
            {"participant": "bob", "face": 3, "gain": 1.5},
        ],
        "muted": ["ada"],
        "focus": {"participant": "ada", "face": None},
    }
    faders.forget("ada")
    assert faders.state() == {
        "gains": [{"participant": "bob", "face": 3, "gain": 1.5}],
        "muted": [],
        "focus": None,
    }


@given(
    st.dictionaries(st.integers(0, 5), st.floats(0, 2), max_size=6),
    st.none() | st.integers(0, 5),
    st.booleans(),
)
def test_gains_stay_in_range_and_only_the_focus_sounds(moved: dict[int, float], focus: int | None, muted: bool) -> None:
    faders = Faders()
    for face, gain in moved.items():
        faders.set_gain("ada", face, gain)
    faders.set_muted("ada", muted)
    if focus is not None:
        faders.set_focus("ada", focus)
    gains = faders.gains("ada", range(6))
    values = [gains.rest, gains.plain, *gains.faces.values()]
    assert all(0.0 <= value <= 2.0 for value in values)
    if muted:
        assert not any(values)
    elif focus is not None:
        assert {face for face, gain in gains.faces.items() if gain} == {focus}
        assert gains.rest == 0.0
