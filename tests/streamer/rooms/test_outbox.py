import json

from streamer.rooms.outbox import MOST_PASSING, Outbox


async def all_of(outbox):
    return [await outbox.get() for _ in range(outbox.statistics().depth)]


async def test_the_newest_of_a_topic_keeps_its_place():
    outbox = Outbox()
    outbox.put("1", "a")
    outbox.put("2", "b")
    outbox.put("3", "a")
    assert await all_of(outbox) == ["3", "2"]
    assert outbox.statistics().replaced == 1


async def test_of_passing_messages_the_oldest_are_dropped_and_counted_and_states_stay():
    outbox = Outbox()
    outbox.put("state", "room")
    for n in range(MOST_PASSING + 5):
        outbox.put(json.dumps(n), f"caption {n}", passing=True)
    assert outbox.statistics().dropped == 5
    messages = await all_of(outbox)
    assert messages[0] == "state"
    assert messages[1:] == [json.dumps(n) for n in range(5, MOST_PASSING + 5)]


async def test_what_was_sent_makes_place():
    outbox = Outbox()
    for n in range(3 * MOST_PASSING):
        outbox.put(json.dumps(n), f"caption {n}", passing=True)
        assert await outbox.get() == json.dumps(n)
    assert outbox.statistics().dropped == 0


async def test_a_passing_message_of_a_waiting_topic_replaces_it():
    outbox = Outbox()
    outbox.put("1", "caption 1", passing=True)
    outbox.put("2", "caption 2", passing=True)
    outbox.put("1 final", "caption 1", passing=True)
    assert await all_of(outbox) == ["1 final", "2"]
    for n in range(MOST_PASSING + 1):
        outbox.put(json.dumps(n), f"caption {n}", passing=True)
    assert outbox.statistics().dropped == 1


async def test_partials_are_dropped_before_finals():
    outbox = Outbox()
    outbox.put("0 final", "caption 0", passing=True, final=True)
    outbox.put("1", "caption 1", passing=True)
    outbox.put("1 final", "caption 1", passing=True, final=True)
    for n in range(2, MOST_PASSING + 5):
        outbox.put(json.dumps(n), f"caption {n}", passing=True)
    assert outbox.statistics().dropped == 5
    messages = await all_of(outbox)
    assert messages[:3] == ["0 final", "1 final", "7"]
    for n in range(MOST_PASSING + 5):
        outbox.put(json.dumps(n), f"caption {n}", passing=True, final=True)
    assert outbox.statistics().depth == MOST_PASSING
