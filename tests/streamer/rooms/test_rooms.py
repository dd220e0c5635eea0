"""Coming, going, limits and messages of rooms, without media."""

import asyncio
import json

import pytest

from streamer.engine.client import EngineClient
from streamer.engine.types import FaceState, SpeakerState
from streamer.observer.client import ObserverClient
from streamer.rooms.broadcast import faces_message
from streamer.rooms.errors import Full, TooMany
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import MAX_FACE_NAMES, Participant
from streamer.rooms.room import Room
from streamer.rooms.rooms import Rooms
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings


def make_room(**settings):
    return Room("room1", Settings(engine=False, **settings), EngineClient(), ObserverClient(), PeerCounts())


async def taken(outbox):
    """Everything that waits in an outbox, by type."""
    return {
        message["type"]: message
        for message in [json.loads(await outbox.get()) for _ in range(outbox.statistics().depth)]
    }


async def test_some_watch():
    room = make_room(max_watchers=2)
    room.join(None, "watch")
    guest = room.join(None, "watch")
    assert guest.name == "Guest 2"
    with pytest.raises(Full, match="2 watch"):
        room.join(None, "watch")
    room.leave(guest)
    room.join(None, "watch")
    assert len(room.participants) == 2
    await room.close()
    assert room.participants == {}


async def test_whoever_never_connects_is_gone_after_the_grace():
    room = make_room(resume_grace=0.01)
    room.join("A", "publish")
    await asyncio.sleep(0.1)
    assert room.participants == {}


async def test_a_lost_participant_is_kept_for_the_grace_with_all_they_set():
    room = make_room()
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    outbox = Outbox()
    room.attach(ann, outbox, 4409)
    ann.set_gain(ben.id, 1, 0.5)
    room.rename(ann.id, 3, "Grace")
    room.detach(ann, outbox)
    assert not ann.state().connected
    again = Outbox()
    room.attach(room.participants[ann.id], again, 4409)
    assert ann.state().connected
    assert ann.state().faces == {"3": "Grace"}
    assert ann.fader_state().gains[0].gain == 0.5
    ann.wait(0.01, lambda: room._expired(ann))
    await asyncio.sleep(0.05)
    assert ann.id in room.participants, "a connected participant does not expire"
    room.detach(ann, again)
    ann.wait(0.01, lambda: room._expired(ann))
    await asyncio.sleep(0.05)
    assert ann.id not in room.participants
    await room.close()


async def test_a_second_control_socket_replaces_the_first():
    room = make_room()
    ann = room.join("Ann", "publish")
    first, second = Outbox(), Outbox()
    room.attach(ann, first, 4409)
    room.attach(ann, second, 4409)
    assert first.closed and first.close_code == 4409
    room.detach(ann, first)
    assert ann.outbox is second
    await room.close()
    assert second.close_code == 1001


async def test_everyone_is_told_of_changes():
    room = make_room()
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    outbox = Outbox()
    room.attach(ann, outbox, 4409)
    room.rename(ben.id, None, "Benjamin")
    messages = await taken(outbox)
    names = {p["id"]: p["name"] for p in messages["room"]["room"]["participants"]}
    assert names == {ann.id: "Ann", ben.id: "Benjamin"}
    assert messages["status"] == {
        "type": "status",
        "voices_separated": False,
        "reason": "The models are not running.",
    }
    ann.faders.set_focus(ben.id, 2)
    room.leave(ben)
    messages = await taken(outbox)
    assert [p["id"] for p in messages["room"]["room"]["participants"]] == [ann.id]
    assert messages["faders"]["focus"] is None, "a focus on someone who left would silence everyone"
    await room.close()


async def test_faces_carry_names_and_stay_in_range():
    room = make_room()
    ann = room.join("Ann", "publish")
    ann.rename(2, "Grace")
    ann.rename(-1, "Rose")
    box = (0.1, 0.2, 0.3, 0.4)
    states = [
        FaceState(2, box, 0.9, True, 1.2, "known", -0.1, None),
        FaceState(5, box, 0.9, False, 0.0, "unknown", 0.0, None),
    ]
    message = faces_message(ann, 12.5, states, [SpeakerState(-1, 1.2, "known", 0.5)])
    assert [face.name for face in message.faces] == ["Grace", None]
    assert (message.faces[0].speaking, message.faces[0].voice_confidence) == (1.0, 0.0)
    assert [(voice.id, voice.name, voice.speaking) for voice in message.voices] == [(-1, "Rose", 1.0)]
    outbox = Outbox()
    room.attach(ann, outbox, 4409)
    room.insights.follow(ann)
    for t in range(10):
        room._agents._faces(ann, float(t), states, [])
    messages = await taken(outbox)
    assert messages["faces"]["t"] == 9.0, "one's own faces come too, and the newest wins"
    await room.close()


async def test_faders_and_face_names_are_bounded():
    room = make_room()
    ann = room.join("Ann", "publish")
    for face in range(MAX_FACE_NAMES):
        room.rename(ann.id, face, "x")
    room.rename(ann.id, 0, "y")
    room.rename(ann.id, MAX_FACE_NAMES, "x")
    assert len(ann.face_names) == MAX_FACE_NAMES
    assert ann.face_names[0] == "y" and 1 not in ann.face_names, "the name given first makes room"
    with pytest.raises(TooMany):
        for face in range(10_000):
            ann.set_gain("p1", face, 0.5)
    await room.close()


async def test_rooms_are_bounded_and_empty_ones_give_way():
    rooms = Rooms(Settings(engine=False, max_rooms=2), EngineClient(), ObserverClient())
    first, second = rooms.create(), rooms.create()
    first.join("A", "publish")
    third = rooms.create()
    assert {room.id for room in rooms.all()} == {first.id, third.id}
    third.join("B", "publish")
    with pytest.raises(Full):
        rooms.enter(second.id)
    await rooms.close()
    assert len(rooms) == 0


@pytest.mark.parametrize("what", ["observer", "looking"])
async def test_who_comes_while_a_process_is_down_is_told_so(what):
    rooms = Rooms(Settings(engine=False), EngineClient(), ObserverClient())
    change = {"observer": rooms.observer_changed, "looking": rooms.looking_changed}[what]
    room = rooms.create()

    async def told(name):
        participant, outbox = room.join(name, "publish"), Outbox()
        room.attach(participant, outbox, 4409)
        return outbox, (await taken(outbox)).get("notice", {}).get("code")

    change(True)
    early, code = await told("Ann")
    assert code is None, "that it is up for the first time is no news"
    change(False)
    change(False)
    assert (await taken(early))["notice"]["code"] == f"{what}_down"
    assert early.statistics().replaced == 0, "it is told once"
    late, code = await told("Ben")
    assert code == f"{what}_down"
    change(True)
    for outbox in (early, late):
        assert (await taken(outbox))["notice"]["code"] == f"{what}_up"
    _, code = await told("Cy")
    assert code is None
    other = rooms.create()
    change(False)
    outbox = Outbox()
    other.attach(other.join("Di", "publish"), outbox, 4409)
    assert (await taken(outbox))["notice"]["code"] == f"{what}_down"
    await rooms.close()


async def test_empty_rooms_are_forgotten_and_come_back_with_an_invite():
    rooms = Rooms(Settings(engine=False, room_idle=0.001), EngineClient(), ObserverClient())
    empty, full = rooms.create(), rooms.create()
    full.join("A", "publish")
    await asyncio.sleep(0.01)
    rooms.sweep()
    assert rooms.get(empty.id) is None
    assert rooms.get(full.id) is full
    assert rooms.enter(empty.id).participants == {}
    with pytest.raises(ValueError, match="no room id"):
        rooms.enter("../x")
    await rooms.close()


async def test_who_was_silent_before_the_socket_was_lost_has_that_much_less_time_to_come_back(monkeypatch):
    room = make_room(resume_grace=10.0)
    waits = []
    monkeypatch.setattr(Participant, "wait", lambda self, seconds, then: waits.append(seconds))
    participant = room.join("Ann", "publish")
    for silent in (0.0, 8.0, 12.0):
        outbox = Outbox()
        room.attach(participant, outbox, 4409)
        room.detach(participant, outbox, silent)
    assert waits == [10.0, 10.0, 2.0, 0.0]
    await room.close()
