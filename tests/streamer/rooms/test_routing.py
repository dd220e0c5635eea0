"""Who is sent whose picture, at which size."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from streamer.engine.client import EngineClient
from streamer.messages import protocol
from streamer.observer.client import ObserverClient
from streamer.rooms.errors import TooMany
from streamer.rooms.paces import VIEWS_AT_ONCE
from streamer.rooms.room import Room
from streamer.rooms.watcher import Watcher
from streamer.rtc.bandwidth import MOST, bits_for
from streamer.rtc.peer import PeerCounts
from streamer.rtc.relay import VideoSource
from streamer.rtc.slot import SlotTrack
from streamer.settings import Settings


def watcher(*mids):
    """One with slots and no connection."""
    made = Watcher.__new__(Watcher)
    made._tracks = {mid: SlotTrack() for mid in mids}
    made._shown = {}
    made.listen = SimpleNamespace(stop=lambda: None, out=None)
    made.peer = SimpleNamespace(id="w", connected=True)
    return made


@pytest.fixture
async def room():
    room = Room("room1", Settings(engine=False), EngineClient(), ObserverClient(), PeerCounts())
    yield room
    for participant in list(room.participants.values()):
        participant.publisher = participant.watcher = None
    await room.close()


async def test_only_what_is_shown_is_sent_and_who_comes_is_shown(room):
    ann, ben, cy, eve = (room.join(name, "publish") for name in ("Ann", "Ben", "Cy", "Eve"))
    for person in (ann, ben, cy):
        person.publisher = SimpleNamespace(source=VideoSource(), has_video=True, has_audio=True, connected=True)
    eve.watcher = watcher("0", "1", "2")

    def seen():
        return {slot.participant for slot in eve.watcher.slots()}

    room.set_view(eve, {})
    assert seen() == {ann.id, ben.id, cy.id}
    room.set_view(eve, {ann.id: 0, ben.id: 640, "p-of-nobody": 0})
    assert seen() == {ben.id, cy.id} and eve.widths == {ann.id: 0, ben.id: 640}
    wanted = {slot.participant: eve.watcher._tracks[slot.mid].wanted for slot in eve.watcher.slots()}
    assert wanted == {ben.id: bits_for(640), cy.id: MOST}
    assert ann.publisher.source.statistics().viewers == 0
    room.set_view(eve, {})
    assert seen() == {ann.id, ben.id, cy.id}


async def test_changes_of_what_is_shown_are_limited(room):
    ann, ben = room.join("Ann", "publish"), room.join("Ben", "publish")
    for n in range(int(VIEWS_AT_ONCE)):
        room.set_view(ann, {ben.id: n})
    with pytest.raises(TooMany):
        room.set_view(ann, {ben.id: 0})
    assert ann.widths == {ben.id: VIEWS_AT_ONCE - 1}
    room.leave(ben)
    assert ann.widths == {}


@pytest.mark.parametrize("tile", [{"participant": "p", "width": -1}, {"participant": "p", "width": 1e9}, {"width": 3}])
def test_sizes_have_bounds(tile):
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_python({"type": "view", "tiles": [tile]})
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_python({"type": "view", "tiles": [{"participant": "p", "width": 1}] * 65})
