"""How it stands with each voice, and what is told of it."""

from models.voiceprint.state import KEPT, Change, VoiceStates


def test_a_voice_is_heard_learned_learned_better_and_lost() -> None:
    states = VoiceStates()
    assert states.of(1) == "unknown"
    states.follow(0.0, {}, {1: False, 2: False})
    assert states.take_changes() == [] and states.of(1) == "unknown"
    states.follow(0.04, {}, {1: True, 2: False})
    states.follow(0.08, {}, {1: True, 2: False})
    assert states.take_changes() == [Change(0.04, 1, "listening", "heard", 0.0)]
    assert (states.of(1), states.of(2)) == ("listening", "unknown")
    states.follow(1.0, {1: 0.9}, {1: True, 2: False})
    states.follow(1.04, {1: 0.9}, {1: True, 2: False})
    assert states.take_changes() == [Change(1.0, 1, "known", "learned", 0.9)] and states.of(1) == "known"
    states.follow(2.0, {1: 0.95}, {1: False})
    assert states.take_changes() == [Change(2.0, 1, "known", "more", 0.95)]
    states.follow(3.0, {}, {1: False})
    assert states.take_changes() == [Change(3.0, 1, "unknown", "lost", 0.0)] and states.of(1) == "unknown"
    states.follow(4.0, {}, {1: True})
    assert states.take_changes() == [Change(4.0, 1, "listening", "heard", 0.0)]


def test_a_voice_without_a_face_and_one_that_is_away_are_told_of_too() -> None:
    states = VoiceStates()
    states.follow(0.0, {-1: 0.8, 3: 0.9}, {})
    assert {(one.id, one.why) for one in states.take_changes()} == {(-1, "learned"), (3, "learned")}
    assert states.of(-1) == states.of(3) == "known"


def test_nobody_who_never_asks_makes_the_list_grow() -> None:
    states = VoiceStates()
    for i in range(KEPT + 10):
        states.follow(i * 0.04, {1: 0.5 + i / 1000}, {})
    changes = states.take_changes()
    assert len(changes) == KEPT and changes[-1].t == (KEPT + 9) * 0.04
