"""Observations and who is sent them."""

import base64

import numpy as np

from streamer.observer.types import Description, Localization, Sounds
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from tests.streamer.rooms.conftest import caption, received


async def test_everyone_is_told_what_is_observed(room):
    _, observer, ann, bob = room
    observe = observer.sessions[ann.id]
    observe(Localization(5.0, 0.9, (0.2, 0.3), (0.1, 0.2, 0.2, 0.2), bytes(range(196))))
    observe(Sounds(5.0, [("siren", 0.8)]))
    observe(Description(5.0, "a dog", [("a", bytes(196)), ("dog", b"\xff" * 196)]))
    for person in (ann, bob):
        place, sound, scene = await received(person)
        assert base64.b64decode(place.pop("heat")) == bytes(range(196))
        assert place == {
            "type": "localization", "participant": ann.id, "t": 5.0, "score": 0.9, "peak": [0.2, 0.3],
            "box": [0.1, 0.2, 0.2, 0.2], "rows": 14, "columns": 14,
        }  # fmt: skip
        assert sound == {"type": "sound", "participant": ann.id, "t": 5.0, "tags": [["siren", 0.8]]}
        assert scene["text"] == "a siren is heard; a dog"
        assert [word["word"] for word in scene["words"] if word["heat"]] == ["a", "dog"]


async def test_who_comes_later_is_told_the_scene_and_the_last_lines(room):
    insights, observer, ann, _bob = room
    observer.sessions[ann.id](Description(5.0, "a dog", []))
    for n in range(40):
        vector = np.zeros(4, np.float32).tobytes()
        observer.sessions[ann.id](caption(None, n, f"line {n}", n, n + 1, True, vector))
    late = Participant("Cy", "watch")
    late.outbox = Outbox()
    insights.welcome(late)
    messages = await received(late)
    assert messages[0]["text"] == "a dog"
    assert [m["text"] for m in messages[1:]] == [f"line {n}" for n in range(10, 40)]


async def test_who_leaves_is_watched_no_more(room):
    insights, observer, ann, _ = room
    insights.forget(ann)
    assert observer.sessions == {}
