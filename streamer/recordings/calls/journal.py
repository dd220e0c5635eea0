"""The journal of a call that is recorded: one file that only grows, with everything in the order in which it came.

No container of media can say in its middle that somebody has come: Matroska and MP4 list their tracks at the beginning.
A file a participant would need one owner, one clock and one recovery each. So the call is written as a list of records,
packets as they came from the wire, and `streamer.recordings.calls.make` puts them into tracks when all are known. A
record that was cut off, by a server that was killed, is where the journal ends.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgpack

MAGIC = b"EARSHOT CALL 1\n"
SUFFIX = ".earshot"
LONGEST = 16 * 1024 * 1024
"""Bytes of a record; larger than any picture taken, small enough that a broken length is noticed."""

_LENGTH = struct.Struct("!I")


@dataclass(frozen=True, slots=True)
class Begun:
    """The first record; `t` is where the recording's time begins, Unix seconds as everywhere here."""

    t: float
    room: str


@dataclass(frozen=True, slots=True)
class Told:
    """What the pages were told, as they got it."""

    t: float
    text: str


@dataclass(frozen=True, slots=True)
class Packet:
    """Encoded sound or an encoded picture of a participant, on their timeline.

    Attributes:
        t: Seconds.
        who: Id of the participant.
        codec: "opus", "VP8", "H264", …
        data: The bitstream.
        key: Whether decoding may start here; always so for sound.
    """

    t: float
    who: str
    codec: str
    data: bytes
    key: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """20 ms of a participant's sound as the models heard it, and the voices in it, int16 at 16 kHz."""

    t: float
    who: str
    mix: bytes
    voices: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Joined:
    """Two faces or voices of a participant turned out to be one person's."""

    t: float
    who: str
    gone: int
    stays: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last record, unless the server was killed."""

    t: float
    reason: str


Record: TypeAlias = Begun | Told | Packet | Heard | Joined | Ended

_KINDS: dict[str, type[Record]] = {
    "begun": Begun,
    "told": Told,
    "packet": Packet,
    "heard": Heard,
    "joined": Joined,
    "ended": Ended,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def packed(record: Record) -> bytes:
    """Return a record as it stands in the file."""
    fields = [getattr(record, name) for name in type(record).__slots__]
    body: bytes = msgpack.packb([_NAMES[type(record)], *fields], use_bin_type=True)
    return _LENGTH.pack(len(body)) + body


def is_journal(path: Path) -> bool:
    """Return whether a file is the journal of a call."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def records(path: Path, *kinds: type[Record]) -> Iterator[Record]:
    """Yield the records of a journal up to where it ends, or was cut off.

    Args:
        path: The file.
        kinds: Which; all without any.
    """
    wanted = {_NAMES[kind].encode() for kind in kinds}
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = len(MAGIC)
        file.seek(at)
        while len(head := file.read(_LENGTH.size)) == _LENGTH.size:
            (length,) = _LENGTH.unpack(head)
            at += _LENGTH.size + length
            if length > LONGEST or at > size:
                return
            if wanted:
                # A list, then its first entry: a short text. What is not wanted is not unpacked.
                start = file.read(min(length, 16))
                if start[2 : 2 + (start[1] & 31)] not in wanted:
                    file.seek(at)
                    continue
                body = start + file.read(length - len(start))
            else:
                body = file.read(length)
            record = _unpacked(body)
            if record is None:
                return
            yield record


def _unpacked(body: bytes) -> Record | None:
    """Return a record; None for what is none, as on a disk that lost a block."""
    try:
        fields: list[Any] = msgpack.unpackb(body, raw=False, strict_map_key=False)
        return _KINDS[fields[0]](*fields[1:])
    except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException):
        return None
