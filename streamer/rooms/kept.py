"""What is kept of a room in a second place: how it is written, bounded, and checked when it is read."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Annotated, Any, Literal

import msgpack
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from streamer.auth import Role
from streamer.keep.keeper import LARGEST
from streamer.messages.base import LONGEST_NAME, ParticipantId, SpeakerId
from streamer.messages.insights import LineId
from streamer.messages.talk import LONGEST_LINE
from streamer.mixing.faders import MOST, MOST_FADERS
from streamer.rooms import admission, captions, chat
from streamer.rooms.participant import MAX_FACE_NAMES
from streamer.settings import Past
from streamer.transcripts import transcript

VERSION = 1
"""Of the format: another one is not read."""

HEAD = b"earshot room\n"
"""What everything kept begins with; a checksum (CRC-32, 4 bytes) of the rest follows."""

MOST_PEOPLE = 2 * transcript.MOST
"""In the room, waiting, and gone: of those the names alone are kept, since their words are."""

_CLOCKS = struct.Struct("!dd")

Nonce = Annotated[str, Field(min_length=1, max_length=64)]
PersonName = Annotated[str, Field(min_length=1, max_length=2 * LONGEST_NAME)]
Gain = Annotated[float, Field(ge=0, le=MOST)]
Reason = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=8192)]
Moment = Annotated[float, Field(allow_inf_nan=False)]
Where = Literal["here", "waiting", "gone"]
Kind = Literal["said", "past", "chat", "sound"]
"""Of a line: said, and its speaker may be put right; said too long ago for that; written; a sound that was heard."""

Line = tuple[Kind, ParticipantId, SpeakerId | None, LineId, Moment, Moment, Text, Moment]
"""Kind, whose, speaker, number, start and end in Unix seconds, words, and when it was finished, monotonic seconds."""

Written = tuple[ParticipantId, LineId, Moment, Annotated[str, Field(max_length=LONGEST_LINE)], Moment]
"""A line of chat: whose, its number, Unix seconds, words, monotonic seconds."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Rules(_Part):
    """What the host settled; see `streamer.rooms.rules`."""

    locked: bool
    waiting_room: bool
    past: Past
    links: Annotated[int, Field(ge=0, le=2**31)]


class Person(_Part):
    """Somebody; see `streamer.rooms.participant`. Faders are those of the listener that they are."""

    where: Where
    id: ParticipantId
    name: PersonName
    face_names: Annotated[list[tuple[SpeakerId, PersonName]], Field(max_length=MAX_FACE_NAMES)] = []
    nonce: Nonce = "-"
    role: Role = "watch"
    host: bool = False
    had_control: bool = True
    seated: bool = False
    muted: bool = False
    suppressed: bool = False
    hand: float | None = None
    sees_from: float = float("-inf")
    gains: Annotated[list[tuple[ParticipantId, SpeakerId | Literal["rest"], Gain]], Field(max_length=MOST_FADERS)] = []
    silenced: Annotated[list[ParticipantId], Field(max_length=MOST_FADERS)] = []
    focus: tuple[ParticipantId, SpeakerId | None] | None = None
    widths: Annotated[list[tuple[ParticipantId, int]], Field(max_length=MOST_FADERS)] = []
    memory: bytes | None = None


class KeptRoom(_Part):
    """A room. `monotonic` and `unix` are one moment on the two clocks: that on which it was written."""

    version: Literal[1]
    monotonic: Moment
    unix: Moment
    rules: Rules
    guests: int = 0
    let_in: Annotated[list[tuple[Nonce, float]], Field(max_length=admission.REMEMBERED)] = []
    ended: Annotated[list[tuple[Nonce, Reason]], Field(max_length=admission.REMEMBERED)] = []
    people: Annotated[list[Person], Field(max_length=MOST_PEOPLE)] = []
    begin: Moment | None = None
    dropped: int = 0
    lines: Annotated[list[Line], Field(max_length=2 * captions.MOST)] = []
    latest: Annotated[list[tuple[ParticipantId, LineId]], Field(max_length=captions.REPEATED)] = []
    written: Annotated[list[Written], Field(max_length=chat.MOST)] = []
    written_count: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> KeptRoom:
        people = {one.id for one in self.people}
        speakers = {line[1] for line in self.lines} | {line[0] for line in self.written}
        if len(people) < len(self.people) or not speakers <= people:
            raise ValueError("a line is nobody's, or somebody is there twice")
        return self


class Unusable(ValueError):
    """What was kept cannot be read."""


def encode(room: dict[str, Any]) -> tuple[bytes, bytes]:
    """Write a room's fields, plain values all of them.

    Of lines without end, which no call has, the oldest are left out until the others fit.

    Returns:
        The bytes, and a digest that is the same as long as only time has passed.
    """
    clocks = _CLOCKS.pack(room.pop("monotonic"), room.pop("unix"))
    body: bytes = msgpack.packb(room)
    while len(HEAD) + 4 + len(clocks) + len(body) > LARGEST:
        room = room | {"lines": room["lines"][len(room["lines"]) // 2 + 1 :]}
        body = msgpack.packb(room)
    check = zlib.crc32(body, zlib.crc32(clocks)).to_bytes(4)
    return HEAD + check + clocks + body, hashlib.blake2b(body, digest_size=16).digest()


def decode(data: bytes) -> KeptRoom:
    """Read a room.

    Raises:
        Unusable: it is damaged, or was written by something else.
    """
    check, rest = data[len(HEAD) : len(HEAD) + 4], data[len(HEAD) + 4 :]
    if len(data) > LARGEST or not data.startswith(HEAD) or check != zlib.crc32(rest).to_bytes(4):
        raise Unusable("it is damaged")
    try:
        monotonic, unix = _CLOCKS.unpack_from(rest)
        room = msgpack.unpackb(rest[_CLOCKS.size :]) | {"monotonic": monotonic, "unix": unix}
        return KeptRoom.model_validate(room)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise Unusable(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
    except (msgpack.UnpackException, struct.error, ValueError, TypeError) as error:
        raise Unusable(str(error) or type(error).__name__) from error
