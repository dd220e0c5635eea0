"""A room that is written and made anew is the same, field by field; what is damaged makes none."""

import json
import time
import types

import numpy as np
import pytest

from streamer.engine.client import EngineClient
from streamer.keep.keeper import LARGEST
from streamer.messages.hosting import RoomRules
from streamer.observer.client import ObserverClient
from streamer.observer.types import Caption, Sounds
from streamer.rooms import kept, restore
from streamer.rooms.agent import Agent
from streamer.rooms.captions import REPEATED
from streamer.rooms.host import Host
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import MAX_FACE_NAMES, Participant
from streamer.rooms.restore import restore as fill
from streamer.rooms.room import Room
from streamer.rooms.snapshot import gather
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings
from streamer.transcripts.transcript import MOST

SHIFT = 990.0
"""Seconds between the monotonic clocks of the two machines, less the time that has passed."""

MOMENTS = {"monotonic", "unix"}


def new_room(**settings):
    return Room("room1", Settings(engine=False, **settings), EngineClient(), ObserverClient(), PeerCounts())


def come(room, name, role="publish", **how):
    person = room.join(name, role, **how)
    room.attach(person, Outbox(), 4409)
    return person


def caption(id, text, start, face=1, final=True):
    vector = np.eye(1, 4, dtype=np.float32)[0].tobytes()
    return Caption(id=id, text=text, start=start, end=start + 2, final=final, face=face, vector=vector)


def said(room, person, *what):
    room.insights.observed(person, caption(*what))


@pytest.fixture
async def call():
    """A call in which everything has happened that is to be kept."""
    room = new_room()
    ann, ben = come(room, "Ann", host=True), come(room, "Ben")
    wendy, lou = come(room, "Wendy", "watch"), come(room, "Lou")
    for person in (ann, ben, lou):
        room._agents.begin(person)
    host = Host(room, ann)
    out = come(room, "Out")
    host.remove(out.id)
    host.set_rules(RoomRules(locked=False, waiting_room=True, past=7))
    host.replace_links()
    walt = come(room, "Walt")
    assert walt.id in room.admission.waiting
    host.set_rules(RoomRules(locked=True, waiting_room=True, past=7))
    ann.sees_from, ben.sees_from = float("-inf"), ann.sees_from
    room.rename(ann.id, 1, "Grace")
    room.rename(ann.id, -2, "Radio")
    ben.muted, ben.hand, ben.seated = True, time.monotonic() - 5, True
    ben.suppress(True)
    ben.set_gain(ann.id, 1, 0.25)
    ben.set_gain(ann.id, "rest", 0.0)
    ben.faders.set_muted(wendy.id, True)
    wendy.faders.set_focus(ann.id, 1)
    wendy.widths = {ann.id: 320, ben.id: 0}
    walt.memory = b"voices"
    said(room, lou, 0, "We begin with the budget.", 100.0, None)
    for number in range(REPEATED + 2):
        said(room, ann, number, f"Line {number} of the plan.", 103.0 + number)
    said(room, ann, 90, "not yet", 190.0, 1, False)
    room.insights.captions.set_speaker(ann.id, 1, -2)
    said(room, ben, 4, "Late, but it began early.", 50.0, None)
    room.insights.observed(ben, Sounds(t=140.0, tags=[("siren", 0.9)]))
    room.insights.chat.say(lou, "The address:\n1 Main Street")
    room.insights.chat.say(ben, "thanks")
    room.leave(lou)
    yield room, ann, ben
    await room.close()


def moved(state):
    """The times of a room on the other machine's clock."""
    for person in state["people"]:
        if person["where"] == "gone":
            continue
        person["sees_from"] += SHIFT
        person["hand"] = None if person["hand"] is None else person["hand"] + SHIFT
    state["let_in"] = [(nonce, at + SHIFT) for nonce, at in state["let_in"]]
    state["lines"] = [(*line[:-1], line[-1] + SHIFT) for line in state["lines"]]
    state["written"] = [(*line[:-1], line[-1] + SHIFT) for line in state["written"]]
    return state


def filled(state):
    """All fields, whether they are written or left at their defaults."""
    return json.loads(json.dumps(kept.KeptRoom.model_validate(state).model_dump(mode="python"), default=str))


async def again(room, monkeypatch, clock=None):
    state = gather(room)
    data, _ = kept.encode(dict(state))
    monotonic, unix = clock or (state["monotonic"] + 1000.0, state["unix"] + 10.0)
    monkeypatch.setattr(restore, "time", types.SimpleNamespace(monotonic=lambda: monotonic))
    monkeypatch.setattr(restore, "now", lambda: unix)
    other = new_room()
    fill(other, kept.decode(data))
    other.expect_everybody()
    return state, other


async def test_every_field_comes_back(call, monkeypatch):
    room, _ann, _ben = call
    state, other = await again(room, monkeypatch)
    after = gather(other)
    before, after = filled(moved(state)), filled(after)
    assert {name for name in before if before[name]} >= set(kept.KeptRoom.model_fields) - {"dropped", "guests"}
    for name in before.keys() - MOMENTS - {"people", "lines", "let_in", "written"}:
        assert after[name] == before[name], name
    for name in ("lines", "let_in", "written"):
        assert len(after[name]) == len(before[name])
        for one, same in zip(sorted(after[name]), sorted(before[name]), strict=True):
            assert [part if not isinstance(part, float) else pytest.approx(part, abs=1e-5) for part in same] == one
    for one, same in zip(after["people"], before["people"], strict=True):
        for name in ("sees_from", "hand"):
            assert one.pop(name) == pytest.approx(same.pop(name), abs=1e-5)
        assert one == same
    assert [person["where"] for person in before["people"]] == ["here", "here", "here", "waiting", "gone"]
    ours, theirs = room.insights.captions.transcript, other.insights.captions.transcript
    assert theirs.vtt() == ours.vtt() and theirs.srt() == ours.srt() and theirs.text() == ours.text()
    assert "Lou: [chat] The address: 1 Main Street" in ours.text() and "siren" in ours.text().lower()
    for query in ("budget", "address", "plan"):
        found = [
            (m.kind, m.participant, m.t, m.text.split(), m.speaker)
            for m in other.insights.search.index.search(np.zeros(4, np.float32), query)
        ]
        assert found == [
            (m.kind, m.participant, m.t, m.text.split(), m.speaker)
            for m in room.insights.search.index.search(np.zeros(4, np.float32), query)
        ]
        assert found, query
    await other.close()


async def test_names_given_afterwards_stand_on_the_lines_of_before(call, monkeypatch):
    room, ann, _ = call
    _, other = await again(room, monkeypatch)
    other.rename(ann.id, -2, "Wireless")
    other.rename(ann.id, None, "Anna")
    text = other.insights.captions.transcript.text()
    assert "Wireless: Line 1 of" in text and "Radio" not in text
    other.insights.captions.set_speaker(ann.id, 2, None)
    assert "Anna: Line 2 of" in other.insights.captions.transcript.text()
    assert other.insights.captions.next_line(other.participants[ann.id]) == REPEATED + 2
    await other.close()


async def test_who_was_cut_off_comes_back_as_themselves_and_the_others_go(call, monkeypatch):
    room, ann, ben = call
    _state, other = await again(room, monkeypatch)
    assert other.admission.knows(ben.nonce)
    back = other.participants[ben.id]
    outbox = Outbox()
    other.attach(back, outbox, 4409)
    messages = [json.loads(await outbox.get()) for _ in range(outbox.statistics().depth)]
    welcome = next(message for message in messages if message["type"] == "welcome")
    gains = [ben.fader_state().model_dump()["gains"], welcome["faders"]["gains"]]
    assert sorted(gains[0], key=str) == sorted(gains[1], key=str) and len(gains[0]) == 2
    lines = [message["text"] for message in messages if message["type"] == "caption"]
    assert len(lines) == REPEATED and lines[-1] == "Late, but it began early."
    chat = next(message for message in messages if message["type"] == "chat_history")
    assert [line["text"] for line in chat["lines"]] == ["The address:\n1 Main Street", "thanks"]
    other.participants[ann.id]._waiting._then()
    assert ann.id not in other.participants and ben.id in other.participants
    assert back.fader_state().gains == []
    await other.close()


async def test_a_clock_that_is_behind_makes_no_future(call, monkeypatch):
    room, _ann, ben = call
    taken = gather(room)
    _, other = await again(room, monkeypatch, (5.0, taken["unix"] - 3600))
    assert max(line.at for line in other.insights.captions.lines()) <= 5.0
    assert other.participants[ben.id].hand == pytest.approx(0.0, abs=0.5)
    await other.close()


async def test_bare_clients_and_screens_have_nothing_to_come_back_with(call, monkeypatch):
    room, ann, ben = call
    room.rules.locked = room.rules.waiting_room = False
    guest = room.join(None, "publish", guest_of="n1")
    screen = Participant("Ann's screen", "publish", screen_of=ann.id)
    room.participants[screen.id] = screen
    ben.set_gain(guest.id, "rest", 0.5)
    said_there = room.insights.captions.add(guest, caption(0, "From a studio.", 150.0, None))
    state, other = await again(room, monkeypatch)
    assert not {guest.id, screen.id} & other.participants.keys()
    assert other.guests == 1
    assert said_there() == "Guest 1" and "Guest 1: From a studio." in other.insights.captions.transcript.text()
    assert guest.id in {who for (who, _), _ in other.participants[ben.id].faders.setting[1]}
    assert screen.id not in {one["id"] for one in state["people"]}
    await other.close()


async def test_what_is_known_of_faces_and_voices_goes_to_the_models_when_somebody_sends_again(call, monkeypatch):
    room, ann, _ben = call
    monkeypatch.setattr(Agent, "memory", property(lambda agent: b"faces of " + agent._sid.encode()))
    _state, other = await again(room, monkeypatch)
    opened = {}
    monkeypatch.setattr(EngineClient, "open", lambda self, sid, *callbacks: opened.update({sid: callbacks[-1]}))
    back = other.participants[ann.id]
    other._agents.begin(back)
    assert opened == {ann.id: b"faces of " + ann.id.encode()}
    observer = other._agents._observer
    assert observer._sessions[ann.id].next_line == REPEATED + 2
    await other.close()


async def test_nothing_secret_is_written(call):
    room, _ann, _ = call
    data, _ = kept.encode(gather(room))
    assert b"eyJ" not in data, "a JSON web token begins so"


async def test_what_is_damaged_or_of_another_kind_is_refused(call):
    room, *_ = call
    data, digest = kept.encode(gather(room))
    assert kept.encode(gather(room))[1] == digest, "time alone is no change"
    head = len(kept.HEAD)
    for broken in (b"", data[:-1], data[:head], data[: head + 2], b"x" + data[1:], data + b"x", bytes(LARGEST + 1)):
        with pytest.raises(kept.Unusable, match="damaged"):
            kept.decode(broken)
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    with pytest.raises(kept.Unusable, match="damaged"):
        kept.decode(bytes(flipped))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 2}, "version"),
        ({"more": 1}, "more"),
        ({"lines": [("said", "nobody", 1, 0, 0.0, 1.0, "text", 2.0)]}, "nobody"),
        ({"lines": [("said", "nobody", 1, 0, float("nan"), 1.0, "text", 2.0)]}, "lines"),
        ({"people": [{"where": "here", "id": "p1", "name": "A" * 200}]}, "name"),
        ({"people": [{"where": "gone", "id": "p1", "name": "A"}] * 2}, "twice"),
        ({"rules": {"locked": True}}, "rules"),
        ({"let_in": [("n", 0.0)] * 1025}, "let_in"),
    ],
)
async def test_every_field_is_checked(change, reason):
    room = new_room()
    data, _ = kept.encode(gather(room) | change)
    with pytest.raises(kept.Unusable, match=reason):
        kept.decode(data)


def test_a_room_without_rules_is_none():
    data, _ = kept.encode({"monotonic": 0.0, "unix": 0.0})
    with pytest.raises(kept.Unusable, match="version"):
        kept.decode(data)


async def test_the_longest_call_fits():
    room = new_room()
    ann = come(room, "Ann", host=True)
    ann.face_names = {n: "N" * 60 for n in range(1, MAX_FACE_NAMES + 1)}
    for number in range(MOST):
        room.insights.captions.add(ann, caption(number, "w" * 300, float(number)))
    data, _ = kept.encode(gather(room))
    assert len(data) < LARGEST // 2
    endless = gather(room)
    endless["lines"] = [(*line[:6], "w" * 2000, line[7]) for line in endless["lines"]]
    data, _ = kept.encode(endless)
    left = kept.decode(data).lines
    assert len(data) <= LARGEST and 1000 < len(left) < MOST and left[-1][3] == MOST - 1
    await room.close()
