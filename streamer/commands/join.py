"""`earshot join`: a file, or the demo clip, as a participant of a call over real WebRTC."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from streamer.client.file_tracks import file_tracks
from streamer.client.lent_track import LentTrack
from streamer.client.loopback import http_client
from streamer.client.recordings import tell_of_recordings
from streamer.client.whip_client import ANSWER_SECONDS, WhipClient, post_where_sent, refusal
from streamer.commands.tell import tell
from streamer.demo.clip import STATEMENT, demo_clip
from streamer.errors import ConnectionLost, Removed, UserError
from streamer.media.choice import Choice
from streamer.media.file_name import as_text
from streamer.media.inspect import inspect
from streamer.messages.base import LONGEST_NAME
from streamer.rtc.endings import MOVED, REMOVED

SERVER = "http://localhost:8000"

LISTEN_SECONDS = 60.0
"""Most of a file's sound that is gone through before it is played."""

LEAVE_SECONDS = 5.0
"""Time to leave the call after a signal."""

AGAIN_SECONDS, MOVE_SECONDS = 0.3, 10.0
"""Pause between two tries to come to where the call goes on, and for which it is tried."""


async def join(
    server: str,
    room: str,
    invite: str | None,
    file: Path | None,
    loop: bool = False,
    name: str | None = None,
    stop: asyncio.Event | None = None,
    choice: Choice | None = None,
) -> None:
    """Play a file into a room until it ends, `stop` is set or the task is cancelled.

    Args:
        server: Address of the server, e.g. http://localhost:8000.
        room: Room id.
        invite: Token that lets one in.
        file: What is played; None plays the demo clip.
        loop: Whether to start again at the end.
        name: To be shown in the call; without one, WHIP (RFC 9725) is all that is asked of the server.
        stop: Set to leave.
        choice: Which sound tracks are heard.

    Raises:
        UserError: the file cannot be used, or the server refuses.
        ConnectionLost: the server has gone.
        Removed: the host ended it.
    """
    path = file if file is not None else (await asyncio.to_thread(demo_clip)).path
    info = await asyncio.to_thread(inspect, path, choice, LISTEN_SECONDS)
    if info.is_still:
        raise UserError(f"{path} is a picture, not a recording")
    tell(path, info.notes)
    base = _base(server)
    tracks = await asyncio.to_thread(file_tracks, path, info, loop)
    stop = stop if stop is not None else asyncio.Event()
    ended = asyncio.Event()
    playing = len(tracks)

    def one_ended() -> None:
        nonlocal playing
        playing -= 1
        if playing == 0:
            ended.set()

    async with AsyncExitStack() as stack:
        for track in tracks:
            track.add_listener("ended", one_ended)
            stack.callback(track.stop)
        endpoint = f"{base}/rooms/{quote(room, safe='')}/whip"
        token, resume, until = invite, None, 0.0
        while True:
            try:
                if name is not None:
                    token, resume = await _named(base, room, invite, name, resume)
                # A connection that ends stops its tracks.
                async with WhipClient(endpoint, token, [LentTrack(track) for track in tracks]) as client:
                    until = 0.0
                    asking = asyncio.create_task(tell_of_recordings(base, room, token), name="recordings")
                    try:
                        await _first_of(stop, ended, client.lost)
                    finally:
                        asking.cancel()
                    if stop.is_set() or not client.lost.is_set():
                        return
                    why = await client.why_lost()
            except UserError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if REMOVED in why:
                raise Removed("the host removed this participant from the call")
            if MOVED not in why:
                raise ConnectionLost(f"the connection to the server was lost. {why}".strip())
            until = time.monotonic() + MOVE_SECONDS


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _base(server: str) -> str:
    """Return the server's address without a trailing slash.

    Raises:
        UserError: it is no http or https address.
    """
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"{server!r} is not the address of a server, such as {SERVER}")
    return server.rstrip("/")


def split_link(server: str, room: str, invite: str | None) -> tuple[str, str, str | None]:
    """Return server, room and invite, also where the whole link of a call was given as the room.

    Raises:
        UserError: it is a link, but not of a call.
    """
    if "/" not in room:
        return server, room, invite
    parts = urlsplit(room)
    place = parts.path.rsplit("/r/", 1)
    if parts.scheme not in ("http", "https") or len(place) != 2 or not place[1]:
        raise UserError(f"{room!r} is not the link of a call")
    return f"{parts.scheme}://{parts.netloc}{place[0]}", place[1], invite or parts.fragment or None


async def ask_invite(server: str, room: str, secret: str | None) -> str:
    """Return an invite to a room from the server itself: one on this machine gives it freely, others want their secret.

    Raises:
        UserError: the server refuses or is not reached.
    """
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    return str(_accepted(await _post(_base(server), room, "invites", {}, headers))["invite"])


async def _named(
    base: str, room: str, invite: str | None, name: str, resume: str | None
) -> tuple[str | None, str | None]:
    """Return tokens for a participant with a name, and to come back as them: Earshot's own way in, before WHIP."""
    body = {"name": name, "invite": invite or ""} | ({"resume": resume} if resume else {})
    response = await _post(base, room, "join", body, {})
    if response.status_code == 404:
        # Another WHIP server, which knows no names; or no such room, which WHIP will be told as well.
        return invite, None
    joined = _accepted(response)
    return str(joined["token"]), str(joined["resume"])


async def _post(base: str, room: str, what: str, body: dict[str, str], headers: dict[str, str]) -> httpx.Response:
    url = f"{base}/rooms/{quote(room, safe='')}/{what}"
    async with http_client(ANSWER_SECONDS) as http:
        try:
            return await post_where_sent(http, url, json=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UserError(f"{base} cannot be reached: {error or type(error).__name__}") from error


def _accepted(response: httpx.Response) -> dict[str, object]:
    if response.status_code != 201:
        raise UserError(f"the server refused ({response.status_code}): {refusal(response)}")
    answer: dict[str, object] = response.json()
    return answer


def join_command(
    *,
    server: str,
    room: str,
    invite: str | None,
    file: Path | None = None,
    demo: bool = False,
    loop: bool = False,
    name: str | None = None,
    secret: str | None = None,
    choice: Choice | None = None,
) -> int:
    """`join` as a command: SIGINT and SIGTERM leave the call properly, and that is success.

    Args:
        server: Address of the server.
        room: Room id, or the link of the call.
        invite: Token that lets one in; None asks the server for one.
        file: What is played, unless `demo`.
        demo: Whether to play the demo clip.
        loop: Whether to start again at the end.
        name: To be shown in the call; the file's if None.
        secret: The server's, to ask it for an invite.
        choice: Which sound tracks are heard.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `join`; or neither a file nor the demo was asked for.
    """
    if file is None and not demo:
        raise UserError("join needs --file or --demo")
    if demo:
        print(STATEMENT, flush=True)
    server, room, invite = split_link(server, room, invite)
    shown = name or ("Demo" if demo or file is None else as_text(Path(file.stem))[:LONGEST_NAME])

    async def enter(stop: asyncio.Event) -> None:
        token = invite or await ask_invite(server, room, secret)
        await join(server, room, token, None if demo else file, loop, shown, stop, choice)

    async def main() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        joining = asyncio.create_task(enter(stop))
        stopping = asyncio.create_task(stop.wait())
        # Whatever it is waiting for before it plays, a signal ends that too.
        await asyncio.wait((joining, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not joining.done() and not await _ends_within(joining, LEAVE_SECONDS):
            joining.cancel()
        stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await joining

    asyncio.run(main())
    return 0


async def _ends_within(task: asyncio.Task[None], seconds: float) -> bool:
    done, _ = await asyncio.wait((task,), timeout=seconds)
    return bool(done)
