"""A plain aiortc relay for `bench.glass`: `python -m bench.glass_relay PORT` hands on one publisher by MediaRelay."""

from __future__ import annotations

import sys

import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

app, relay = FastAPI(), MediaRelay()
connections: list[RTCPeerConnection] = []
tracks: dict[str, MediaStreamTrack] = {}


def connection() -> RTCPeerConnection:
    """Return one that is kept until the process ends."""
    connections.append(RTCPeerConnection(RTCConfiguration(iceServers=[])))
    return connections[-1]


async def answer(pc: RTCPeerConnection) -> PlainTextResponse:
    """Answer an offer that has been set."""
    await pc.setLocalDescription(await pc.createAnswer())
    return PlainTextResponse(pc.localDescription.sdp)


@app.post("/publish")
async def publish(request: Request) -> PlainTextResponse:
    """Take the one who is relayed."""
    pc = connection()
    pc.on("track", lambda track: tracks.update({track.kind: track}))
    await pc.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
    return await answer(pc)


@app.post("/watch")
async def watch(request: Request) -> PlainTextResponse:
    """Give somebody their picture and sound."""
    pc = connection()
    await pc.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
    for track in tracks.values():
        pc.addTrack(relay.subscribe(track))
    return await answer(pc)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning")
