"""What a host does to a room, and that nobody else does it."""

import asyncio
import json
import time

import pytest

from streamer.auth import Claims, Denied
from streamer.engine.client import EngineClient
from streamer.messages.hosting import RoomRules
from streamer.observer.client import ObserverClient
from streamer.rooms.admission import REMEMBERED, Admission, check_link
from streamer.rooms.errors import Forbidden, Full
from streamer.rooms.host import BY_HOST, Host
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.rules import MOST_KEPT, KeptRules, Rules
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings

LOCK = RoomRules(locked=True, waiting_room=False, past="none")
WAIT = RoomRules(locked=False, waiting_room=True, past="none")


@pytest.fixture
async def room():
    room = Room("room1", Settings(engine=False, max_watchers=1), EngineClient(), ObserverClient(), PeerCounts())
    yield room
    await room.close()
    assert room.empty


def come(room, name, **how):
    person = room.join(name, how.pop("role", "publish"), **how)
    room.attach(person, Outbox(), 4409)
    return person


async def told(outbox):
    """Everything that waits in an outbox, by type."""
    return {
        message["type"]: message
        for message in [json.loads(await outbox.get()) for _ in range(outbox.statistics().depth)]
    }


async def test_only_a_host_gives_orders(room):
    come(room, "Ann", host=True)
    ben, cy = come(room, "Ben"), come(room, "Cy")
    mine = Host(room, ben)
    for order in (
        lambda: mine.set_rules(LOCK),
        lambda: mine.remove(cy.id),
        lambda: mine.mute(cy.id, True),
        lambda: mine.admit(cy.id, True),
        mine.replace_links,
        mine.end_call,
    ):
        with pytest.raises(Forbidden, match="Only the host"):
            order()
    assert room.rules == Rules() and not cy.muted and cy.id in room.participants


async def test_who_is_removed_is_told_and_gone_and_not_let_back_with_what_they_hold(room):
    ann, ben = come(room, "Ann", host=True), come(room, "Ben")
    outbox = ben.outbox
    Host(room, ann).remove(ben.id)
    assert ben.id not in room.participants and outbox.closed and outbox.close_code == BY_HOST
    error = (await told(outbox))["error"]
    assert (error["code"], error["reason"]) == ("removed", "The host removed you from this call.")
    with pytest.raises(Denied, match="removed you") as caught:
        room.admission.knows(ben.nonce)
    assert caught.value.status == 403
    with pytest.raises(KeyError):
        Host(room, ann).remove(ben.id)
    with pytest.raises(Forbidden, match="host cannot be removed"):
        Host(room, ann).remove(ann.id)


async def test_the_call_is_ended_for_all_and_nobody_begins_it_anew(room):
    ann, ben = come(room, "Ann", host=True), come(room, "Ben")
    Host(room, ann).set_rules(WAIT)
    cy = come(room, "Cy")
    outboxes = [person.outbox for person in (ann, ben, cy)]
    Host(room, ann).end_call()
    assert room.empty and room.rules.links == 1
    for outbox in outboxes:
        assert outbox.closed and outbox.close_code == BY_HOST
        assert (await told(outbox))["error"]["reason"] == "The host ended the call."
    with pytest.raises(Denied, match="ended the call"):
        room.admission.knows(ben.nonce)


async def test_a_bare_client_that_was_removed_does_not_come_back_with_its_link(room):
    ann = come(room, "Ann", host=True)
    obs = room.join(None, "publish", guest_of="nonce of a link")
    Host(room, ann).remove(obs.id)
    with pytest.raises(Denied, match="came with this link"):
        room.join(None, "publish", guest_of="nonce of a link")
    assert room.join(None, "publish", guest_of="nonce of another link")


async def test_everyone_sees_who_is_muted_and_only_they_themselves_open_their_microphone(room):
    ann, ben = come(room, "Ann", host=True), come(room, "Ben")
    Host(room, ann).mute(ben.id, True)
    people = (await told(ann.outbox))["room"]["room"]["participants"]
    assert [(one["name"], one["host"], one["muted"]) for one in people] == [("Ann", True, False), ("Ben", False, True)]
    with pytest.raises(Forbidden, match="themselves"):
        Host(room, ann).mute(ben.id, False)
    Host(room, ben).mute(ben.id, False)
    assert not ben.muted
    obs = room.join(None, "publish", guest_of="nonce")
    Host(room, ann).mute(obs.id, True)
    Host(room, ann).mute(obs.id, False)
    assert not obs.muted, "a client without a page has no way to unmute itself"


async def test_newcomers_wait_until_the_host_lets_them_in_or_does_not(room):
    ann = come(room, "Ann", host=True)
    host = Host(room, ann)
    host.set_rules(WAIT)
    ben, cy = come(room, "Ben"), come(room, "Cy")
    assert list(room.participants) == [ann.id]
    assert set(await told(ben.outbox)) == {"waiting"}, "who waits is told nothing of the room"
    assert [one["name"] for one in (await told(ann.outbox))["waiting_list"]["waiting"]] == ["Ben", "Cy"]
    host.admit(ben.id, True)
    messages = await told(ben.outbox)
    assert next(iter(messages)) == "welcome"
    assert [one["name"] for one in messages["welcome"]["room"]["participants"]] == ["Ann", "Ben"]
    outbox = cy.outbox
    host.admit(cy.id, False)
    assert (await told(outbox))["error"]["reason"] == "The host did not let you in."
    assert outbox.close_code == BY_HOST and (await told(ann.outbox))["waiting_list"]["waiting"] == []
    with pytest.raises(Denied, match="did not let you in"):
        room.admission.knows(cy.nonce)
    with pytest.raises(KeyError):
        host.admit(cy.id, True)
    assert "waiting_list" not in await told(ben.outbox), "that is for hosts"


async def test_who_waits_and_goes_is_forgotten_and_who_finds_no_place_waits_on(room):
    ann = come(room, "Ann", host=True)
    Host(room, ann).set_rules(WAIT)
    come(room, "Wim", role="watch", returning="")
    wanda, xu = come(room, "Wanda", role="watch"), come(room, "Xu", role="watch")
    with pytest.raises(Full, match="1 watch"):
        Host(room, ann).admit(wanda.id, True)
    assert wanda.id in room.admission.waiting
    room._settings = Settings(engine=False, resume_grace=0.01)
    room.detach(wanda, wanda.outbox)
    await asyncio.sleep(0.1)
    assert list(room.admission.waiting) == [xu.id]
    room.leave(xu)
    assert room.admission.waiting == {}


async def test_what_newcomers_are_shown_of_the_past(room):
    ann, began = come(room, "Ann", host=True), time.monotonic()
    host = Host(room, ann)
    early = come(room, "Early")
    assert early.sees_from >= began and ann.sees_from == float("-inf")
    host.set_rules(RoomRules(locked=False, waiting_room=False, past=5))
    assert come(room, "Late").sees_from == pytest.approx(time.monotonic() - 300, abs=5)
    host.set_rules(RoomRules(locked=False, waiting_room=False, past="all"))
    assert come(room, "Later").sees_from == float("-inf")
    host.set_rules(RoomRules(locked=False, waiting_room=False, past="none"))
    room.leave(early)
    assert room.admission.knows(early.nonce)
    assert come(room, "Early", returning=early.nonce).sees_from == early.sees_from, "cut off, and back"
    room.admission.left(early)
    assert not room.admission.knows(early.nonce)


def test_a_room_remembers_a_bounded_number_of_stays():
    admission = Admission(Rules(), Settings(engine=False))
    people = [Participant("A", "publish") for _ in range(REMEMBERED + 1)]
    for person in people:
        admission.let_in(person)
    assert not admission.knows(people[0].nonce) and admission.knows(people[1].nonce)


def test_links_are_replaced_for_all_but_the_host():
    def invite(links, host=False):
        return Claims("invite", "room1", "publish", "", "n", 0.0, links, host)

    rules = Rules(links=1)
    check_link(rules, invite(1))
    check_link(rules, invite(0, host=True))
    with pytest.raises(Denied, match="replaced") as caught:
        check_link(rules, invite(0))
    assert caught.value.status == 403


def test_kept_rules_are_bounded_in_number_and_time():
    now = [0.0]
    kept = KeptRules(10.0, lambda: now[0])
    for n in range(MOST_KEPT + 1):
        kept.put(str(n), Rules(links=n))
    assert kept.get("0") is None and kept.get("1") == Rules(links=1)
    assert kept.pop("1") == Rules(links=1) and kept.pop("1") is None
    now[0] = 10.0
    assert kept.get("2") is None
