"""The messages both ways."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from streamer.messages import protocol
from streamer.messages.service import Status
from streamer.rooms.outbox import Closed, Outbox

GOOD = [
    {"type": "hello", "token": "t"},
    {"type": "ping", "n": 3},
    {"type": "fader", "participant": "p1", "face": 2, "gain": 0.5},
    {"type": "fader", "participant": "p1", "face": "rest", "gain": 0},
    {"type": "focus", "participant": "p1", "face": None},
    {"type": "focus", "participant": None, "face": None},
    {"type": "mute", "participant": "p1", "muted": True},
    {"type": "rename", "participant": "p1", "face": 1, "name": "Grace"},
    {"type": "leave"},
]
BAD = [
    {},
    [],
    {"type": "nonsense"},
    {"type": "hello"},
    {"type": "ping", "n": -1},
    {"type": "fader", "participant": "p1", "face": 2, "gain": 2.1},
    {"type": "fader", "participant": "p1", "face": "all", "gain": 1},
    {"type": "focus", "participant": "p1"},
    {"type": "rename", "participant": "p1", "face": None, "name": " \u0007 "},
    {"type": "rename", "participant": "p1", "face": None, "name": "x" * 61},
    {"type": "leave", "more": 1},
]


@pytest.mark.parametrize("message", GOOD)
def test_good_messages(message):
    parsed = protocol.client_messages.validate_json(json.dumps(message))
    assert parsed.model_dump() == message


@pytest.mark.parametrize("message", BAD)
def test_bad_messages(message):
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_json(json.dumps(message))


@pytest.mark.parametrize("gain", ["NaN", "Infinity", "1e999"])
def test_gains_are_numbers(gain):
    with pytest.raises(ValidationError):
        protocol.client_messages.validate_json(f'{{"type":"fader","participant":"p","face":1,"gain":{gain}}}')


@given(st.text(max_size=300))
def test_any_text_is_a_message_or_a_validation_error(text):
    try:
        protocol.client_messages.validate_json(text)
    except ValidationError:
        pass


def test_names_are_printable():
    message = {"type": "rename", "participant": "p", "face": None, "name": " A\u202e\n  B\u0000 "}
    assert protocol.Rename.model_validate(message).name == "A B"


def test_server_messages_have_their_type():
    faces = protocol.Faces(participant="p", t=1.5, faces=[], voices=[])
    assert json.loads(faces.model_dump_json()) == {
        "type": "faces",
        "participant": "p",
        "t": 1.5,
        "faces": [],
        "voices": [],
    }
    assert protocol.server_messages.validate_json(faces.model_dump_json()) == faces


async def test_outbox_keeps_the_newest_of_each_topic():
    outbox = Outbox()
    for n in range(100):
        outbox.put(protocol.Pong(n=n), "pong")
        outbox.put(Status(voices_separated=False, reason=str(n)), "status")
    assert outbox.statistics().depth == 2
    assert outbox.statistics().replaced == 198
    outbox.close()
    outbox.put(protocol.Pong(n=100), "pong")
    assert json.loads(await outbox.get())["n"] == 99
    assert json.loads(await outbox.get())["reason"] == "99"
    with pytest.raises(Closed):
        await outbox.get()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "fader", "participant": "p", "gain": 0.5},
        {"type": "focus", "participant": "p"},
        {"type": "rename", "participant": "p", "name": "Rose"},
        {"type": "speaker", "participant": "p", "line": 3},
        {"type": "spectrogram", "participant": "p"},
    ],
)
def test_speakers_are_faces_or_voices_without_one_within_bounds(message):
    for face in (-(2**31) + 1, -1, 2**31 - 1):
        assert protocol.client_messages.validate_python(message | {"face": face}).face == face
    for face in (-(2**31), 2**31, "voice", 0.5):
        with pytest.raises(ValidationError):
            protocol.client_messages.validate_python(message | {"face": face})
