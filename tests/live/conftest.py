"""The real application under uvicorn on a free port, and clients that know only the standards."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from websockets.asyncio.client import ClientConnection, connect

from streamer.commands.serve import make_server
from streamer.server.context import Context
from streamer.settings import Settings

SDP = "application/sdp"
INSIGHTS = ("localization", "sound", "spectrogram", "caption", "scene", "answer", "found")


def bundled() -> RTCPeerConnection:
    """A client's connection, bundled as RFC 9725 wants it and as the page does it."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


class Resource:
    """A WHIP or WHEP session as its client holds it: the connection, its URL, what came on its tracks."""

    def __init__(self, http: httpx.AsyncClient, pc: RTCPeerConnection, token: str) -> None:
        self.http = http
        self.pc = pc
        self.headers = {"Authorization": f"Bearer {token}"}
        self.frames: dict[str, list[Any]] = {}
        self.received: dict[str, list[Any]] = {}
        self.readers: list[asyncio.Task[None]] = []
        pc.on("track", self._read)

    def _read(self, track: Any) -> None:
        frames = self.frames.setdefault(f"{track.kind}{len(self.frames)}", [])
        self.received[track.id] = frames

        async def read() -> None:
            with contextlib.suppress(MediaStreamError):
                while True:
                    frames.append(await track.recv())
                    del frames[:-200]

        self.readers.append(asyncio.create_task(read()))

    @property
    def videos(self) -> list[RTCRtpTransceiver]:
        return [transceiver for transceiver in self.pc.getTransceivers() if transceiver.kind == "video"]

    async def open(self, url: str) -> httpx.Response:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        answer = await self.http.post(
            url, content=self.pc.localDescription.sdp, headers=self.headers | {"Content-Type": SDP}
        )
        if answer.status_code == 201:
            self.url = answer.headers["location"]
            self.etag = answer.headers["etag"]
            await self.pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        return answer

    async def delete(self) -> httpx.Response:
        return await self.http.delete(self.url, headers=self.headers)

    async def close(self) -> None:
        await self.pc.close()
        for reader in self.readers:
            reader.cancel()
        await asyncio.gather(*self.readers, return_exceptions=True)


class Socket:
    """A control socket that keeps the newest message of each type, and all of what is heard, seen and said."""

    def __init__(self, raw: ClientConnection) -> None:
        self.raw = raw
        self.newest: dict[str, Any] = {}
        self.insights: dict[str, list[Any]] = {kind: [] for kind in INSIGHTS}
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.raw:
            message = json.loads(text)
            self.newest[message["type"]] = message
            if message["type"] in self.insights:
                self.insights[message["type"]].append(message)

    async def send(self, **message: Any) -> None:
        await self.raw.send(json.dumps(message))

    async def close(self) -> None:
        await self.raw.close()
        with contextlib.suppress(Exception):
            await self.reader


class Site:
    """A running server and how to use it."""

    def __init__(self, http: httpx.AsyncClient, context: Context) -> None:
        self.http = http
        self.context = context
        self.opened: list[Resource | Socket] = []

    async def room(self) -> dict[str, str]:
        answer = await self.http.post("/rooms")
        assert answer.status_code == 201, answer.text
        room: dict[str, str] = answer.json()
        return room

    async def join(self, room: dict[str, str], name: str, resume: str | None = None) -> dict[str, Any]:
        body = {"name": name, "invite": room["invite"], "resume": resume}
        answer = await self.http.post(f"/rooms/{room['room']}/join", json=body)
        assert answer.status_code == 201, answer.text
        joined: dict[str, Any] = answer.json()
        return joined

    async def publish(self, room: dict[str, str], token: str, *tracks: Any) -> Resource:
        resource = Resource(self.http, bundled(), token)
        self.opened.append(resource)
        for track in tracks:
            resource.pc.addTransceiver(track, "sendonly")
        answer = await resource.open(f"/rooms/{room['room']}/whip")
        assert answer.status_code == 201, answer.text
        return resource

    async def watch(self, room: dict[str, str], token: str, videos: int = 1) -> Resource:
        resource = Resource(self.http, bundled(), token)
        self.opened.append(resource)
        resource.pc.addTransceiver("audio", "recvonly")
        for _ in range(videos):
            resource.pc.addTransceiver("video", "recvonly")
        answer = await resource.open(f"/rooms/{room['room']}/whep")
        assert answer.status_code == 201, answer.text
        return resource

    async def raw_control(self, room: dict[str, str], **headers: str) -> ClientConnection:
        url = f"{str(self.http.base_url).replace('http', 'ws', 1)}/rooms/{room['room']}/control"
        return await connect(url, additional_headers=headers, proxy=None)

    async def control(self, room: dict[str, str], token: str) -> Socket:
        socket = Socket(await self.raw_control(room))
        self.opened.append(socket)
        await socket.send(type="hello", token=token)
        return socket


@contextlib.asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Site]:
    """Run the server; on the way out everything of the clients and of the server has to be gone."""
    defaults = {"engine": False, "observer": False, "port": 0, "requests_per_second": 10_000, "requests_burst": 100_000}
    # Control sockets here send no heartbeats: a busy machine is no reason to close them.
    defaults["heartbeat_timeout"] = 120
    # Settings and static files are read from disk: at a start, before the loop serves anyone.
    server = await asyncio.to_thread(lambda: make_server(Settings(**(defaults | settings))))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag and tells nobody
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    context = server.config.app.state.context
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            site = Site(http, context)
            try:
                yield site
            finally:
                for thing in site.opened:
                    await thing.close()
    finally:
        # A test that fails leaves no server behind for the next one.
        server.should_exit = True
        await task
    assert context.rooms.peers.open == 0
    assert len(context.rooms) == 0


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as running:
        yield running
