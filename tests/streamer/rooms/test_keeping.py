"""When rooms are put in their second place, and what becomes of a call when that place fails."""

import asyncio
import json
import logging
import types

import pytest

from streamer.engine.client import EngineClient
from streamer.messages.hosting import RoomRules
from streamer.observer.client import ObserverClient
from streamer.rooms import keeping, kept
from streamer.rooms.host import Host
from streamer.rooms.outbox import Outbox
from streamer.rooms.rooms import Rooms
from streamer.settings import Settings


class Keeper:
    """A second place in memory, which can be slow, fail, and be watched."""

    def __init__(self):
        self.kept, self.done, self.error = {}, [], None
        self.open = asyncio.Event()
        self.open.set()

    async def _begin(self, *what):
        self.done.append(what)
        await self.open.wait()
        if self.error is not None:
            raise self.error

    async def put(self, room_id, data, lifetime):
        await self._begin("put", room_id, lifetime)
        self.kept[room_id] = data

    async def get(self, room_id):
        await self._begin("get", room_id)
        return self.kept.get(room_id)

    async def drop(self, room_id):
        await self._begin("drop", room_id)
        self.kept.pop(room_id, None)


SETTINGS = Settings(engine=False, room_idle=600, invite_lifetime=7200)


@pytest.fixture
def keeper():
    return Keeper()


def rooms_of(keeper):
    return Rooms(SETTINGS, EngineClient(), ObserverClient(), keeper)


def come(room, name, **how):
    person = room.join(name, "publish", **how)
    room.attach(person, Outbox(), 4409)
    return person


async def settle(rooms):
    while rooms.keeping._busy:
        await asyncio.gather(*rooms.keeping._busy.values())


async def renew(rooms):
    for room in rooms.all():
        await rooms.keeping._renew(room)


async def test_what_changed_is_put_and_nothing_else(keeper):
    rooms = rooms_of(keeper)
    room = rooms.create("abcd")
    await renew(rooms)
    assert keeper.done == [], "nobody has been there"
    ann = come(room, "Ann")
    for _ in range(3):
        await renew(rooms)
    assert keeper.done == [("put", "abcd", 600)]
    room.rename(ann.id, None, "Anna")
    await renew(rooms)
    assert len(keeper.done) == 2 and kept.decode(keeper.kept["abcd"]).people[0].name == "Anna"
    statistics = rooms.keeping.statistics
    assert (statistics.puts, statistics.failures) == (2, 0) and statistics.bytes > 2 * len(kept.HEAD)
    await rooms.close()


async def test_a_quiet_call_is_put_before_it_is_forgotten_and_an_empty_room_is_not(keeper, monkeypatch):
    rooms = rooms_of(keeper)
    room = rooms.create("abcd")
    ann = come(room, "Ann")
    await renew(rooms)
    later = [keeping.time.monotonic()]
    monkeypatch.setattr(keeping, "time", types.SimpleNamespace(monotonic=lambda: later[0]))
    for seconds, puts in ((299, 1), (1, 2), (299, 2), (1, 3)):
        later[0] += seconds
        await renew(rooms)
        assert len(keeper.done) == puts
    room.leave(ann)
    await renew(rooms)
    later[0] += 599
    await renew(rooms)
    assert len(keeper.done) == 4
    await rooms.close()


async def test_the_loop_puts_all_rooms_one_thing_at_a_time_each(keeper, monkeypatch):
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    monkeypatch.setattr(keeping, "DEADLINE", 60)
    rooms = rooms_of(keeper)
    for name in ("abcd", "efgh"):
        come(rooms.create(name), "Ann")
    keeper.open.clear()
    running = asyncio.create_task(rooms.keeping.run(rooms.all))
    while len(keeper.done) < 2:  # noqa: ASYNC110 - a plain list
        await asyncio.sleep(0.01)
    rooms.get("abcd").rename(next(iter(rooms.get("abcd").participants)), None, "Anna")
    for _ in range(10):
        await asyncio.sleep(0.01)
    assert sorted(room for _, room, _ in keeper.done) == ["abcd", "efgh"], "both are under way still"
    keeper.open.set()
    while len(keeper.done) < 3:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert keeper.done[2][1] == "abcd"
    running.cancel()
    await rooms.close()


@pytest.mark.parametrize("failure", [OSError("no space"), "slow"])
async def test_a_place_that_fails_is_counted_and_harms_nobody(keeper, monkeypatch, caplog, failure):
    monkeypatch.setattr(keeping, "DEADLINE", 0.05)
    rooms = rooms_of(keeper)
    come(rooms.create("abcd"), "Ann")
    if failure == "slow":
        keeper.open.clear()
    else:
        keeper.error = failure
    with caplog.at_level(logging.WARNING, "earshot.keep"):
        await renew(rooms)
        await rooms.recall("efgh")
    assert rooms.keeping.statistics.failures == 2 and rooms.keeping.statistics.puts == 0
    assert "abcd" in caplog.text and "efgh" in caplog.text
    keeper.error = None
    keeper.open.set()
    await renew(rooms)
    assert set(keeper.kept) == {"abcd"}, "what failed is put again although nothing has changed since"
    await rooms.close()


async def test_a_place_that_goes_on_failing_is_told_to_everyone_and_so_is_its_end(keeper, monkeypatch, caplog):
    later = [0.0]
    monkeypatch.setattr(keeping, "time", types.SimpleNamespace(monotonic=lambda: later[0]))
    rooms = rooms_of(keeper)
    ann = come(rooms.create("abcd"), "Ann")

    async def told(person=ann):
        messages = [json.loads(await person.outbox.get()) for _ in range(person.outbox.statistics().depth)]
        return [message["code"] for message in messages if message["type"] == "notice"]

    keeper.error = OSError(28, "No space left on device")
    for seconds in (0, 9.9):
        later[0] = seconds
        await renew(rooms)
        assert await told() == [], "a busy machine misses a deadline, too"
    for seconds in (10, 12):
        later[0] = seconds
        await renew(rooms)
    ben = come(rooms.get("abcd"), "Ben")
    assert await told() == ["keeping_down"], "once"
    assert await told(ben) == ["keeping_down"], "who comes later is told, too"
    assert caplog.text.count("No space left on device") == 1
    keeper.error = None
    await renew(rooms)
    assert await told() == ["keeping_up"]
    await rooms.close()


async def test_a_room_that_cannot_be_kept_and_ends_is_no_failure_any_more(keeper, monkeypatch):
    later, told = [0.0], []
    monkeypatch.setattr(keeping, "time", types.SimpleNamespace(monotonic=lambda: later[0]))
    rooms = rooms_of(keeper)
    rooms.keeping._on_change = told.append
    come(rooms.create("abcd"), "Ann")
    keeper.error = OSError(28, "No space left on device")
    for later[0] in (0, 10):
        await renew(rooms)
    rooms.keeping.forget(rooms.get("abcd"), rules=False)
    assert told == [False, True]
    await settle(rooms)
    await rooms.close()


async def test_a_room_comes_back_on_another_server_and_is_asked_for_once(keeper):
    before = rooms_of(keeper)
    ann = come(before.create("abcd"), "Ann")
    await renew(before)
    after = rooms_of(keeper)
    await asyncio.gather(*(after.recall("abcd") for _ in range(5)))
    assert [what for what in keeper.done if what[0] == "get"] == [("get", "abcd")]
    assert after.get("abcd").participants[ann.id].name == "Ann"
    assert after.keeping.statistics.restored == 1
    await after.recall("abcd")
    await after.recall("nothere")
    await after.recall("../../etc/passwd")
    assert [what[1] for what in keeper.done if what[0] == "get"] == ["abcd", "nothere"]
    assert after.get("nothere") is None
    for rooms in (before, after):
        await rooms.close()


async def test_what_cannot_be_read_is_said_and_the_room_begins_anew(keeper, caplog):
    keeper.kept["abcd"] = b"garbage"
    rooms = rooms_of(keeper)
    with caplog.at_level(logging.WARNING, "earshot.keep"):
        await rooms.recall("abcd")
    assert rooms.get("abcd") is None and rooms.keeping.statistics.unusable == 1
    assert "abcd begins anew" in caplog.text
    await rooms.close()


async def test_a_room_that_ended_is_dropped_after_what_is_under_way(keeper):
    rooms = rooms_of(keeper)
    room = rooms.create("abcd")
    ann = come(room, "Ann")
    keeper.open.clear()
    rooms.keeping._begin("abcd", rooms.keeping._renew(room))
    while not keeper.done:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    room.leave(ann)
    rooms._forget(room)
    await asyncio.sleep(0.01)
    assert [what[0] for what in keeper.done] == ["put"]
    keeper.open.set()
    await settle(rooms)
    assert [what[0] for what in keeper.done] == ["put", "drop"] and keeper.kept == {}
    await rooms.close()


async def test_of_a_room_with_rules_of_its_own_these_are_kept_and_a_replaced_link_stays_worth_nothing(keeper):
    rooms = rooms_of(keeper)
    room = rooms.create("abcd")
    host = come(room, "Ann", host=True)
    Host(room, host).set_rules(RoomRules(locked=True, waiting_room=False, past="none"))
    Host(room, host).replace_links()
    await renew(rooms)
    room.insights.chat.say(host, "for those who are here")
    room.leave(host)
    rooms._forget(room)
    await settle(rooms)
    assert keeper.done[-1] == ("put", "abcd", 7200)
    assert b"those who are here" not in keeper.kept["abcd"]
    after = rooms_of(keeper)
    await after.recall("abcd")
    again = after.get("abcd")
    assert (again.rules.locked, again.rules.links) == (True, 1) and again.participants == {}
    for one in (rooms, after):
        await one.close()


async def test_rooms_are_put_a_last_time_when_the_server_stops(keeper):
    rooms = rooms_of(keeper)
    come(rooms.create("abcd"), "Ann")
    await rooms.close()
    assert [person.name for person in kept.decode(keeper.kept["abcd"]).people] == ["Ann"]


async def test_a_room_that_nothing_can_be_made_of_locks_nobody_out(keeper, monkeypatch, caplog):
    before = rooms_of(keeper)
    come(before.create("abcd"), "Ann")
    await renew(before)

    def fails(room, state):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("streamer.rooms.rooms.restore", fails)
    after = rooms_of(keeper)
    with caplog.at_level(logging.ERROR, "earshot.room"):
        await after.recall("abcd")
    assert after.get("abcd") is None and after.keeping.statistics.unusable == 1
    assert "a fault of ours" in caplog.text
    assert after.enter("abcd").participants == {}
    for rooms in (before, after):
        await rooms.close()


async def test_a_full_server_brings_nothing_back(keeper):
    before = rooms_of(keeper)
    come(before.create("abcd"), "Ann")
    await renew(before)
    full = Rooms(SETTINGS.model_copy(update={"max_rooms": 1}), EngineClient(), ObserverClient(), keeper)
    come(full.create("efgh"), "Ben")
    await full.recall("abcd")
    assert [room.id for room in full.all()] == ["efgh"] and full.keeping.statistics.restored == 0
    for rooms in (before, full):
        await rooms.close()


async def test_a_room_that_moves_is_put_before_anybody_goes_and_never_after(keeper):
    rooms = rooms_of(keeper)
    room = rooms.enter("abcd1")
    outbox = come(room, "Ann").outbox
    outbox.heard = 3
    while outbox.statistics().depth:
        await outbox.get()
    keeper.open.clear()
    moving = asyncio.create_task(rooms.move("abcd1"))
    while not keeper.done:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert outbox.statistics().depth == 0, "nobody is told before it is there"
    outbox.heard += 1  # too late to be put
    keeper.open.set()
    await moving
    assert json.loads(await outbox.get()) == {"type": "moved", "heard": 3} and "abcd1" in keeper.kept

    # By now another server keeps it.
    keeper.kept["abcd1"], keeper.done = b"newer", []
    room.join("Ben", "publish")
    running = asyncio.create_task(rooms.keeping.run(rooms.all))
    await asyncio.sleep(0)
    rooms.keeping.forget(room, rules=True)
    rooms.keeping._handed.add("abcd1")
    await rooms.keeping.close(rooms.all())
    running.cancel()
    await settle(rooms)
    assert keeper.kept["abcd1"] == b"newer" and keeper.done == []
