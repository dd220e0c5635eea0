"""Moments, found by what was said."""

import asyncio
import time

import numpy as np

from streamer.messages.insights import Search
from streamer.observer.types import Keyframe
from tests.streamer.rooms.conftest import caption, received


async def test_moments_are_found(room):
    insights, observer, ann, bob = room
    x = np.eye(2, 4, dtype=np.float32)
    observer.sessions[ann.id](Keyframe(5.0, (10 * x[0]).tobytes(), b"jpeg"))
    observer.sessions[ann.id](caption(None, 0, "The budget is tight.", 6.0, 7.0, True, x[1].tobytes()))
    insights.search.find(bob, Search(type="search", id=3, query="budget"))
    await asyncio.sleep(0)
    found = (await received(bob))[-1]
    assert found["id"] == 3
    words = [m for m in found["moments"] if m["kind"] == "words"]
    assert [(m["text"], m["speaker"]) for m in words] == [("The budget is tight.", "Ann")]
    # Whoever said it, and how they are called, is looked up when it is found.
    insights.captions.set_speaker(ann.id, 0, -1)
    ann.rename(-1, "Rose")
    insights.search.find(bob, Search(type="search", id=4, query="budget"))
    await asyncio.sleep(0)
    assert [m["speaker"] for m in (await received(bob))[-1]["moments"] if m["kind"] == "words"] == ["Rose"]


async def test_moments_before_one_came_are_not_found(room):
    insights, observer, ann, bob = room
    x = np.eye(2, 4, dtype=np.float32)
    observer.sessions[ann.id](Keyframe(5.0, x[0].tobytes(), b"jpeg"))
    observer.sessions[ann.id](caption(None, 0, "The budget is tight.", 6.0, 7.0, True, x[0].tobytes()))
    found = {}
    for person, since in ((ann, float("-inf")), (bob, time.monotonic())):
        person.sees_from = since
        insights.search.find(person, Search(type="search", id=3, query="budget"))
        await asyncio.sleep(0)
        found[person.name] = {moment["kind"] for moment in (await received(person))[-1]["moments"]}
    assert found == {"Ann": {"picture", "words"}, "Bob": set()}
