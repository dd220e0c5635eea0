"""Seats are for who sends; empty joins keep nobody out."""

import asyncio

import pytest

from streamer.engine.client import EngineClient
from streamer.observer.client import ObserverClient
from streamer.rooms.errors import Full, SeatsTaken
from streamer.rooms.outbox import Outbox
from streamer.rooms.room import Room
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings


@pytest.fixture
async def open_room(monkeypatch):
    async def answer(peer, offer, prepare):
        await asyncio.sleep(0)
        if offer == "bad":
            await peer.close()
            raise ValueError(offer)
        peer._connected = offer == "connects"
        return "answer"

    monkeypatch.setattr(Peer, "answer", answer)
    rooms = []

    def make(**settings):
        settings = Settings(engine=False, **settings)
        rooms.append(Room("room1", settings, EngineClient(), ObserverClient(), PeerCounts()))
        return rooms[-1]

    yield make
    for room in rooms:
        await room.close()


async def test_eight_empty_joins_fill_no_room(open_room):
    room = open_room()
    for i in range(8):
        room.attach(room.join(f"P{i}", "publish"), Outbox(), 4409)
    ninth = room.join("P8", "publish")
    await room.publish(ninth, "connects")
    assert ninth.seated


async def test_eight_who_send_fill_it_and_one_who_came_before_still_watches(open_room):
    room = open_room()
    early = room.join("Early", "publish")
    for i in range(8):
        await room.publish(room.join(f"P{i}", "publish"), "connects")
    with pytest.raises(Full, match="8 take part"):
        room.join("P8", "publish")
    with pytest.raises(SeatsTaken, match="8 take part"):
        await room.publish(early, "connects")
    assert early.id in room.participants and room.join("W", "watch")


async def test_a_seat_is_kept_through_a_cut_and_given_back_with_the_session(open_room):
    room = open_room(max_publishers=1)
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    session, _ = await room.publish(ann, "connects")
    session.peer.begin_close()
    assert ann.publisher is None
    with pytest.raises(SeatsTaken):
        await room.publish(ben, "connects")
    session, _ = await room.publish(ann, "connects")
    await room.end_session(ann, session)
    await room.publish(ben, "connects")


async def test_an_offer_alone_or_a_bad_one_takes_no_seat(open_room):
    room = open_room(max_publishers=1)
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    with pytest.raises(ValueError, match="bad"):
        await room.publish(ann, "bad")
    session, _ = await room.publish(ann, "never connects")
    session.peer.begin_close()
    await room.publish(ben, "connects")


async def test_of_those_without_media_the_first_makes_room_for_who_comes(open_room):
    room = open_room(max_idle=2)
    first, second = room.join("A", "publish"), room.join("B", "publish")
    outbox = Outbox()
    room.attach(first, outbox, 4409)
    await room.watch(second, "connects")
    third = room.join("C", "publish")
    assert outbox.closed and list(room.participants) == [second.id, third.id]
    await room.watch(third, "connects")
    with pytest.raises(Full, match="send nothing"):
        room.join("D", "publish")
