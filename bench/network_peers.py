"""Clients of the network bench: they join through a bad network, notice what they miss, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bench.network_media import BLOCK, SOFT
from bench.network_proxy import Proxy

FREEZE = 0.2
"""Seconds between two pictures from which on it counts as a freeze; they come 15 times a second."""

PATIENCE, AGAIN = 3.0, 1.0
"""Seconds without anything after which a client makes a new session, and between two attempts."""


def connection() -> RTCPeerConnection:
    """Return a client's connection, bundled as WHIP and WHEP want it."""
    return RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))


@dataclass
class Meter:
    """What a listener saw and heard, seconds on the system's steady clock.

    Attributes:
        pictures: when each was there.
        blocks: when each 20 ms of sound was there, silence not counted.
    """

    pictures: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    async def read(self, track: MediaStreamTrack) -> None:
        """Look at, or listen to, a track until it ends."""
        with contextlib.suppress(MediaStreamError):
            while True:
                frame: Any = await track.recv()
                if track.kind == "video":
                    self.pictures.append(time.monotonic())
                else:
                    pcm = np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples * 2].astype(np.float32)
                    # Half of what is soft: what was filled in is silence, or fades.
                    if np.sqrt(np.mean(pcm**2)) > 32767 * SOFT / np.sqrt(2) / 2:
                        self.blocks.append(time.monotonic())

    def frozen(self, start: float, end: float) -> tuple[int, float]:
        """Return how often the picture stood still, and for what share of the time."""
        times = [start, *(t for t in self.pictures if start <= t <= end), end]
        gaps = [b - a for a, b in itertools.pairwise(times) if b - a > FREEZE]
        return len(gaps), sum(gaps) / (end - start)

    def concealed(self, start: float, end: float) -> float:
        """Return the share of the sound that did not come, or came too late to be played."""
        heard = sum(start <= t <= end for t in self.blocks)
        return max(0.0, 1.0 - heard * BLOCK / (end - start))

    def back(self, moment: float) -> tuple[float, float]:
        """Return after how long there was a picture again, and sound; infinite for never."""
        return tuple(
            min((t for t in times if t > moment), default=float("inf")) - moment
            for times in (self.pictures, self.blocks)
        )  # type: ignore[return-value]


class Client:
    """A WHIP or WHEP client behind a proxy.

    Args:
        http: where the server is.
        room: its id.
        invite: what it comes in with.
        tracks: to publish; none to watch.
    """

    def __init__(self, http: httpx.AsyncClient, room: str, invite: str, *tracks: type, start: float = 0.0) -> None:
        self.meter = Meter()
        self.proxy = Proxy()
        self.sessions = 0
        self._http, self._room, self._invite = http, room, invite
        self._tracks, self._start = tracks, start
        self._pc: RTCPeerConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._readers: set[asyncio.Task[None]] = set()

    async def open(self, seed: int = 0) -> None:
        """Make a session, in place of the one before."""
        await self._end()
        self.proxy, self._pc = Proxy(seed), connection()
        self.sessions += 1
        for track in self._tracks:
            self._pc.addTransceiver(track(self._start), "sendonly")
        if not self._tracks:
            self._pc.addTransceiver("audio", "recvonly")
            self._pc.addTransceiver("video", "recvonly")
            self._pc.on("track", self._read)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        answer = await self._http.post(
            f"/rooms/{self._room}/{'whip' if self._tracks else 'whep'}",
            content=await self.proxy.offered(self._pc.localDescription.sdp),
            headers={"content-type": "application/sdp", "authorization": f"Bearer {self._invite}"},
        )
        answer.raise_for_status()
        await self._pc.setRemoteDescription(RTCSessionDescription(self.proxy.answered(answer.text), "answer"))

    def keep(self) -> None:
        """Make a new session whenever nothing has come for `PATIENCE`; what is cut is cut for HTTP too."""
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Leave."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._end()

    def received(self) -> int:
        """Return how many packets have come in this session."""
        transports = {t.receiver.transport for t in self._pc.getTransceivers()} if self._pc is not None else set()
        return sum(
            vars(transport)["_RTCDtlsTransport__rx_packets"] for transport in transports if transport is not None
        )

    async def _keep(self) -> None:
        count, since = -1, time.monotonic()
        while True:
            await asyncio.sleep(0.1)
            now = time.monotonic()
            if self.received() != count:
                count, since = self.received(), now
            elif now - since > PATIENCE and not self.proxy.cut:
                with contextlib.suppress(httpx.HTTPError):
                    await self.open()
                # The next attempt comes sooner than the first.
                count, since = self.received(), time.monotonic() - PATIENCE + AGAIN

    async def _end(self) -> None:
        if self._pc is not None:
            pc, self._pc = self._pc, None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await pc.close()
        self.proxy.close()
        for reader in self._readers:
            reader.cancel()

    def _read(self, track: MediaStreamTrack) -> None:
        reader = asyncio.create_task(self.meter.read(track))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
