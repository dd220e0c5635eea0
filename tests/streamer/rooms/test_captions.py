"""Captions, and the transcript they make."""

import time
from unittest.mock import Mock

import numpy as np
import pytest

from streamer.rooms.captions import REPEATED
from streamer.rooms.one_person import make_one
from tests.streamer.rooms.conftest import caption, received

NO_VECTOR = np.zeros(4, np.float32).tobytes()


async def test_final_captions_make_the_transcript_under_the_face_s_name(room):
    insights, observer, ann, bob = room
    ann.rename(2, "Grace")
    now = time.time()
    observer.sessions[ann.id](caption(2, 0, "We met", now, now + 1, False))
    observer.sessions[ann.id](caption(2, 0, "We met on Monday.", now, now + 2, True, np.zeros(4, np.float32).tobytes()))
    observer.sessions[ann.id](caption(None, 1, "Indeed.", now + 3, now + 4, True, np.zeros(4, np.float32).tobytes()))
    lines = await received(bob)
    # The partial waited with the final one for the same place: the newest is told.
    assert [(line["id"], line["text"], line["final"]) for line in lines] == [
        (0, "We met on Monday.", True),
        (1, "Indeed.", True),
    ]
    text = insights.captions.transcript.text()
    assert text.index("Grace") < text.index("We met on Monday.") < text.index("Ann") < text.index("Indeed.")
    assert "We met on Monday." in insights.captions.transcript.vtt()
    # A name given later stands on earlier lines too, as on the page.
    ann.rename(2, "Grace H.")
    ann.name = "Anna"
    insights.forget(ann)
    assert "<v Grace H.>We met on Monday." in insights.captions.transcript.vtt()
    assert "Anna: Indeed." in insights.captions.transcript.srt()


async def test_a_voice_without_a_face_has_its_own_name(room):
    insights, observer, ann, _bob = room
    observer.sessions[ann.id](caption(-1, 0, "Dinner is ready.", 1.0, 2.0, True, NO_VECTOR))
    assert "Ann, voice 1: Dinner is ready." in insights.captions.transcript.text()
    ann.rename(-1, "Rose")
    assert "Rose: Dinner is ready." in insights.captions.transcript.text()


async def test_the_engine_learns_from_a_line_that_is_given_to_another_speaker(room):
    insights, observer, ann, _bob = room
    observer.sessions[ann.id](caption(2, 0, "Dinner is ready.", 1.0, 2.0, True, NO_VECTOR))
    ann.agent = Mock()
    insights.captions.set_speaker(ann.id, 0, 1)
    ann.agent.told.assert_called_once_with(1.0, 2.0, 1)
    insights.captions.set_speaker(ann.id, 0, 1)
    ann.agent.told.assert_called_once()


async def test_all_lines_of_two_numbers_that_are_one_person_s_are_put_under_one(room):
    insights, observer, ann, bob = room
    for line, face in ((0, 2), (1, 1), (2, -1)):
        observer.sessions[ann.id](caption(face, line, f"Line {line}.", line, line + 1.0, True, NO_VECTOR))
    before = await received(bob)
    ann.rename(-1, "Rose")
    bob.faders.set_focus(ann.id, -1)
    bob.faders.set_gain(ann.id, -1, 0.5)
    make_one(ann, -1, 2, [ann, bob], insights.captions)
    told = await received(bob)
    assert [message for message in told if message["type"] == "caption"] == [before[2] | {"face": 2}]
    faders = next(message for message in told if message["type"] == "faders")
    assert faders["focus"] == {"participant": ann.id, "face": 2}
    assert faders["gains"] == [{"participant": ann.id, "face": 2, "gain": 0.5}]
    assert ann.face_names == {2: "Rose"}
    assert insights.captions.transcript.text().count("Rose") == 2
    # A name and a fader that the one who stays has already are kept.
    ann.rename(1, "Ann")
    bob.faders.set_gain(ann.id, 1, 0.2)
    make_one(ann, 2, 1, [ann, bob], insights.captions)
    assert ann.face_names == {1: "Ann"} and bob.faders.gain(ann.id, 1) == 0.2


async def test_a_finished_line_is_given_to_another_speaker_and_its_words_stay(room):
    insights, observer, ann, bob = room
    observer.sessions[ann.id](caption(2, 0, "Dinner is ready.", 1.0, 2.0, True, NO_VECTOR))
    observer.sessions[ann.id](caption(2, 1, "I am not", 2.0, 3.0, False))
    before = await received(bob)
    insights.captions.set_speaker(ann.id, 0, -1)
    assert await received(bob) == [before[0] | {"face": -1}]
    assert "Ann, voice 1: Dinner is ready." in insights.captions.transcript.text()
    insights.captions.set_speaker(ann.id, 0, -1)
    assert await received(bob) == [], "nothing new is not told"
    # Who comes later is told the same, and a line that is not over, or never was, can be given to nobody.
    insights.welcome(bob)
    assert [line["face"] for line in await received(bob)] == [-1]
    for line in (1, 7):
        with pytest.raises(KeyError):
            insights.captions.set_speaker(ann.id, line, 1)


async def test_the_oldest_lines_are_forgotten_but_one_given_to_another_is_told_to_who_comes(room):
    insights, observer, ann, bob = room
    for id in range(REPEATED + 1):
        observer.sessions[ann.id](caption(2, id, f"line {id}", id, id + 1, True, NO_VECTOR))
    insights.captions.set_speaker(ann.id, 0, 1)
    await received(bob)
    insights.welcome(bob)
    assert [line["id"] for line in await received(bob)] == [*range(2, REPEATED + 1), 0]


async def test_what_was_said_before_one_came_is_not_told_even_when_it_is_put_right(room):
    insights, observer, ann, bob = room
    observer.sessions[ann.id](caption(2, 0, "Between us.", 1.0, 2.0, True, NO_VECTOR))
    await received(bob)
    bob.sees_from = time.monotonic()
    insights.welcome(bob)
    insights.captions.set_speaker(ann.id, 0, -1)
    assert await received(bob) == [] and len(await received(ann)) == 1
    with pytest.raises(KeyError):
        insights.captions.set_speaker(ann.id, 0, 1, by=bob)
    observer.sessions[ann.id](caption(2, 1, "Hello Bob.", 3.0, 4.0, True, NO_VECTOR))
    assert [line["text"] for line in await received(bob)] == ["Hello Bob."]
    insights.captions.set_speaker(ann.id, 1, 1, by=bob)
