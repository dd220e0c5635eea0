"""Questions, typed and said aloud."""

import asyncio

import numpy as np
import pytest

from streamer.messages.insights import Ask
from streamer.observer.client import Unavailable
from streamer.rooms.questions import SPOKEN_QUESTION
from tests.streamer.rooms.conftest import caption, received


async def test_an_answer_goes_to_who_asked(room):
    insights, observer, ann, bob = room
    insights.questions.ask(bob, Ask(type="ask", id=7, participant=ann.id, question="what colour is it"))
    await asyncio.sleep(0)
    (answer,) = await received(bob)
    assert observer.asked == [(ann.id, "what colour is it")]
    assert answer["id"] == 7 and answer["known"] and answer["answers"][0] == ["red", 0.6]
    assert await received(ann) == []


@pytest.mark.parametrize("trouble", [Unavailable("They rest."), None])
async def test_a_question_that_cannot_be_answered_says_why(room, trouble):
    insights, observer, ann, bob = room
    observer.answer = trouble
    insights.questions.ask(bob, Ask(type="ask", id=1, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    (error,) = await received(bob)
    assert error["type"] == "error" and error["code"] == "unavailable" and error["request"] == 1
    assert error["reason"] == ("They rest." if trouble else "There is no picture of them to look at.")


async def test_a_question_said_aloud_is_answered_to_everyone(room):
    _insights, observer, ann, bob = room
    vector = np.zeros(4, np.float32).tobytes()
    observer.sessions[ann.id](caption(None, 0, "Earshot, what is on the table?", 1.0, 2.0, True, vector))
    await asyncio.sleep(0)
    assert observer.asked == [(ann.id, "what is on the table?")]
    for person in (ann, bob):
        answer = (await received(person))[-1]
        assert answer["type"] == "answer" and answer["id"] is None


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Earshot, what is this?", "what is this?"),
        ("Hey ear shot what is this", "what is this"),
        ("Hey, Earshot, what is this?", "what is this?"),
        ("earshot. How many people are here?", "How many people are here?"),
        ("We are within earshot of the road.", None),
        ("Earshot", None),
    ],
)
def test_what_counts_as_a_question(line, question):
    found = SPOKEN_QUESTION.fullmatch(line)
    assert (found[1] if found else None) == question


async def test_two_failures_are_told_both(room):
    insights, observer, ann, bob = room
    observer.answer = None
    for n in (1, 2):
        insights.questions.ask(bob, Ask(type="ask", id=n, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    assert [message["code"] for message in await received(bob)] == ["unavailable"] * 2
