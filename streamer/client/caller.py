"""Somebody in a call as the page is: joins, keeps the control socket, sends or watches, and comes back after a cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from streamer.client.loopback import http_client
from streamer.client.whip_client import ANSWER_SECONDS, WhipClient, refusal
from streamer.errors import UserError

AGAIN_SECONDS = 0.3
"""Pause before coming back after a cut; a server that says how long is waited for, up to `MOST_AGAIN`."""

MOST_AGAIN = 5.0

OpenMedia = Callable[[str, str], WhipClient]


class Caller:
    """One participant.

    Args:
        base: address of the server.
        room: room id.
        invite: that lets one in.
        name: to be shown.
        open_media: makes the client from the address of the room and a token.

    Attributes:
        joins: seconds from asking to be let in until the media were connected, of each time.
        cuts: how often the connection was lost.
        media: the client while it is connected.
    """

    def __init__(self, base: str, room: str, invite: str, name: str, open_media: OpenMedia) -> None:
        self._at = f"{base}/rooms/{quote(room, safe='')}"
        self._invite, self._name, self._open_media = invite, name, open_media
        self._resume: str | None = None
        self._leaving = False
        self.joins: list[float] = []
        self.cuts = 0
        self.media: WhipClient | None = None
        self.came = asyncio.Event()

    async def run(self) -> None:
        """Stay in the call until cancelled.

        Raises:
            UserError: the first time, one is not let in.
        """
        while True:
            try:
                await self._stay()
            except (UserError, OSError, httpx.HTTPError, WebSocketException) as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    # What failed on the way out is no reason to come in again.
                    return
                if not self.joins:
                    raise error if isinstance(error, UserError) else UserError(f"{self._at}: {error}") from error
            self.media = None
            self.cuts += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _stay(self) -> None:
        """Come in, and return when the connection is lost."""
        began = time.monotonic()
        joined = await self._join()
        self._resume = joined["resume"]
        async with AsyncExitStack() as stack:
            address = self._at.replace("http", "ws", 1) + "/control"
            socket = await stack.enter_async_context(connect(address, proxy=None, open_timeout=ANSWER_SECONDS))
            await socket.send(json.dumps({"type": "hello", "token": joined["token"]}))
            stack.push_async_callback(self._leave, socket)
            self.media = await stack.enter_async_context(self._open_media(self._at, joined["token"]))
            self.joins.append(time.monotonic() - began)
            self.came.set()
            parts = [
                asyncio.create_task(_read(socket)),
                asyncio.create_task(_beat(socket, joined["heartbeat"])),
                asyncio.create_task(self.media.lost.wait()),
            ]
            try:
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                self._leaving = True
                raise
            finally:
                for part in parts:
                    part.cancel()
                await asyncio.gather(*parts, return_exceptions=True)

    async def _leave(self, socket: ClientConnection) -> None:
        """Say that one goes for good: after the media have ended, for who has left has no session to end."""
        if self._leaving:
            with contextlib.suppress(WebSocketException):
                await socket.send(json.dumps({"type": "leave"}))

    async def _join(self) -> dict[str, Any]:
        body = {"name": self._name, "invite": self._invite} | ({"resume": self._resume} if self._resume else {})
        async with http_client(ANSWER_SECONDS) as http:
            while True:
                answer = await http.post(f"{self._at}/join", json=body)
                if answer.status_code == 201:
                    joined: dict[str, Any] = answer.json()
                    return joined
                if answer.status_code not in (429, 503) or (answer.status_code == 503 and not self.joins):
                    raise UserError(f"the server refused ({answer.status_code}): {refusal(answer)}")
                said = answer.headers.get("retry-after", "")
                await asyncio.sleep(min(float(said) if said.isdigit() else AGAIN_SECONDS, MOST_AGAIN))


async def _read(socket: ClientConnection) -> None:
    with contextlib.suppress(WebSocketException):
        async for _ in socket:
            pass


async def _beat(socket: ClientConnection, seconds: float) -> None:
    number = 0
    with contextlib.suppress(WebSocketException):
        while True:
            number += 1
            await socket.send(json.dumps({"type": "ping", "n": number}))
            await asyncio.sleep(seconds)
