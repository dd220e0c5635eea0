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
from streamer.client.whip_client import ANSWER_SECONDS, WhipClient, post_where_sent, refusal
from streamer.errors import UserError

AGAIN_SECONDS = 0.3
"""Pause before coming back after a cut; a server that says how long is waited for, up to `MOST_AGAIN`."""

MOST_AGAIN = 5.0

MOVE_SECONDS = 8.0
"""For which a connection is kept at most when the call goes on at another server; that one ends it soon after."""

TOGETHER_SECONDS = 2.0
"""For which the old connection is kept beside the new one: the others come over at the same time, not at once."""

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
        moves: how often the call went on at another server.
        media: the client while it is connected.
    """

    def __init__(self, base: str, room: str, invite: str, name: str, open_media: OpenMedia) -> None:
        self._at = f"{base}/rooms/{quote(room, safe='')}"
        self._invite, self._name, self._open_media = invite, name, open_media
        self._resume: str | None = None
        self._leaving = False
        self.joins: list[float] = []
        self.cuts = self.moves = 0
        self._ending: set[asyncio.Task[None]] = set()
        self.media: WhipClient | None = None
        self.came = asyncio.Event()

    async def run(self) -> None:
        """Stay in the call until cancelled.

        Raises:
            UserError: the first time, one is not let in.
        """
        try:
            while True:
                try:
                    moved = await self._stay()
                except (UserError, OSError, httpx.HTTPError, WebSocketException) as error:
                    moved = False
                    task = asyncio.current_task()
                    if task is not None and task.cancelling():
                        # What failed on the way out is no reason to come in again.
                        return
                    if not self.joins:
                        raise error if isinstance(error, UserError) else UserError(f"{self._at}: {error}") from error
                if moved:
                    self.moves += 1
                    continue
                self.media = None
                self.cuts += 1
                await asyncio.sleep(AGAIN_SECONDS)
        finally:
            for ending in self._ending:
                ending.cancel()
            await asyncio.gather(*self._ending, return_exceptions=True)

    async def _stay(self) -> bool:
        """Come in, and return when the connection is lost, or with True when the call goes on at another server."""
        began = time.monotonic()
        at, joined = await self._join()
        self._resume = joined["resume"]
        async with AsyncExitStack() as stack:
            address = at.replace("http", "ws", 1) + "/control"
            socket = await stack.enter_async_context(connect(address, proxy=None, open_timeout=ANSWER_SECONDS))
            await socket.send(json.dumps({"type": "hello", "token": joined["token"]}))
            stack.push_async_callback(self._leave, socket)
            self.media = await stack.enter_async_context(self._open_media(at, joined["token"]))
            self.joins.append(time.monotonic() - began)
            self.came.set()
            reading = asyncio.create_task(_moved(socket))
            parts = [
                reading,
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
            if reading.done() and not reading.cancelled() and reading.result():
                ending = asyncio.create_task(self._end_later(stack.pop_all(), len(self.joins)))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
                return True
        return False

    async def _end_later(self, stack: AsyncExitStack, joins: int) -> None:
        """Let go of the old connection when there is a new one and the others have had time to come there, too."""
        async with stack:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOVE_SECONDS):
                    while len(self.joins) == joins:  # noqa: ASYNC110 - until whichever attempt succeeds
                        await asyncio.sleep(0.05)
                    await asyncio.sleep(TOGETHER_SECONDS)

    async def _leave(self, socket: ClientConnection) -> None:
        """Say that one goes for good: after the media have ended, for who has left has no session to end."""
        if self._leaving:
            with contextlib.suppress(WebSocketException):
                await socket.send(json.dumps({"type": "leave"}))

    async def _join(self) -> tuple[str, dict[str, Any]]:
        """Ask to be let in; returns the address of the room at the server that has it, and what that says."""
        body = {"name": self._name, "invite": self._invite} | ({"resume": self._resume} if self._resume else {})
        async with http_client(ANSWER_SECONDS) as http:
            while True:
                answer = await post_where_sent(http, f"{self._at}/join", json=body)
                if answer.status_code == 201:
                    return str(answer.url).removesuffix("/join"), answer.json()
                if answer.status_code not in (429, 503) or (answer.status_code == 503 and not self.joins):
                    raise UserError(f"the server refused ({answer.status_code}): {refusal(answer)}")
                said = answer.headers.get("retry-after", "")
                await asyncio.sleep(min(float(said) if said.isdigit() else AGAIN_SECONDS, MOST_AGAIN))


async def _moved(socket: ClientConnection) -> bool:
    """Read until the socket closes, or the server says that the call goes on at another one."""
    with contextlib.suppress(WebSocketException):
        async for text in socket:
            if json.loads(text)["type"] == "moved":
                return True
    return False


async def _beat(socket: ClientConnection, seconds: float) -> None:
    number = 0
    with contextlib.suppress(WebSocketException):
        while True:
            number += 1
            await socket.send(json.dumps({"type": "ping", "n": number}))
            await asyncio.sleep(seconds)
