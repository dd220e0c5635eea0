"""Two ends of a connection show each other that they have the same key, which does not travel.

Each draws a number and answers the other's with an HMAC over both (RFC 2104), so that nothing that was overheard is
good again. What follows is neither encrypted nor signed: the network in between has to be one's own.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets

NONCE = DIGEST = 32
"""Bytes."""


def _proof(key: bytes, side: bytes, servers: bytes, clients: bytes) -> bytes:
    return hmac.digest(key, b"earshot models v1 " + side + servers + clients, "sha256")


async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> bool:
    """Return whether who has connected has the key; whoever calls sets a deadline.

    Raises:
        asyncio.IncompleteReadError: It went.
    """
    ours = secrets.token_bytes(NONCE)
    writer.write(ours)
    theirs = await reader.readexactly(NONCE)
    shown = await reader.readexactly(DIGEST)
    if not hmac.compare_digest(shown, _proof(key, b"client", ours, theirs)):
        return False
    writer.write(_proof(key, b"server", ours, theirs))
    return True


async def introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: bytes) -> None:
    """Show the key to whom one has connected to, and be shown it; whoever calls sets a deadline.

    Raises:
        PermissionError: The other side has another one.
        asyncio.IncompleteReadError: It went, for which that is a reason.
    """
    theirs = await reader.readexactly(NONCE)
    ours = secrets.token_bytes(NONCE)
    writer.write(ours + _proof(key, b"client", theirs, ours))
    if not hmac.compare_digest(await reader.readexactly(DIGEST), _proof(key, b"server", theirs, ours)):
        raise PermissionError("it has another key")
