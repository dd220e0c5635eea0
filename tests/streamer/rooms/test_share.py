"""A screen that somebody shares, beside their camera."""

import pytest

from streamer.auth import Denied
from streamer.engine.client import EngineClient
from streamer.observer.client import ObserverClient
from streamer.rooms import screens
from streamer.rooms.errors import SeatsTaken
from streamer.rooms.host import Host
from streamer.rooms.outbox import Outbox
from streamer.rooms.room import Room
from streamer.rooms.share import share
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings
from tests.streamer.rooms.test_host import told


@pytest.fixture
async def room(answers):
    settings = Settings(engine=False, max_publishers=2)
    room = Room("room1", settings, EngineClient(), ObserverClient(), PeerCounts())
    yield room
    await room.close()
    assert room.sessions._counts.open == 0 and not room.participants


def come(room, name, **how):
    person = room.join(name, "publish", **how)
    room.attach(person, Outbox(), 4409)
    return person


async def test_a_screen_is_somebody_of_its_own_and_takes_no_seat(room):
    ann, ben = come(room, "Ann", host=True), come(room, "Ben")
    await room.publish(ann, "offer")
    await room.publish(ben, "offer")
    await share(room, ann, "offer")
    people = (await told(ben.outbox))["room"]["room"]["participants"]
    screen = screens.find(room.participants.values(), ann)
    assert [(one["name"], one["screen_of"]) for one in people] == [
        ("Ann", None),
        ("Ben", None),
        ("Ann's screen", ann.id),
    ]
    assert screen.agent is not None, "it is described and searched like a camera"
    assert (await told(ann.outbox))["faders"]["muted"] == [screen.id], "what one's own screen plays is heard already"
    assert not ben.faders.state()["muted"]
    room.rename(ann.id, None, "Anna")
    assert screen.name == "Anna's screen"
    with pytest.raises(SeatsTaken, match="Anna's screen is being shared"):
        await share(room, ben, "offer")


async def test_one_sees_no_screen_of_one_s_own(room):
    ann, ben = come(room, "Ann"), come(room, "Ben")
    await share(room, ann, "offer")
    screen = screens.find(room.participants.values(), ann)
    screen.publisher.has_video = True
    shown = {}
    for person in (ann, ben):
        watcher, _ = await room.watch(person, "offer")
        watcher.assign = lambda sources, widths, name=person.name: shown.__setitem__(name, list(sources))
    room._rearrange()
    assert shown == {"Ann": [], "Ben": [screen.id]}


async def test_a_screen_goes_with_its_session_its_owner_or_at_the_host_s_wish(room):
    ann, ben = come(room, "Ann"), come(room, "Ben", host=True)
    session, _ = await share(room, ann, "offer")
    session.peer.begin_close()
    assert list(room.participants) == [ann.id, ben.id]
    session, _ = await share(room, ann, "offer")
    owner, _ = room.sessions.get(session.id)
    await room.end_session(owner, session)
    assert list(room.participants) == [ann.id, ben.id]
    await share(room, ann, "offer")
    first = screens.find(room.participants.values(), ann)
    await share(room, ann, "offer")
    second = screens.find(room.participants.values(), ann)
    assert first.id not in room.participants and second is not first, (
        "shared anew, it takes the place of the one before"
    )
    Host(room, ben).mute(second.id, True)
    Host(room, ben).mute(second.id, False)
    Host(room, ben).remove(second.id)
    assert list(room.participants) == [ann.id, ben.id]
    await share(room, ann, "offer")
    room.leave(ann)
    assert list(room.participants) == [ben.id]


async def test_what_fails_leaves_nothing_behind(room):
    ann = come(room, "Ann")
    with pytest.raises(ValueError, match="bad"):
        await share(room, ann, "bad")
    assert list(room.participants) == [ann.id] and not ann.faders.state()["muted"]
    guest = room.join(None, "publish", guest_of="nonce")
    with pytest.raises(Denied, match="has joined"):
        await share(room, guest, "offer")
    assert list(room.participants) == [ann.id]
