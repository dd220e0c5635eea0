"""Questions that the call answers by what it knows."""

import asyncio

import pytest

from streamer.engine.types import FaceState, SpeakerState
from streamer.messages.insights import Ask
from streamer.rooms.known_answers import known_answer
from streamer.rooms.situation import SETTLED, STALE, Situation
from tests.clock import Clock
from tests.streamer.rooms.conftest import received


def face(id, speaking=0.0):
    return FaceState(id, (0.1, 0.1, 0.2, 0.2), 1.0, True, speaking, "known", 1.0, None)


def looked(*faces, others=()):
    clock = Clock()
    situation = Situation(clock)
    situation.look(faces, others)
    clock.now += SETTLED
    situation.look(faces, others)
    return situation, clock


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many people are there?", "2"),
        ("how many people", "2"),
        ("How many faces can you see in the picture?", "2"),
        ("how many people are in this room right now", "2"),
        ("Is anybody there?", "yes"),
        ("Are there any people in the picture?", "yes"),
        ("Is there anyone here?", "yes"),
        ("Is anyone speaking?", "yes"),
        ("Is there somebody talking?", "yes"),
        ("are they talking", "yes"),
        ("Who is talking?", "Cy"),
        ("who's speaking right now?", "Cy"),
        # What nobody but a picture can tell.
        ("How many people are wearing a hat?", None),
        ("how many people are on the bench and who is talking", None),
        ("Is anybody wearing glasses?", None),
        ("Is the dog there?", None),
        ("who is the president", None),
        ("what colour is it", None),
        ("", None),
    ],
)
def test_what_is_known(question, answer):
    situation, _ = looked(face(1), face(2, 0.9))
    assert known_answer(question, situation, {None: "Ann", 1: "Bob", 2: "Cy"}.get) == answer


def test_who_talks_is_told_by_the_best_name_there_is():
    def who(*faces, others=(), **names):
        given = {None: "Ann"} | {int(key[1:]): name for key, name in names.items()}
        return known_answer("who is talking", looked(*faces, others=others)[0], given.get)

    assert who(face(1), face(2)) == "nobody"
    assert who(face(3, 0.9)) == "Ann"
    assert who(face(3, 0.9), _3="Bob") == "Bob"
    assert who(face(1, 0.9), face(2, 0.9), _1="Bob") == "Bob and Face 2"
    assert who(face(1), others=[SpeakerState(-1, 0.9, "known", 1.0)]) == "Voice 1"


def test_an_empty_picture_and_what_is_not_known_any_more():
    situation, clock = looked()
    assert known_answer("how many people are there", situation, str) == "0"
    assert known_answer("is anybody there", situation, str) == "no"
    assert known_answer("is anybody talking", situation, str) == "no"
    clock.now += STALE
    for question in ("how many people are there", "is anybody there", "is anybody talking", "who is talking"):
        assert known_answer(question, situation, str) is None
    assert known_answer("how many people are there", Situation(Clock()), str) is None


@pytest.mark.parametrize("screen_of", [None, "somebody"])
async def test_the_network_is_asked_for_the_rest(room, screen_of):
    insights, observer, ann, bob = room
    situation, _ = looked(face(1), face(2))
    insights._situations[ann.id] = situation
    ann.screen_of = screen_of
    for id, question in enumerate(("How many people are there?", "What is on the table?")):
        insights.questions.ask(bob, Ask(type="ask", id=id, participant=ann.id, question=question))
        await asyncio.sleep(0)
    first, second = await received(bob)
    assert second["answers"][0] == ["red", 0.6]
    if screen_of is None:
        assert (first["answers"], first["known"]) == ([["2", 1.0]], True)
        assert [question for _, question in observer.asked] == ["What is on the table?"]
    else:
        # People on a shared screen are not people of the call.
        assert first["answers"] == second["answers"]
