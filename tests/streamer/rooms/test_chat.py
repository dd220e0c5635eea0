"""What is written, and shown without a word."""

import json
import time

import pytest
from pydantic import ValidationError

from streamer.messages import protocol, talk
from streamer.messages.insights import Search
from streamer.rooms import broadcast
from streamer.rooms.chat import LINES_AT_ONCE, MOST, Chat
from streamer.rooms.errors import Forbidden, TooMany
from streamer.rooms.gestures import GESTURES_AT_ONCE, Gestures
from streamer.rooms.participant import Participant
from streamer.rooms.rules import Rules
from streamer.transcripts.search_index import SearchIndex
from streamer.transcripts.transcript import Transcript
from tests.streamer.rooms.conftest import received


async def test_a_line_is_told_kept_for_who_comes_and_found(room):
    insights, _observer, ann, bob = room
    insights.chat.say(ann, "The agenda: https://example.org/a")
    told = await received(bob)
    assert [(line["type"], line["name"], line["text"]) for line in told] == [
        ("chat", "Ann", "The agenda: https://example.org/a")
    ]
    assert "Ann: [chat] The agenda: https://example.org/a" in insights.captions.transcript.text()
    ann.name = "Anna"
    insights.welcome(bob)
    history = (await received(bob))[-1]
    assert history == {
        "type": "chat_history",
        "lines": [{k: v for k, v in told[0].items() if k != "type"} | {"name": "Anna", "type": "chat"}],
    }
    assert "<v Anna>[chat]" in insights.captions.transcript.vtt()
    insights.search.find(bob, Search(type="search", id=1, query="agenda"))
    found = (await received(bob))[-1]["moments"]
    assert [(moment["kind"], moment["speaker"]) for moment in found] == [("chat", "Anna")]


async def test_who_came_later_reads_what_the_host_s_rule_lets_them(room):
    insights, _observer, ann, bob = room
    insights.chat.say(ann, "before")
    bob.sees_from = time.monotonic()
    insights.chat.say(ann, "after")
    await received(bob)
    insights.welcome(bob)
    assert [line["text"] for line in (await received(bob))[-1]["lines"]] == ["after"]


def test_lines_are_limited_in_rate_and_number_and_watchers_write_none():
    ann, eve = Participant("Ann", "publish"), Participant("Eve", "watch")
    transcript = Transcript(begin=0.0)
    chat = Chat(lambda: [ann], transcript, SearchIndex())
    for number in range(int(LINES_AT_ONCE)):
        chat.say(ann, str(number))
    with pytest.raises(TooMany):
        chat.say(ann, "more")
    with pytest.raises(Forbidden):
        chat.say(eve, "hello")
    for _ in range(2 * MOST):
        chat.say(Participant("Cy", "publish"), "x")
    assert len(chat._lines) == MOST
    assert len(transcript) == LINES_AT_ONCE + 2 * MOST


def test_words_found_before_and_after_the_first_vector_comes():
    import numpy as np

    index = SearchIndex()
    index.add_note("p", None, 1.0, "red car")
    x = np.eye(2, 4, dtype=np.float32)
    index.add_words("p", None, 2.0, "blue bus", x[0])
    index.add_note("p", None, 3.0, "green tram")
    assert [m.text for m in index.search(x[1], "car")] == ["red car"]
    assert [m.text for m in index.search(x[1], "tram")] == ["green tram"]
    assert [m.text for m in index.search(x[0], "lorry")] == ["blue bus"]


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\u200d", "x" * (talk.LONGEST_LINE + 1), 3, None])
def test_lines_that_are_refused(text):
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_python({"type": "say", "text": text})


def test_what_is_not_printed_is_left_out_of_lines():
    said = talk.Say(type="say", text=" a\u202eb \r\n\n\n\n\nc\u0000 \U0001f468\u200d\U0001f469 <b>")
    assert said.text == "a b\n\nc  \U0001f468\u200d\U0001f469 <b>"


async def test_hands_are_in_the_order_they_were_raised_and_the_host_lowers_them():
    gestures = Gestures()
    ann, bob, cy = (Participant(name, "publish") for name in ("Ann", "Bob", "Cy"))
    cy.host = True

    def hands():
        return broadcast.room_state("r", [ann, bob, cy], True, Rules()).hands

    gestures.set_hand(bob, bob, True)
    gestures.set_hand(ann, ann, True)
    gestures.set_hand(bob, bob, True)
    assert hands() == [bob.id, ann.id], "raised again, it keeps its place"
    for who, whose, raised in ((ann, bob, False), (cy, cy, True), (cy, bob, False)):
        if who is ann:
            with pytest.raises(Forbidden):
                gestures.set_hand(who, whose, raised)
        else:
            gestures.set_hand(who, whose, raised)
    assert hands() == [ann.id, cy.id]
    with pytest.raises(Forbidden):
        gestures.set_hand(cy, bob, True)
    with pytest.raises(Forbidden):
        gestures.set_hand(Participant("Eve", "watch"), ann, False)


async def test_reactions_are_limited_and_the_newest_is_shown(room):
    _insights, _observer, ann, bob = room
    gestures = Gestures()
    for mark in ("thumb", "heart"):
        gestures.react(ann, mark, [bob])
    assert await received(bob) == [{"type": "reaction", "participant": ann.id, "mark": "heart"}]
    for _ in range(int(GESTURES_AT_ONCE) - 2):
        gestures.react(ann, "laugh", [bob])
    with pytest.raises(TooMany):
        gestures.react(ann, "laugh", [bob])
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_json(json.dumps({"type": "react", "mark": "<img>"}))
