"""Messages between the call and a model process: a length, then msgpack, over a socket pair."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgpack

Message = dict[str, Any]

_LENGTH = struct.Struct("!I")
MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes; larger than any frame sent, small enough that a broken length is noticed."""


def encode(message: Message) -> bytes:
    """Frame one message for the socket."""
    body: bytes = msgpack.packb(message, use_bin_type=True)
    return _LENGTH.pack(len(body)) + body


def _decode_length(head: bytes | bytearray) -> int:
    (length,) = _LENGTH.unpack(head)
    if length > MAX_MESSAGE:
        raise ValueError(f"a message of {length} bytes exceeds {MAX_MESSAGE}")
    return int(length)


async def read(reader: asyncio.StreamReader) -> Message:
    """Read one message.

    Raises:
        asyncio.IncompleteReadError: The other side has closed.
        ValueError: The stream is not one of ours.
    """
    length = _decode_length(await reader.readexactly(_LENGTH.size))
    message: Message = msgpack.unpackb(await reader.readexactly(length), raw=False)
    return message


def read_blocking(sock: socket.socket) -> Message:
    """Read one message, waiting for it; EOFError when the other side has closed."""
    length = _decode_length(_receive(sock, _LENGTH.size))
    message: Message = msgpack.unpackb(_receive(sock, length), raw=False)
    return message


def _receive(sock: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = sock.recv_into(view)
        if not got:
            raise EOFError("the socket is closed")
        view = view[got:]
    return data
