"""Who may have a portrait, of what, and what becomes of it."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pytest

from streamer.mixing.desk import Desk
from streamer.observer.client import ObserverClient
from streamer.portraits.client import NoPortrait, PortraitClient
from streamer.rooms.errors import Forbidden, TooMany
from streamer.rooms.insights import Insights
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.portraits import Portraits

LOUD, QUIET = np.full(320, 0.1, np.float32), np.zeros(320, np.float32)


class Client(PortraitClient):
    """Makes what the test says, when it says so."""

    def __init__(self):
        super().__init__()
        self.heard, self.sounds, self.speaking = [], [], {}
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def of_photo(self, jpeg):
        return await asyncio.shield(self.answer)

    async def of_voice(self, pcm):
        self.heard.append(pcm)
        return await asyncio.shield(self.answer)

    def speak(self, sid, on_mouth):
        self.speaking[sid] = on_mouth

    def hush(self, sid):
        self.speaking.pop(sid, None)

    def hear(self, sid, t, pcm):
        self.sounds.append((sid, t))


class Notices:
    told = 0

    def send_state(self):
        self.told += 1


@pytest.fixture
async def place():
    class Place:
        people = (Participant("Ann", "publish"), Participant("Ben", "publish"), Participant("Wim", "watch"))
        ann, ben, wim = people
        desk, client, notices = Desk(), Client(), Notices()
        insights = Insights(lambda: Place.people, ObserverClient())
        portraits = Portraits(lambda: Place.people, client, desk, notices, insights.requests)

    for person in Place.people:
        person.outbox = Outbox()
    yield Place
    Place.insights.close()


async def test_a_portrait_is_its_owners_alone_and_goes_when_they_do(place):
    making = asyncio.create_task(place.portraits.of_photo(place.ann, b"jpeg"))
    await asyncio.sleep(0)
    place.client.answer.set_result(b"{}")
    await making
    assert place.ann.portrait.made == "photo" and place.ann.portrait.sheet == b"{}"
    assert place.ann.state().portrait.made == "photo" and place.ben.state().portrait is None
    assert list(place.client.speaking) == [place.ann.id] and place.notices.told == 1
    place.portraits.put_away(place.ben)
    assert place.ann.portrait is not None and place.notices.told == 1
    place.portraits.forget(place.ann)
    assert place.ann.portrait is None and not place.client.speaking


async def test_the_mouth_moves_only_while_no_picture_comes_and_says_when_it_is_heard(place, monkeypatch):
    place.client.answer.set_result(b"{}")
    place.portraits.hear(place.ann, 1.0, LOUD, False)
    await place.portraits.of_photo(place.ann, b"jpeg")
    place.portraits.hear(place.ann, 2.0, LOUD, True)
    place.portraits.hear(place.ann, 3.0, LOUD, False)
    place.portraits.hear(place.ben, 3.0, LOUD, False)
    assert place.client.sounds == [(place.ann.id, 3.0)]
    monkeypatch.setattr(place.desk, "heard_at", lambda who, t: t + 0.5)
    place.client.speaking[place.ann.id](3.0, bytes(range(11)))
    said = json.loads(await place.ben.outbox.get())
    assert said == {"type": "mouth", "participant": place.ann.id, "at": 3.5, "rows": "AAECAwQFBgcICQo="}


async def test_a_face_is_drawn_for_seven_seconds_of_ones_own_sound(place):
    place.portraits.of_voice(place.ann)
    for i in range(349):
        place.portraits.hear(place.ben, i * 0.02, LOUD, False)
        place.portraits.hear(place.ann, i * 0.02, LOUD, True)
        place.portraits.hear(place.ann, i * 0.02, QUIET, True)
    await asyncio.sleep(0)
    assert place.client.heard == []
    place.portraits.hear(place.ann, 8.0, LOUD, True)
    place.portraits.hear(place.ann, 8.0, LOUD, True)
    await asyncio.sleep(0)
    assert [len(pcm) for pcm in place.client.heard] == [699 * 320]
    place.client.answer.set_exception(NoPortrait("No face can be drawn from what was heard: two voices."))
    said = json.loads(await place.ann.outbox.get())
    assert said["code"] == "unavailable" and said["reason"].endswith("two voices.") and place.ann.portrait is None


async def test_of_somebody_who_says_nothing_it_stops_to_listen(place):
    place.portraits.of_voice(place.ann)
    for i in range(1600):
        place.portraits.hear(place.ann, i * 0.02, QUIET, False)
    await asyncio.sleep(0)
    assert [len(pcm) for pcm in place.client.heard] == [1500 * 320]


async def test_what_was_wished_before_comes_too_late(place):
    making = asyncio.create_task(place.portraits.of_photo(place.ann, b"jpeg"))
    await asyncio.sleep(0)
    place.portraits.put_away(place.ann)
    place.client.answer.set_result(b"{}")
    await making
    assert place.ann.portrait is None and not place.client.speaking


async def test_watchers_have_none_and_nobody_has_many_at_once(place):
    with pytest.raises(Forbidden):
        place.portraits.of_voice(place.wim)
    for _ in range(5):
        place.portraits.of_voice(place.ann)
    with pytest.raises(TooMany):
        place.portraits.of_voice(place.ann)
    place.portraits.put_away(place.ann)
