"""What one keeper keeps: the newest, for as long as it is to, and no more than there is place for."""

from streamer.cluster.kept import Kept
from tests.clock import Clock


def test_a_room_is_kept_until_its_time_is_over_or_it_is_dropped():
    clock = Clock()
    kept = Kept(clock=clock)
    kept.put("a", b"old", 10)
    clock.now += 1
    kept.put("a", b"new", 10)
    kept.put("b", b"b", 5)
    assert kept.get("a") == (101.0, b"new") and kept.get("c") is None
    clock.now += 5
    assert kept.get("b") is None and kept.get("a") is not None
    kept.drop("a")
    kept.drop("a")
    assert kept.get("a") is None and kept.all() == {}


def test_the_oldest_make_place():
    kept = Kept(most=10)
    for room in ("a", "b", "a", "c"):
        kept.put(room, b"xxxx", 10)
    assert set(kept.all()) == {"a", "c"}


def test_a_new_keeper_takes_what_is_newer():
    clock = Clock()
    one, other = Kept(clock=clock), Kept(clock=clock)
    one.put("a", b"old", 10)
    clock.now += 1
    other.put("a", b"new", 10)
    one.put("b", b"b", 10)
    other.load(one.all())
    assert other.get("a") == (101.0, b"new") and other.get("b") == (101.0, b"b")
