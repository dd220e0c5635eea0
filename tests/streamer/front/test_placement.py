"""Rooms are never split, move only when they have to, and new ones go where there are fewest."""

from collections import Counter

from streamer.front.placement import MOST_PINS, PIN_SECONDS, Member, Placement, weight
from tests.clock import Clock


def placed(*names, clock=None):
    placement = Placement(clock or Clock(0.0))
    for name in names:
        placement.update(name, member())
    return placement


def member(*rooms, **more):
    return Member("127.0.0.1", 1, frozenset(rooms), **more)


def ids(count):
    return [f"room{number}" for number in range(count)]


def test_weights_are_the_same_everywhere():
    assert weight("0", "abcd") == 0xB0F2B144C726C908


def test_without_a_server_there_is_no_place():
    assert placed().of("abcd") is None and placed().any() is None and placed().new_room(lambda: "abcd") == "abcd"


def test_hashing_spreads_rooms_and_a_loss_moves_only_those_of_the_lost():
    before, after = placed("0", "1", "2"), placed("0", "1")
    at = {room: before.of(room) for room in ids(3000)}
    assert all(900 < count < 1100 for count in Counter(at.values()).values())
    assert all(after.of(room) == name for room, name in at.items() if name != "2")


def test_a_room_stays_where_it_lives_when_its_first_server_comes_back():
    clock = Clock(0.0)
    placement = placed("0", "1", clock=clock)
    room = next(room for room in ids(9) if placement.of(room) == "0")
    placement.remove("0")
    assert placement.of(room) == "1"
    placement.update("0", member())
    assert placement.of(room) == "1", "somebody may be on the way there"
    placement.update("1", member(room))
    clock.now += 10 * PIN_SECONDS
    assert placement.of(room) == "1"
    placement.update("1", member())
    assert placement.of(room) == "0", "the room has ended"


def test_a_draining_server_keeps_its_rooms_and_gets_no_more():
    placement = placed("0", "1")
    placement.update("0", member("mine", draining=True))
    assert placement.of("mine") == "0"
    assert {placement.of(room) for room in ids(50)} == {"1"} and placement.any() == "1"
    placement.update("1", member(draining=True))
    assert placement.of("other") is not None, "it says by itself that it takes nobody in"


def test_new_rooms_go_where_models_are_up():
    placement = placed("0", "1")
    placement.update("1", member(ready=False))
    assert {placement.of(room) for room in ids(50)} == {"0"}


def test_a_new_room_falls_to_the_server_with_fewest():
    placement = placed("0", "1", "2")
    for _ in range(30):
        placement.of(placement.new_room())
    assert Counter(placement.of(room) for room in list(placement._pins)) == {"0": 10, "1": 10, "2": 10}


def test_strangers_ids_fill_no_memory():
    placement = placed("0", "1")
    for room in ids(MOST_PINS + 100):
        placement.of(room)
    assert len(placement._pins) == MOST_PINS
