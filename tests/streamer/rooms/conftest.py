"""A room's insights with the observer replaced by its answers."""

import asyncio
import json

import numpy as np
import pytest

from streamer.observer.types import Caption
from streamer.rooms.insights import Insights
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rtc.peer import Peer


class Observer:
    def __init__(self):
        self.shown, self.sessions, self.asked, self.answer = (
            {},
            {},
            [],
            ([("red", 0.6), ("blue", 0.3), ("two", 0.1)], True),
        )

    def open(self, sid, on_observation, first_line=0):
        self.sessions[sid] = on_observation

    def close_session(self, sid):
        self.sessions.pop(sid, None)

    def show_spectrograms(self, sid, faces):
        self.shown[sid] = faces

    async def ask(self, sid, question):
        self.asked.append((sid, question))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def embed(self, text):
        return np.eye(1, 4, dtype=np.float32).repeat(2, axis=0)


@pytest.fixture
def room():
    people = {}
    for name in ("Ann", "Bob"):
        person = Participant(name, "publish")
        person.outbox = Outbox()
        people[person.id] = person
    observer = Observer()
    insights = Insights(people.values, observer)
    ann, bob = people.values()
    insights.follow(ann)
    return insights, observer, ann, bob


async def received(person):
    messages = []
    await asyncio.sleep(0)
    while person.outbox.statistics().depth:
        messages.append(json.loads(await person.outbox.get()))
    return messages


def caption(face, id, text, start, end, final, vector=b""):
    return Caption(face=face, id=id, text=text, start=start, end=end, final=final, vector=vector)


@pytest.fixture
def answers(monkeypatch):
    """Peers that are connected as soon as they have answered, and refuse the offer "bad"."""

    async def answer(peer, offer, prepare):
        await asyncio.sleep(0)
        if offer == "bad":
            await peer.close()
            raise ValueError(offer)
        peer._connected = True
        return "answer"

    monkeypatch.setattr(Peer, "answer", answer)
