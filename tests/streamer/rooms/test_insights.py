"""The room's memory with a participant's observer replaced by its answers."""

import asyncio
import base64
import json
import time

import numpy as np
import pytest

from streamer.messages import insights
from streamer.observer.client import Unavailable
from streamer.observer.types import Caption, Columns, Description, Keyframe, Localization, Sounds
from streamer.rooms.insights import SPOKEN_QUESTION, Chronicle
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant


class Observer:
    def __init__(self):
        self.shown, self.sessions, self.asked, self.answer = (
            {},
            {},
            [],
            ([("red", 0.6), ("blue", 0.3), ("two", 0.1)], True),
        )

    def open(self, sid, on_observation):
        self.sessions[sid] = on_observation

    def close_session(self, sid):
        self.sessions.pop(sid, None)

    def show_spectrograms(self, sid, faces):
        self.shown[sid] = faces

    async def ask(self, sid, question):
        self.asked.append((sid, question))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def embed(self, text):
        return np.eye(1, 4, dtype=np.float32)[0]


@pytest.fixture
def room():
    people = {}
    for name in ("Ann", "Bob"):
        person = Participant(name, "publish")
        person.outbox = Outbox()
        people[person.id] = person
    observer = Observer()
    chronicle = Chronicle(people.values, observer)
    ann, bob = people.values()
    chronicle.follow(ann)
    return chronicle, observer, ann, bob


async def told(person):
    messages = []
    await asyncio.sleep(0)
    while person.outbox.statistics().depth:
        messages.append(json.loads(await person.outbox.get()))
    return messages


async def test_everyone_is_told_what_is_observed(room):
    _, observer, ann, bob = room
    observe = observer.sessions[ann.id]
    observe(Localization(5.0, 0.9, (0.2, 0.3), (0.1, 0.2, 0.2, 0.2), bytes(range(196))))
    observe(Sounds(5.0, [("siren", 0.8)]))
    observe(Description(5.0, "a dog", [("a", bytes(196)), ("dog", b"\xff" * 196)]))
    for person in (ann, bob):
        place, sound, scene = await told(person)
        assert base64.b64decode(place.pop("heat")) == bytes(range(196))
        assert place == {
            "type": "localization", "participant": ann.id, "t": 5.0, "score": 0.9, "peak": [0.2, 0.3],
            "box": [0.1, 0.2, 0.2, 0.2], "rows": 14, "columns": 14,
        }  # fmt: skip
        assert sound == {"type": "sound", "participant": ann.id, "t": 5.0, "tags": [["siren", 0.8]]}
        assert [word["word"] for word in scene["words"]] == ["a", "dog"] and scene["text"] == "a dog"


async def test_final_captions_make_the_transcript_under_the_face_s_name(room):
    chronicle, observer, ann, bob = room
    ann.name_face(2, "Grace")
    now = time.time()
    observer.sessions[ann.id](Caption(0, "We met", now, now + 1, False, 2))
    observer.sessions[ann.id](Caption(0, "We met on Monday.", now, now + 2, True, 2, np.zeros(4, np.float32).tobytes()))
    observer.sessions[ann.id](Caption(1, "Indeed.", now + 3, now + 4, True, None, np.zeros(4, np.float32).tobytes()))
    lines = await told(bob)
    # The partial waited with the final one for the same place: the newest is told.
    assert [(line["id"], line["text"], line["final"]) for line in lines] == [
        (0, "We met on Monday.", True),
        (1, "Indeed.", True),
    ]
    text = chronicle.transcript.text()
    assert text.index("Grace") < text.index("We met on Monday.") < text.index("Ann") < text.index("Indeed.")
    assert "We met on Monday." in chronicle.transcript.vtt()
    # A name given later stands on earlier lines too, as on the page.
    ann.name_face(2, "Grace H.")
    ann.name = "Anna"
    chronicle.forget(ann)
    assert "<v Grace H.>We met on Monday." in chronicle.transcript.vtt()
    assert "Anna: Indeed." in chronicle.transcript.srt()


async def test_who_comes_later_is_told_the_scene_and_the_last_lines(room):
    chronicle, observer, ann, _bob = room
    observer.sessions[ann.id](Description(5.0, "a dog", []))
    for n in range(40):
        vector = np.zeros(4, np.float32).tobytes()
        observer.sessions[ann.id](Caption(n, f"line {n}", n, n + 1, True, None, vector))
    late = Participant("Cy", "watch")
    late.outbox = Outbox()
    chronicle.welcome(late)
    messages = await told(late)
    assert messages[0]["text"] == "a dog"
    assert [m["text"] for m in messages[1:]] == [f"line {n}" for n in range(10, 40)]


async def test_columns_go_only_to_who_asked_for_them(room):
    chronicle, observer, ann, bob = room
    chronicle.show_spectrogram(bob, ann.id, None)
    assert observer.shown == {ann.id: {None}}
    observer.sessions[ann.id](Columns(None, 5.0, 0.02, 64, 0.0, 8000.0, bytes(128)))
    observer.sessions[ann.id](Columns(3, 5.0, 0.02, 64, 0.0, 8000.0, bytes(128)))
    assert await told(ann) == []
    (columns,) = await told(bob)
    assert (columns["face"], columns["t"], len(base64.b64decode(columns["data"]))) == (None, 5.0, 128)
    chronicle.show_spectrogram(bob, None, None)
    assert observer.shown == {ann.id: set()}


async def test_an_answer_goes_to_who_asked(room):
    chronicle, observer, ann, bob = room
    chronicle.ask(bob, insights.Ask(type="ask", id=7, participant=ann.id, question="what colour is it"))
    await asyncio.sleep(0)
    (answer,) = await told(bob)
    assert observer.asked == [(ann.id, "what colour is it")]
    assert answer["id"] == 7 and answer["known"] and answer["answers"][0] == ["red", 0.6]
    assert await told(ann) == []


@pytest.mark.parametrize("trouble", [Unavailable("They rest."), None])
async def test_a_question_that_cannot_be_answered_says_why(room, trouble):
    chronicle, observer, ann, bob = room
    observer.answer = trouble
    chronicle.ask(bob, insights.Ask(type="ask", id=1, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    (error,) = await told(bob)
    assert error["type"] == "error" and error["code"] == "unavailable" and error["request"] == 1
    assert error["reason"] == ("They rest." if trouble else "There is no picture of them to look at.")


async def test_a_question_said_aloud_is_answered_to_everyone(room):
    _chronicle, observer, ann, bob = room
    vector = np.zeros(4, np.float32).tobytes()
    observer.sessions[ann.id](Caption(0, "Earshot, what is on the table?", 1.0, 2.0, True, None, vector))
    await asyncio.sleep(0)
    assert observer.asked == [(ann.id, "what is on the table?")]
    for person in (ann, bob):
        answer = (await told(person))[-1]
        assert answer["type"] == "answer" and answer["id"] is None


@pytest.mark.parametrize(
    ("line", "question"),
    [
        ("Earshot, what is this?", "what is this?"),
        ("Hey ear shot what is this", "what is this"),
        ("Hey, Earshot, what is this?", "what is this?"),
        ("earshot. How many people are here?", "How many people are here?"),
        ("We are within earshot of the road.", None),
        ("Earshot", None),
    ],
)
def test_what_counts_as_a_question(line, question):
    found = SPOKEN_QUESTION.fullmatch(line)
    assert (found[1] if found else None) == question


async def test_moments_are_found(room):
    chronicle, observer, ann, bob = room
    x = np.eye(2, 4, dtype=np.float32)
    observer.sessions[ann.id](Keyframe(5.0, (10 * x[0]).tobytes(), b"jpeg"))
    observer.sessions[ann.id](Caption(0, "The budget is tight.", 6.0, 7.0, True, None, x[1].tobytes()))
    chronicle.search(bob, insights.Search(type="search", id=3, query="budget"))
    await asyncio.sleep(0)
    found = (await told(bob))[-1]
    assert found["id"] == 3
    words = [m for m in found["moments"] if m["kind"] == "words"]
    assert [(m["text"], m["speaker"]) for m in words] == [("The budget is tight.", "Ann")]


async def test_who_leaves_is_watched_no_more(room):
    chronicle, observer, ann, _ = room
    chronicle.forget(ann)
    assert observer.sessions == {}


async def test_a_spectrogram_asked_for_before_there_is_a_stream_is_shown_when_there_is(room):
    chronicle, observer, ann, bob = room
    chronicle.show_spectrogram(ann, bob.id, 2)
    observer.shown.clear()
    chronicle.follow(bob)
    assert observer.shown == {bob.id: {2}}


async def test_who_asks_too_much_is_refused_and_others_are_not(room):
    chronicle, _observer, ann, bob = room
    for n in range(8):
        chronicle.search(bob, insights.Search(type="search", id=n, query="budget"))
        chronicle.ask(bob, insights.Ask(type="ask", id=n, participant=ann.id, question="what is it"))
    chronicle.ask(ann, insights.Ask(type="ask", id=9, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    refused = [message["reason"] for message in await told(bob) if message["type"] == "error"]
    assert len(refused) >= 8 and "wait" in refused[0]
    assert [message["id"] for message in await told(ann)] == [9]


async def test_two_failures_are_told_both(room):
    chronicle, observer, ann, bob = room
    observer.answer = None
    for n in (1, 2):
        chronicle.ask(bob, insights.Ask(type="ask", id=n, participant=ann.id, question="what is it"))
    await asyncio.sleep(0)
    assert [message["code"] for message in await told(bob)] == ["unavailable"] * 2
