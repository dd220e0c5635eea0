"""How often one may ask."""

import asyncio

from streamer.messages.insights import Ask, Search
from tests.streamer.rooms.conftest import received


async def test_who_asks_too_much_is_refused_and_others_are_not(room):
    insights, _observer, ann, bob = room
    for n in range(8):
        insights.search.find(bob, Search(type="search", id=n, query="budget"))
        insights.questions.ask(bob, Ask(type="ask", id=n, participant=ann.id, question="what is it"))
    insights.questions.ask(ann, Ask(type="ask", id=9, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    refused = [message["reason"] for message in await received(bob) if message["type"] == "error"]
    assert len(refused) >= 8 and "wait" in refused[0]
    assert [message["id"] for message in await received(ann)] == [9]
