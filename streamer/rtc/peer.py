"""The life of one server-side peer connection: answer an offer, connect in time or go, close for certain."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)

from streamer.rtc.sdp import BadSdp, Fragment, candidate_count, first_ufrag
from streamer.settings import Settings

log = logging.getLogger("earshot.peer")

MAX_TRICKLED = 128
"""Candidates one client may bring in all; each costs the server a connectivity check."""


@dataclass
class PeerCounts:
    """Counts over all peers of an application.

    Attributes:
        opened: connections made for an offer.
        open: connections not closed yet.
        abandoned: answered, and never connected in time.
        refused: offers that aiortc could not use.
        close_failures: closes that raised or ran out of time.
        oversized: ended because the pictures were too large.
    """

    opened: int = 0
    open: int = 0
    abandoned: int = 0
    refused: int = 0
    close_failures: int = 0
    oversized: int = 0


def ice_configuration(settings: Settings) -> RTCConfiguration:
    """Build aiortc's configuration; an empty list has to be said, or aiortc asks a public STUN server."""
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(urls=server.urls, username=server.username, credential=server.credential)
            for server in settings.ice_servers
        ],
        # With aiortc's default the third m-line hangs on the second one's transport, which bundling then
        # discards: only the first video of an offer would ever be sent. RFC 9725 requires bundling anyway.
        bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
    )


class Peer:
    """Owns one RTCPeerConnection; nobody else closes it.

    Args:
        settings: ICE servers and deadlines.
        counts: shared counters.
        on_connected: called once when media can flow.
        on_closed: called once, at the beginning of the end, whoever ends it.
    """

    def __init__(
        self,
        settings: Settings,
        counts: PeerCounts,
        on_connected: Callable[[], None] = lambda: None,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self.pc = RTCPeerConnection(ice_configuration(settings))
        self.etag = f'"{secrets.token_hex(8)}"'
        self._settings = settings
        self._counts = counts
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._deadline: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._connected = False
        self._ufrag: str | None = None
        self._candidates = 0
        counts.opened += 1
        counts.open += 1
        self.pc.on("connectionstatechange", self._state_changed)

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return self._connected and self._closing is None

    @property
    def closed(self) -> bool:
        """Whether the end has begun."""
        return self._closing is not None

    async def answer(self, offer: str, prepare: Callable[[RTCPeerConnection], None]) -> str:
        """Answer an offer and start the connect deadline.

        Args:
            offer: the client's SDP, its outline already checked.
            prepare: attaches tracks once the offer's m-lines are known; may raise BadSdp.

        Returns:
            The answer's SDP, with all of the server's candidates.

        Raises:
            BadSdp: the offer cannot be used, or (503) no candidates came in time; the connection is closed and gone.
        """
        try:
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
            prepare(self.pc)
            async with asyncio.timeout(self._settings.gather_deadline):
                await self.pc.setLocalDescription(await self.pc.createAnswer())
        except asyncio.CancelledError:
            await self.close()
            raise
        except BadSdp:
            self._counts.refused += 1
            await self.close()
            raise
        except TimeoutError as error:
            log.warning(
                "no candidates after %.0f s: is a STUN or TURN server out of reach?", self._settings.gather_deadline
            )
            self._counts.refused += 1
            await self.close()
            raise BadSdp(503, "The server could not find out its own addresses in time. Please try again.") from error
        except Exception as error:
            # aiortc parses without a grammar: whatever it raises here, the offer was the cause.
            self._counts.refused += 1
            log.info("offer refused: %s: %s", type(error).__name__, error)
            await self.close()
            raise BadSdp(400, "The SDP offer is malformed or offers no usable codec.") from error
        self._ufrag = first_ufrag(offer)
        self._candidates = candidate_count(offer)
        if self.closed:
            raise BadSdp(400, "The connection ended before it was answered.")
        if not self._connected:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._settings.connect_deadline, self._abandon)
        return str(self.pc.localDescription.sdp)

    async def trickle(self, fragment: Fragment) -> None:
        """Take candidates that came after the offer.

        Args:
            fragment: the parsed body of the PATCH.

        Raises:
            BadSdp: 422 for an ICE restart, which aiortc has none of; 400 for what cannot be used.
        """
        if fragment.ufrag is not None and fragment.ufrag != self._ufrag:
            raise BadSdp(422, "ICE restarts are not supported: make a new session.")
        self._candidates += len(fragment.candidates)
        if self._candidates > MAX_TRICKLED:
            raise BadSdp(400, "Too many candidates.")
        try:
            for candidate in fragment.candidates:
                await self.pc.addIceCandidate(candidate)
            if fragment.complete:
                await self.pc.addIceCandidate(None)
        except Exception as error:
            raise BadSdp(400, "A candidate cannot be used.") from error

    def begin_close(self) -> asyncio.Task[None]:
        """Start closing, once.

        Returns:
            The task that ends when everything is closed.
        """
        if self._closing is None:
            if self._deadline is not None:
                self._deadline.cancel()
            self._closing = asyncio.ensure_future(self._close())
            self._on_closed()
        return self._closing

    def refuse_media(self, reason: str) -> None:
        """End the connection, and count and log it, for what it sends."""
        if self._closing is None:
            self._counts.oversized += 1
            log.warning("a connection is ended: %s", reason)
            self.begin_close()

    async def close(self) -> None:
        """Close and wait until it is done; never raises for what aiortc does."""
        await asyncio.shield(self.begin_close())

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._settings.close_deadline):
                await self.pc.close()
        except Exception as error:
            # A half-made connection's close() can raise and leave sockets behind it.
            self._counts.close_failures += 1
            log.warning("close of a peer connection failed: %s: %s", type(error).__name__, error)
            await self._stop_transports()
        finally:
            self.pc.remove_all_listeners()
            self._counts.open -= 1

    async def _stop_transports(self) -> None:
        for dtls in {transceiver.receiver.transport for transceiver in self.pc.getTransceivers()}:
            for part in (dtls, dtls.transport):
                try:
                    async with asyncio.timeout(self._settings.close_deadline):
                        await part.stop()
                except Exception as error:
                    log.warning("a transport did not stop: %s: %s", type(error).__name__, error)

    def _abandon(self) -> None:
        if not self._connected and self._closing is None:
            self._counts.abandoned += 1
            self.begin_close()

    def _state_changed(self) -> None:
        state = self.pc.connectionState
        if state == "connected" and not self._connected:
            self._connected = True
            if self._deadline is not None:
                self._deadline.cancel()
            self._on_connected()
        elif state in ("failed", "closed"):
            self.begin_close()
