"""What a call knows, in words."""

import pytest

from streamer.engine.types import FaceState, SpeakerState
from streamer.observer.types import Description, Sounds
from streamer.rooms.situation import PAUSE, SETTLED, STALE, Situation
from tests.clock import Clock
from tests.streamer.rooms.conftest import received


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def situation(clock):
    return Situation(clock)


def face(id, speaking=0.0):
    return FaceState(id, (0.1, 0.1, 0.2, 0.2), 1.0, True, speaking, "known", 1.0, None)


def nobody(face):
    return None


def look(situation, clock, *faces, others=(), seconds=SETTLED):
    situation.look(faces, others)
    clock.now += seconds
    situation.look(faces, others)


def test_how_many_and_who_talks(situation, clock):
    look(situation, clock, face(1), face(2, 0.9))
    names = {None: "Ann", 1: "Bob", 2: "Cy"}
    assert situation.text(names.get) == "two people, Cy is talking"
    assert situation.text(nobody) == "two people, one of them is talking"
    look(situation, clock, face(1, 0.9), face(2, 0.9))
    assert situation.text(names.get) == "two people, Cy and Bob are talking"
    assert situation.text(nobody) == "two people, both are talking"
    assert situation.text(nobody, talk=False) == "two people"


def test_one_person_has_the_name_of_the_participant(situation, clock):
    look(situation, clock, face(3, 0.8))
    assert situation.text({None: "Ann"}.get) == "one person, Ann is talking"
    assert situation.text({None: "Ann", 3: "Bob"}.get) == "one person, Bob is talking"


def test_a_face_that_flickers_is_not_told_and_a_pause_is_none(situation, clock):
    look(situation, clock, face(1, 0.9), face(2))
    look(situation, clock, face(1), seconds=SETTLED / 2)
    assert situation.text(nobody) == "two people, one of them is talking"
    look(situation, clock, face(1), seconds=SETTLED)
    assert situation.text({None: "Ann"}.get) == "one person, Ann is talking"
    clock.now += PAUSE
    assert situation.text(nobody) == "one person"
    clock.now += STALE
    assert situation.text(nobody) == ""


def test_who_took_over_talks_and_not_both(situation, clock):
    look(situation, clock, face(1, 0.9), face(2))
    look(situation, clock, face(1), face(2, 0.9))
    assert situation.text({1: "Bob", 2: "Cy"}.get) == "two people, Cy is talking"


def test_a_face_lost_and_found_within_a_second_was_never_gone(situation, clock):
    look(situation, clock, face(1), face(2))
    look(situation, clock, face(1), seconds=SETTLED / 2)
    look(situation, clock, face(1), face(2), seconds=SETTLED / 2)
    assert situation.text(nobody) == "two people"


def test_nobody_a_voice_off_camera_and_a_screen(situation, clock):
    talks = SpeakerState(-1, 0.9, "known", 1.0)
    look(situation, clock, others=[talks])
    assert situation.text(nobody) == "no face to be seen; somebody who is not to be seen is talking"
    assert situation.text({-1: "Dan"}.get) == "no face to be seen; Dan is talking"
    assert situation.text(nobody, screen=True) == "a shared screen"


def test_sounds_are_said_as_sentences_for_as_long_as_they_last(situation, clock):
    situation.hear(["speech", "dog bark", "engine", "rain"])
    assert situation.text(nobody) == "a dog barks and an engine is heard"
    situation.hear(["waves", "thunder"])
    assert situation.text(nobody) == "waves are heard and thunder is heard"
    clock.now += STALE
    assert situation.text(nobody) == ""


def test_before_anything_is_known_nothing_is_said(situation):
    assert situation.text(nobody) == ""


async def test_the_page_is_told_what_is_known_first_and_the_caption_only_where_there_are_no_heads(room):
    insights, observer, ann, _ = room
    observe = observer.sessions[ann.id]
    clock = insights._situations[ann.id]._clock = Clock()
    insights.looked(ann, [face(1, 0.9)], [])
    observe(Description(5.0, "a man on a ball", [("a", b"")]))
    assert await received(ann) == []
    clock.now += SETTLED
    insights.looked(ann, [face(1, 0.9)], [])
    (known,) = await received(ann)
    observe(Sounds(5.5, [("dog bark", 0.8)]))
    _, heard = await received(ann)
    clock.now += SETTLED
    insights.looked(ann, [], [])
    clock.now += SETTLED
    observe(Sounds(5.8, [("dog bark", 0.8)]))
    observe(Description(6.0, "a red ball", [("a", b""), ("red", b""), ("ball", b"\xff" * 196)]))
    (whole,) = [message for message in await received(ann) if message["type"] == "scene"]
    assert known["text"] == "one person, Ann is talking" and {word["heat"] for word in known["words"]} == {""}
    assert heard["text"] == "one person, Ann is talking; a dog barks"
    assert whole["text"] == "no face to be seen; a dog barks; a red ball" and whole["t"] == 6.0
    assert [bool(word["heat"]) for word in whole["words"]] == [False] * 10 + [True]


async def test_only_what_is_new_is_read_aloud(room, monkeypatch):
    insights, observer, ann, _ = room
    said = []
    monkeypatch.setattr(insights.announcer, "announce", said.append)
    observe = observer.sessions[ann.id]
    observe(Description(5.0, "a man", []))
    for tags in ([("dog bark", 0.8)], [], [("dog bark", 0.8), ("rain", 0.9)], []):
        observe(Sounds(5.5, tags))
    observe(Description(9.0, "a man", []))
    assert said == ["Ann: a man", "Ann: a dog barks", "Ann: a dog barks and it rains"]
    monkeypatch.setattr("streamer.rooms.insights.NEWS_AFTER", 0.0)
    observe(Description(12.0, "a man", []))
    assert said[-1] == "Ann: a man"


async def test_what_was_seen_long_ago_is_not_described(room, monkeypatch):
    _, observer, ann, _ = room
    observer.sessions[ann.id](Description(5.0, "a dog", []))
    await received(ann)
    monkeypatch.setattr("streamer.rooms.insights.PICTURELESS", -1.0)
    observer.sessions[ann.id](Sounds(6.0, [("rain", 0.9)]))
    assert [message["type"] for message in await received(ann)] == ["sound"]
