"""Media sessions of a room: found by id, displaced, ended; with connections that nobody answers."""

import asyncio
import json

import pytest

from streamer.auth import Denied
from streamer.engine.client import EngineClient
from streamer.observer.client import ObserverClient
from streamer.rooms.errors import Full
from streamer.rooms.outbox import Outbox
from streamer.rooms.publisher import Publisher
from streamer.rooms.room import Room
from streamer.rooms.watcher import Watcher
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings


@pytest.fixture
async def room(answers):
    room = Room("room1", Settings(engine=False, max_peers=3), EngineClient(), ObserverClient(), PeerCounts())
    yield room
    await room.close()
    assert room.sessions._counts.open == 0
    assert not room.sessions._running


async def test_a_session_is_found_with_whose_it_is_until_it_ends(room):
    ann = room.join("Ann", "publish")
    room.attach(ann, Outbox(), 4409)
    publisher, answer = await room.publish(ann, "offer")
    watcher, _ = await room.watch(ann, "offer")
    assert answer == "answer" and isinstance(publisher, Publisher) and isinstance(watcher, Watcher)
    assert room.sessions.get(publisher.id) == (ann, publisher)
    assert room.sessions.get(watcher.id) == (ann, watcher)
    assert ann.sessions == [publisher, watcher]
    await room.end_session(ann, publisher)
    assert room.sessions.get(publisher.id) is None and publisher.peer.closed
    assert ann.sessions == [watcher] and ann.id in room.participants
    await room.end_session(ann, publisher)
    assert ann.sessions == [watcher], "a session ends once"


async def test_a_new_session_takes_the_place_of_the_one_before(room):
    ann = room.join("Ann", "publish")
    first, _ = await room.publish(ann, "offer")
    agent = ann.agent
    second, _ = await room.publish(ann, "offer")
    await room.sessions.wait_closed()
    assert first.peer.closed and room.sessions.get(first.id) is None
    assert ann.publisher is second and not second.peer.closed
    assert ann.agent is agent, "faces and voices are known as before"


async def test_a_connection_that_ends_by_itself_is_forgotten_and_its_owner_kept_for_the_grace(room):
    ann = room.join("Ann", "publish")
    publisher, _ = await room.publish(ann, "offer")
    ann.separated = True
    publisher.peer.begin_close()
    assert ann.publisher is None and not ann.separated and ann.id in room.participants
    assert ann._waiting is not None


async def test_who_watches_is_sent_the_slots_after_a_session_ends(room):
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    outbox = Outbox()
    room.attach(ann, outbox, 4409)
    watcher, _ = await room.watch(ann, "offer")
    publisher, _ = await room.publish(ben, "offer")
    publisher.has_video = True
    shown = []
    watcher.assign = lambda sources, widths: shown.append(list(sources))
    room._rearrange()
    while outbox.statistics().depth:
        await outbox.get()
    room.sessions.end(publisher)
    assert shown == [[ben.id], []]
    assert "slots" in {json.loads(await outbox.get())["type"] for _ in range(outbox.statistics().depth)}


async def test_a_guest_goes_with_the_session_or_with_the_offer(room):
    guest = room.join(None, "publish", guest_of="nonce")
    with pytest.raises(ValueError, match="bad"):
        await room.publish(guest, "bad")
    assert room.participants == {}
    guest = room.join(None, "publish", guest_of="nonce")
    publisher, _ = await room.publish(guest, "offer")
    publisher.peer.begin_close()
    assert room.participants == {}


async def test_who_leaves_while_the_offer_is_answered_gets_no_session(room):
    ann = room.join("Ann", "publish")
    publishing = asyncio.create_task(room.publish(ann, "offer"))
    await asyncio.sleep(0)
    room.leave(ann)
    with pytest.raises(Denied, match="join again"):
        await publishing
    assert ann.sessions == [] and ann.agent is None


async def test_a_full_server_takes_no_connection_and_keeps_no_guest(room):
    people = [room.join(name, "publish") for name in ("Ann", "Ben", "Cy")]
    for person in people:
        await room.publish(person, "offer")
    guest = room.join(None, "watch", guest_of="nonce")
    with pytest.raises(Full, match="3 connections"):
        await room.watch(guest, "offer")
    assert list(room.participants.values()) == people
