"""Two numbers that turn out to be one person's."""

from __future__ import annotations

import numpy as np
import pytest

from models.active_speaker.attribution import Attributor
from models.active_speaker.chunk import CHUNK
from models.active_speaker.settled import Survey
from models.common.audio import SAMPLE_RATE
from tests.models.active_speaker.test_attribution import LEVELS, STEP, Call, Ears
from tests.models.active_speaker.test_inference import Scene, turns


def joined_scene(window: int) -> Scene:
    """Person a is followed as face 1, then as face 3, until the tracker finds out."""
    scene = Scene(window=window)
    turns(scene)
    scene.add("a", {3: True, 2: False}, 12)
    scene.inference.join(3, 1)
    return scene


@pytest.mark.parametrize("window", [150, 20])
def test_two_faces_that_are_one_person_become_one_speaker(window: int) -> None:
    scene = joined_scene(window)
    assert set(scene.inference.speakers) == {1, 2} and scene.inference.joined == [(3, 1)]
    before = scene.inference.seconds(1)
    scene.add("a", {1: True, 2: False}, 6)
    assert scene.who(range(scene.inference.first, scene.inference.count))[-18:] == [1] * 18
    assert before == pytest.approx((20 + 12) * CHUNK, abs=2.0) and scene.inference.seconds(1) > before
    # The voice of before is the person's still, without lips.
    scene.add("b", {}, 6)
    scene.add("a", {}, 6)
    assert scene.who(range(scene.inference.count - 9, scene.inference.count)) == [2] * 3 + [1] * 6


def test_joined_numbers_are_looked_up_over_several_steps() -> None:
    inference = joined_scene(150).inference
    inference.join(1, 5)
    inference.join(3, 5)
    assert [inference.now(id) for id in (1, 2, 3, 5)] == [5, 2, 5, 5]
    assert inference.joined == [(3, 1), (1, 5)] and set(inference.speakers) == {2, 5}


def test_a_voice_of_which_nothing_left_the_window_takes_nothing_from_who_it_joins() -> None:
    scene = Scene(window=20)
    turns(scene)
    kept = scene.inference._speakers[1]
    voice, mass = kept.voice.copy(), kept.mass
    assert mass > 5
    scene.inference._add_speaker(-1)
    scene.inference.join(-1, 1)
    np.testing.assert_array_equal(kept.voice, voice)
    assert kept.mass == mass


class Renumbered(Call):
    """The first person's face is followed under another number."""

    first = 1

    def go(self, seconds: float, *speaks: str, faces: bool = True) -> None:
        for _ in range(round(seconds * SAMPLE_RATE / STEP)):
            self.hears.see(self.t, [(self.first, self._lips("a" in speaks)), (2, self._lips("b" in speaks))])
            self.hears.hear(self.t, np.full(STEP, sum(LEVELS[name] for name in speaks), np.float32))
            self.t = round(self.t + STEP / SAMPLE_RATE, 6)


def renumbered(hears: Attributor | Survey) -> Renumbered:
    call = Renumbered(hears)
    for name in ("a", "b", "a", "b"):
        call.go(2.4, name)
        call.go(0.6)
    call.first = 3
    call.go(2.4, "a")
    call.first = 1
    hears.join(3, 1)
    call.go(2.4, "b")
    return call


def test_what_was_known_of_a_face_is_left_to_who_it_turned_out_to_be() -> None:
    ears = Ears()
    attributor = Attributor(ears.networks)
    renumbered(attributor)
    latest = attributor.latest
    assert latest.joined == ((3, 1),)
    assert set(latest.prints) == set(latest.lately) == set(latest.lip_means) == {1, 2}
    assert latest.prints[1].print[0] == pytest.approx(0.1)


def test_a_first_pass_has_one_number_a_person_from_the_first_second() -> None:
    ears = Ears()
    survey = Survey(ears.networks)
    renumbered(survey)
    settled = survey.settle()
    for t, id in ((1.2, 1), (4.2, 2), (7.2, 1), (10.2, 2), (13.2, 1)):
        speakers = settled.at(t).speakers
        assert 3 not in speakers and speakers[id] > 0.9, t
    assert set(settled.prints) == {1, 2} and settled.prints[1].seconds > 3.0


def test_a_first_pass_joins_faces_of_which_nothing_is_heard_any_more() -> None:
    ears = Ears()
    survey = Survey(ears.networks)
    call = Renumbered(survey)
    for name in ("a", "b", "a", "b"):
        call.go(2.4, name)
        call.go(0.6)
    call.first = 3
    call.go(2.4, "a")
    survey.join(3, 1)
    settled = survey.settle()
    assert survey.now(3) == 1 and set(settled.prints) == {1, 2}
    assert all(3 not in settled.at(0.2 * i).speakers for i in range(75))
