"""A watcher for the benches: `python -m bench.watch ADDRESS ROOM INVITE` hears and sees a room until stopped."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole


async def watch(address: str, room: str, invite: str) -> None:
    """Watch by WHEP, throwing away what comes."""
    pc, sink = RTCPeerConnection(RTCConfiguration(iceServers=[])), MediaBlackhole()
    pc.addTransceiver("audio", direction="recvonly")
    for _ in range(4):
        pc.addTransceiver("video", direction="recvonly")
    pc.on("track", sink.addTrack)
    await pc.setLocalDescription(await pc.createOffer())
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{address}/rooms/{room}/whep",
            content=pc.localDescription.sdp,
            headers={"content-type": "application/sdp", "authorization": f"Bearer {invite}"},
        )
    answer.raise_for_status()
    await pc.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
    await sink.start()
    try:
        await asyncio.Event().wait()
    finally:
        await pc.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch(*sys.argv[1:4]))
