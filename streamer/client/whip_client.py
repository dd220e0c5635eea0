"""A WHIP publisher: knows RFC 9725 and nothing else of the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
    RTCStatsReport,
)
from aiortc.mediastreams import MediaStreamTrack

from streamer.client.loopback import http_client
from streamer.errors import UserError
from streamer.rtc import dtls, ingress

log = logging.getLogger("earshot.join")

CONNECT_SECONDS = 20.0
"""Time the media connection may take."""

ANSWER_SECONDS = 15.0
"""Time a request may take."""

MOST_REDIRECTS = 5

CLOSE_SECONDS = 5.0
"""Time the goodbye to the other peer may take."""


class WhipClient:
    """One published session; an async context manager that deletes it at the end.

    Args:
        endpoint: Address of the WHIP endpoint.
        token: Sent as Bearer, if there is one.
        tracks: What is published.
        ice_servers: STUN or TURN addresses; none are needed on one network.

    Raises:
        UserError: on entering: the server cannot be reached, refuses, or the media do not connect.
    """

    def __init__(
        self,
        endpoint: str,
        token: str | None,
        tracks: list[MediaStreamTrack],
        ice_servers: tuple[str, ...] = (),
    ) -> None:
        self._endpoint = endpoint
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tracks = tracks
        self._ice_servers = ice_servers
        self._session: str | None = None
        self.lost = asyncio.Event()
        """Set when the connection has gone, for good."""

    async def __aenter__(self) -> WhipClient:
        # A stranger's datagram would end aiortc's side of a call here too.
        ingress.install()
        dtls.install()
        # An explicit list: aiortc would otherwise ask a public STUN server.
        servers = [RTCIceServer(urls=url) for url in self._ice_servers]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._http = http_client(ANSWER_SECONDS)
        try:
            await self._connect()
        except BaseException:
            await self._close()
            raise
        return self

    async def _connect(self) -> None:
        connected = asyncio.Event()

        @self._pc.on("connectionstatechange")
        def changed() -> None:
            if self._pc.connectionState == "connected":
                connected.set()
            elif self._pc.connectionState in ("failed", "closed"):
                self.lost.set()
                connected.set()

        self._prepare(self._pc)
        await self._pc.setLocalDescription(await self._pc.createOffer())
        answer = await self._post(self._pc.localDescription.sdp)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:
            # aiortc raises all sorts of exceptions on a bad description.
            raise UserError(f"{self._endpoint} sent an answer that cannot be used: {error}") from error
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connected.wait()
        except TimeoutError:
            self.lost.set()
        if self.lost.is_set():
            raise UserError(f"{self._endpoint} accepted, but no media connection came about: is UDP blocked?")

    def _prepare(self, pc: RTCPeerConnection) -> None:
        """Add what is sent."""
        for track in self._tracks:
            pc.addTransceiver(track, direction="sendonly")

    async def stats(self) -> RTCStatsReport:
        """Return what the connection has counted."""
        return await self._pc.getStats()

    async def _post(self, offer: str) -> str:
        """Send the offer; returns the answer."""
        headers = self._headers | {"Content-Type": "application/sdp"}
        try:
            response = await post_where_sent(self._http, self._endpoint, content=offer, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UserError(f"{self._endpoint} cannot be reached: {error or type(error).__name__}") from error
        if response.status_code != 201:
            raise UserError(f"the server refused ({response.status_code}): {refusal(response)}")
        location = response.headers.get("location")
        if location:
            self._session = urljoin(str(response.url), location)
        return response.text

    async def why_lost(self) -> str:
        """Ask the server why the session has ended; empty if it does not say."""
        session, self._session = self._session, None
        if session is not None:
            with contextlib.suppress(httpx.HTTPError):
                response = await self._http.delete(session, headers=self._headers)
                return "" if response.is_success else refusal(response)
        return ""

    async def _close(self) -> None:
        if self._session is not None:
            # The server may be gone already; then so is the session.
            with contextlib.suppress(httpx.HTTPError):
                response = await self._http.delete(self._session, headers=self._headers)
                if not response.is_success:
                    log.warning("the session was not deleted (%s): %s", response.status_code, refusal(response))
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._pc.close()
        except Exception:
            log.warning("the media connection was not closed cleanly", exc_info=True)
        finally:
            await self._http.aclose()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.shield(self._close())


async def post_where_sent(http: httpx.AsyncClient, url: str, **request: Any) -> httpx.Response:
    """Post, and again wherever a server that has several says (307 or 308; RFC 9725, 4.5), with the token.

    httpx follows, too, but leaves Authorization out at another origin (RFC 9110, 15.4), where RFC 9725 wants it. What
    was asked for by TLS is not asked for without.

    Args:
        http: that does not follow by itself.
        url: where to begin.
        request: what httpx is told of the request.

    Returns:
        The answer; a redirect if there are too many of them, or one leads out of TLS.

    Raises:
        httpx.HTTPError: a server is not reached.
        httpx.InvalidURL: the address is none.
    """
    response = await http.post(url, **request)
    for _ in range(MOST_REDIRECTS):
        there = response.next_request
        if response.status_code not in (307, 308) or there is None:
            break
        if response.url.scheme == "https" and there.url.scheme != "https":
            break
        response = await http.post(there.url, **request)
    return response


def refusal(response: httpx.Response) -> str:
    """Return the reason a server gives, in one line."""
    with contextlib.suppress(ValueError):
        body = response.json()
        if isinstance(body, dict):
            reason = body.get("reason") or body.get("detail") or body.get("title")
            if reason:
                return " ".join(str(reason).split())
    return " ".join(response.text.split())[:200] or response.reason_phrase or "no reason given"
