"""A server's peer and an aiortc client on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aioice.ice
import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from streamer.rtc import ingress
from streamer.rtc.candidates import AddressRules
from streamer.rtc.offer import PUBLISH, checked_offer
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings

RULES = AddressRules(loopback=True, private=True)


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


def client_connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


class Call:
    """A client that publishes to a server's peer; the answer is made, and the client has not seen it yet."""

    def __init__(self, peer: Peer, client: RTCPeerConnection, offer: str, answer: str) -> None:
        self.peer = peer
        self.client = client
        self.offer = offer
        self.answer = answer
        (self.link,) = ingress.connections(peer.pc)
        ((_, self.port),) = {(c.host, c.port) for c in self.link.local_candidates}

    async def connect(self, seconds: float = 10.0) -> None:
        await self.client.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))
        await until(lambda: self.peer.connected and self.client.connectionState == "connected", seconds)

    def spray(self, *datagrams: bytes) -> None:
        """Send datagrams to the server's port from somewhere else."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for datagram in datagrams:
                stranger.sendto(datagram, ("127.0.0.1", self.port))


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions are of many kinds
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def calling(
    *tracks: Any,
    prepare: Callable[[RTCPeerConnection], None] = lambda pc: None,
    change: Callable[[str], str] = lambda offer: offer,
    **settings: Any,
) -> AsyncIterator[Call]:
    """Make an offer (changed on its way) and its answer; close both ends at last."""
    peer, client = Peer(Settings(**settings), PeerCounts()), client_connection()
    try:
        for track in tracks or ("audio",):
            client.addTransceiver(track, "sendonly")
        await client.setLocalDescription(await client.createOffer())
        offer = checked_offer(change(client.localDescription.sdp), PUBLISH, RULES)
        yield Call(peer, client, offer, await peer.answer(offer, prepare))
    finally:
        await client.close()
        await peer.close()
