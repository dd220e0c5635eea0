"""The life of one server-side peer connection: answer an offer, connect in time or go, close for certain."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCIceServer,
    RTCIceTransport,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)

from streamer.clock import STOOD_STILL
from streamer.ice_servers import ice_servers
from streamer.rtc import dtls, ingress, rtp_limits, steady_time
from streamer.rtc.candidates import MOST_CANDIDATES, Address
from streamer.rtc.endings import Endings
from streamer.rtc.host_candidates import HostAddresses, NoPort
from streamer.rtc.offer import first_ufrag, offered_setup, remote_addresses, served, whole_answer
from streamer.rtc.sdp import BadSdp, Fragment
from streamer.settings import Settings

log = logging.getLogger("earshot.peer")


@dataclass
class PeerCounts:
    """Counts over all peers of an application.

    Attributes:
        opened: connections made for an offer.
        open: connections not closed yet.
        abandoned: answered, and never connected in time.
        refused: offers that aiortc could not use.
        close_failures: closes that raised or ran out of time.
        oversized: ended because a picture must not be decoded.
        vanished: ended because nothing came any more.
        datagrams_refused: what the closed ones kept out of their ports.
        endings: why the last ones ended.
    """

    opened: int = 0
    open: int = 0
    abandoned: int = 0
    refused: int = 0
    close_failures: int = 0
    oversized: int = 0
    vanished: int = 0
    datagrams_refused: int = 0
    endings: Endings = field(default_factory=Endings)


def ice_configuration(settings: Settings) -> RTCConfiguration:
    """Build aiortc's configuration; an empty list has to be said, or aiortc asks a public STUN server."""
    return RTCConfiguration(
        iceServers=[
            RTCIceServer(urls=server.urls, username=server.username, credential=server.credential)
            for server in ice_servers(settings, "earshot")
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

    Attributes:
        id: not to be guessed.
        label: what it is called in the log; set by its owner.
        vanished: whether it ended because nothing came any more.
    """

    def __init__(
        self,
        settings: Settings,
        counts: PeerCounts,
        on_connected: Callable[[], None] = lambda: None,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        ingress.install()
        dtls.install()
        steady_time.install()
        self.pc = RTCPeerConnection(ice_configuration(settings))
        self.id = secrets.token_urlsafe(12)
        self.label = "a connection"
        self.vanished = False
        self.etag = f'"{secrets.token_hex(8)}"'
        self._settings = settings
        self._counts = counts
        self._on_connected = on_connected
        self._on_closed = on_closed
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None
        self._connected = False
        self._ufrag: str | None = None
        self._addresses: set[Address] = set()
        counts.opened += 1
        counts.open += 1
        self.pc.on("connectionstatechange", self._state_changed)

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return self._connected and self._closing is None

    @property
    def was_connected(self) -> bool:
        """Whether media could flow, then or now."""
        return self._connected

    @property
    def closed(self) -> bool:
        """Whether the end has begun."""
        return self._closing is not None

    async def answer(self, offer: str, prepare: Callable[[RTCPeerConnection], None]) -> str:
        """Answer an offer and start the connect deadline.

        Args:
            offer: the client's SDP, from `checked_offer`.
            prepare: attaches tracks once the offer's m-lines are known; may raise BadSdp.

        Returns:
            The answer's SDP, with all of the server's candidates.

        Raises:
            BadSdp: the offer cannot be used, or (503) no candidates came in time; the connection is closed and gone.
        """
        try:
            await self.pc.setRemoteDescription(RTCSessionDescription(sdp=served(offer), type="offer"))
            for transport in self._transports():
                dtls.let_begin(transport, offered_setup(offer))
            prepare(self.pc)
            rtp_limits.limit(self.pc)
            for link in ingress.connections(self.pc):
                link.hosts = HostAddresses.of(self._settings)
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
        except NoPort as error:
            log.warning("no candidates: %s", error)
            self._counts.refused += 1
            await self.close()
            raise BadSdp(503, "The server has no free UDP port for one more connection.") from error
        except Exception as error:
            # aiortc parses without a grammar: whatever it raises here, the offer was the cause.
            self._counts.refused += 1
            log.info("offer refused: %s: %s", type(error).__name__, error)
            await self.close()
            raise BadSdp(400, "The SDP offer is malformed or offers no usable codec.") from error
        self._ufrag = first_ufrag(offer)
        self._addresses = remote_addresses(offer)
        if self.closed:
            raise BadSdp(400, "The connection ended before it was answered.")
        if not self._connected:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._settings.connect_deadline, self._abandon)
        return whole_answer(offer, self.pc.localDescription.sdp)

    async def trickle(self, fragment: Fragment) -> None:
        """Take candidates that came after the offer.

        Args:
            fragment: the parsed body of the PATCH.

        Raises:
            BadSdp: 422 for an ICE restart, which aiortc has none of; 400 for what cannot be used.
        """
        if fragment.ufrag is not None and fragment.ufrag != self._ufrag:
            raise BadSdp(422, "ICE restarts are not supported: make a new session.")
        self._addresses |= {(candidate.ip, candidate.port) for candidate in fragment.candidates}
        if len(self._addresses) > MOST_CANDIDATES:
            raise BadSdp(400, f"There are more than {MOST_CANDIDATES} candidates.")
        try:
            for candidate in fragment.candidates:
                await self.pc.addIceCandidate(candidate)
            if fragment.complete:
                await self.pc.addIceCandidate(None)
        except Exception as error:
            raise BadSdp(400, "A candidate cannot be used.") from error

    def begin_close(self, reason: str | None = None, level: int = logging.WARNING) -> asyncio.Task[None]:
        """Start closing, once.

        Args:
            reason: why, if it is not at the server's wish: told to the log, and to whoever asks later.
            level: of the log line.

        Returns:
            The task that ends when everything is closed.
        """
        if self._closing is None:
            if reason is not None:
                log.log(level, "%s ended: %s", self.label, reason)
                self._counts.endings.note(self.id, reason)
            if self._timer is not None:
                self._timer.cancel()
            self._closing = asyncio.ensure_future(self._close())
            self._on_closed()
        return self._closing

    def refuse_media(self, reason: str) -> None:
        """End the connection, and count it, for what it sends."""
        if self._closing is None:
            self._counts.oversized += 1
            self.begin_close(reason)

    async def close(self) -> None:
        """Close and wait until it is done; never raises for what aiortc does."""
        await asyncio.shield(self.begin_close())

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(self._settings.close_deadline):
                await self.pc.close()
        except Exception as error:
            # A half-made connection's close() can raise; on a busy machine any may run out of time.
            self._counts.close_failures += 1
            log.warning("close of a peer connection failed: %s: %s", type(error).__name__, error)
            await self._stop_parts()
        finally:
            self._release()
            self._counts.open -= 1

    async def _stop_parts(self) -> None:
        """Stop what aiortc's close did not come to: tasks that send and report, threads that decode, sockets."""
        rtp_limits.stop_decoders(self.pc)
        media = [
            part for transceiver in self.pc.getTransceivers() for part in (transceiver.sender, transceiver.receiver)
        ]
        await asyncio.gather(*(self._stop(part) for part in media))
        for transport in self._transports():
            await self._stop(transport)
            await self._stop(transport.transport)

    async def _stop(self, part: RTCRtpSender | RTCRtpReceiver | RTCDtlsTransport | RTCIceTransport) -> None:
        try:
            async with asyncio.timeout(self._settings.close_deadline):
                await part.stop()
        except Exception as error:
            log.warning("a part of a connection did not stop: %s: %s", type(error).__name__, error)

    def _transports(self) -> set[RTCDtlsTransport]:
        transports = {transceiver.receiver.transport for transceiver in self.pc.getTransceivers()}
        # An offer that is refused half-way leaves a receiver without one.
        return {transport for transport in transports if transport is not None}

    def _release(self) -> None:
        """Cut the circles of references, so that memory does not wait for a full collection."""
        self._counts.datagrams_refused += sum(link.drops.total for link in ingress.connections(self.pc))
        self.pc.remove_all_listeners()
        rtp_limits.release(self.pc)
        for transport in self._transports():
            transport.remove_all_listeners()
        self._on_connected = self._on_closed = _nothing

    def _abandon(self) -> None:
        if not self._connected and self._closing is None:
            self._counts.abandoned += 1
            self.begin_close(f"not connected within {self._settings.connect_deadline:g} s, {self._missing()}")

    def _missing(self) -> str:
        """Say how far the connecting came."""
        if not any(link.checked for link in ingress.connections(self.pc)):
            return "no connectivity check of the client came: UDP does not get through"
        if any(transport.state == "connecting" for transport in self._transports()):
            return "the DTLS handshake did not finish"
        return "the client's checks came and no pair of addresses was chosen"

    def _failure(self) -> str:
        """Say why the state is "failed"."""
        failures = [transport.failure for transport in self._transports() if isinstance(transport, dtls.DtlsTransport)]
        known = next((failure for failure in failures if failure is not None), None)
        return known or ("consent to send has expired" if self._connected else "no pair of addresses works")

    def _listen(self, due: float = inf) -> None:
        """End the connection if nothing has come for too long; look again when that can be, at `due` the next time."""
        loop = asyncio.get_running_loop()
        heard = [link.heard_at for link in ingress.connections(self.pc) if link.heard_at is not None]
        since = max(heard, default=0.0)
        if (now := loop.time()) > due + STOOD_STILL:
            since = now
        if (due := since + self._settings.silence_deadline) > now:
            self._timer = loop.call_at(due, self._listen, due)
            return
        self._counts.vanished += 1
        self.vanished = True
        self.begin_close(f"nothing came from the client for {self._settings.silence_deadline:g} s")

    def _state_changed(self) -> None:
        state = self.pc.connectionState
        if self._closing is not None:
            return
        if state == "connected" and not self._connected:
            self._connected = True
            if self._timer is not None:
                self._timer.cancel()
            self._listen()
            self._on_connected()
        elif state == "failed":
            self.begin_close(self._failure())
        elif state == "closed":
            self.begin_close("the client closed it", logging.INFO)


def _nothing() -> None:
    pass
