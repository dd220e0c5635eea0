"""Who has a room when servers come, fall silent, are lost, come back and leave; and when all are too busy or idle."""

import pytest

from streamer.cluster.registry import EMPTYING_SECONDS, SILENCE_SECONDS, Registry, Said
from streamer.cluster.scaling import GROW_SECONDS, SHRINK_SECONDS, Load, Scaling, first_to_go
from streamer.front.placement import Member
from tests.clock import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def registry(clock):
    return Registry(clock)


def said(*rooms, people=1, node="n"):
    return Said(Member("127.0.0.1", 1, frozenset(rooms)), Load(len(rooms)), people, node)


def test_a_room_goes_from_a_server_on_its_way_out_to_another_and_stays_there(registry):
    assert registry.tell("a", said("room")) == []
    registry.leave("a")
    assert registry.tell("a", said("room")) == [], "there is nobody else who could take it"
    registry.tell("b", said())
    assert registry.tell("a", said("room")) == ["room"]
    assert registry.placement.of("room") == "b"
    registry.tell("b", said("room"))
    assert registry.tell("a", said("room")) == ["room"] and registry.placement.of("room") == "b"
    assert list(registry.staying) == ["b"]


def test_who_is_on_the_way_out_ends_when_it_is_empty_or_has_had_time(registry, clock):
    for name in ("a", "b", "c"):
        registry.tell(name, said("room" + name))
    registry.leave("a")
    registry.leave("b")
    assert registry.left() == []
    registry.tell("a", said(people=0))
    assert registry.left() == ["a"]
    registry.end("a")
    clock.now += EMPTYING_SECONDS + 0.1
    assert registry.left() == ["b"]


def test_a_server_that_was_taken_for_lost_gives_up_what_others_have_by_then(registry):
    registry.tell("a", said("one", "two"))
    registry.tell("b", said())
    registry.lose("a")
    assert registry.placement.of("one") == registry.placement.of("two") == "b"
    registry.tell("b", said("one"))
    assert registry.tell("a", said("one", "two")) == ["one"], "nobody has come for the other one"
    assert registry.placement.of("two") == "a"


def test_silence_is_a_loss(registry, clock):
    registry.tell("a", said())
    clock.now += SILENCE_SECONDS
    assert registry.silent() == []
    clock.now += 0.1
    assert registry.silent() == ["a"]
    registry.lose("a")
    assert registry.silent() == [] and registry.placement.any() is None


def test_who_is_on_a_machine(registry):
    registry.tell("a", said(node="1"))
    registry.tell("b", said(node="2"))
    assert registry.on("2") == ["b"]


def test_pressure_is_that_of_the_nearest_limit():
    assert Load(late=0.01).pressure == 0.5
    assert Load(dropped=0.25, lag=0.05).pressure == 1
    assert Load(rooms=9).pressure == 0


BUSY, FREE = Load(1, late=0.03), Load(3)


def test_one_more_when_all_have_been_too_busy_for_a_while():
    scaling = Scaling(1, 3)
    both = {"a": BUSY, "b": BUSY}
    assert scaling.wanted(both, 0) == scaling.wanted(both, GROW_SECONDS - 0.1) == 2
    assert scaling.wanted(both, GROW_SECONDS) == 3
    assert scaling.wanted(both, GROW_SECONDS + 1) == 2, "the first one has to come up before another is wanted"
    assert scaling.wanted({"a": BUSY, "b": FREE}, 100) == 2 and scaling.wanted(both, 105) == 2
    assert Scaling(1, 2).wanted(both, 0) == 2


def test_never_more_or_fewer_than_may_be():
    three = dict.fromkeys("abc", BUSY)
    scaling = Scaling(2, 3)
    assert [scaling.wanted(three, now) for now in (0, GROW_SECONDS, 99)] == [3, 3, 3]
    assert scaling.wanted({}, 0) == 2 and scaling.wanted(dict.fromkeys("abcd", FREE), 0) == 3


def test_one_fewer_when_the_others_would_idle_with_its_rooms_too():
    scaling = Scaling(1, 3)
    two = dict.fromkeys("ab", FREE)
    assert [scaling.wanted(two, now) for now in (0, SHRINK_SECONDS - 1, SHRINK_SECONDS)] == [2, 2, 1]
    some = {"a": Load(late=0.0015), "b": Load(late=0.0015)}
    assert [scaling.wanted(some, now) for now in (1000, 1000 + SHRINK_SECONDS)] == [2, 2]
    assert first_to_go({"a": Load(2), "b": Load(1), "c": Load(1)}) == "b"
