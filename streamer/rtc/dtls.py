"""DTLS for aiortc: a certificate every client can check, no packet that ends a session, and the reason of a failure."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import cast

import aiortc.rtcpeerconnection
import pylibsrtp
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from aiortc.rtcdtlstransport import SRTPProtectionProfile
from OpenSSL import SSL

from streamer.limits import Bucket

log = logging.getLogger("earshot.dtls")

CIPHERS = b":".join(
    b"ECDHE-%s-%s" % (signature, cipher)
    for cipher in (b"AES128-GCM-SHA256", b"CHACHA20-POLY1305", b"AES128-SHA", b"AES256-SHA")
    for signature in (b"ECDSA", b"RSA")
)
"""aiortc's, and each for a peer whose certificate is RSA too (GStreamer): in DTLS 1.2 a suite names both."""

MOST_SSRCS = 64
"""Sources of one client, retransmissions and reports included: each costs libsrtp and aiortc a state of its own."""

RTCP_A_SECOND, RTCP_AT_ONCE = 100_000.0, 200_000.0
"""Bytes of reports and requests taken from one client: a twentieth of seven pictures of 2.5 Mbit/s (RFC 3550, 6.2)."""

RTCP_EACH = 200
"""Bytes that each such packet counts for besides its own: most of what one costs does not depend on its length."""

LONGEST_FLIGHT = 1500
"""Bytes of what is said at once in a handshake; ours has 800."""

MOST_REPEATS = 8
"""Times it is said again because the client repeats itself, which waits twice as long each time."""

_FAULTS_TOLD = 3
"""Log lines one connection may cause by packets that cannot be handled."""


class Certificate(RTCCertificate):
    """A certificate that is announced by its SHA-256 hash alone.

    aiortc announces three hashes. RFC 8122, section 5 lets a peer choose any; libdatachannel takes the last and
    hashes with SHA-256.
    """

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """Return the one fingerprint."""
        return [fingerprint for fingerprint in super().getFingerprints() if fingerprint.algorithm == "sha-256"]

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context


class CappedSession:
    """An SRTP session that takes packets of the first `MOST_SSRCS` sources, and so much RTCP, and counts the others.

    Args:
        session: what decrypts.
        clock: monotonic time, seconds.
    """

    def __init__(self, session: pylibsrtp.Session, clock: Callable[[], float] = time.monotonic) -> None:
        self.refused = 0
        self._clock = clock
        self._rtcp = Bucket(RTCP_A_SECOND, RTCP_AT_ONCE, RTCP_AT_ONCE, clock())
        self._session = session
        self._known: set[bytes] = set()

    def unprotect(self, packet: bytes) -> bytes:
        """Decrypt an RTP packet.

        Raises:
            pylibsrtp.Error: it is not authentic, too long, or of one source too many.
        """
        return self._take(packet, packet[8:12], self._session.unprotect)

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Decrypt an RTCP packet, unless there were too many.

        Raises:
            pylibsrtp.Error: as `unprotect` does, or it is one too many.
        """
        if self._rtcp.take(self._clock(), len(packet) + RTCP_EACH):
            self.refused += 1
            raise pylibsrtp.Error("too much RTCP")
        return self._take(packet, packet[4:8], self._session.unprotect_rtcp)

    def _take(self, packet: bytes, source: bytes, decrypt: Callable[[bytes], bytes]) -> bytes:
        if source not in self._known and len(self._known) >= MOST_SSRCS:
            self.refused += 1
            raise pylibsrtp.Error("one source too many")
        try:
            plain = decrypt(packet)
        except ValueError as error:
            # Longer than pylibsrtp takes; to aiortc that would be the end of the session.
            self.refused += 1
            raise pylibsrtp.Error(str(error)) from error
        self._known.add(source)
        return plain


class DtlsTransport(RTCDtlsTransport):
    """A DTLS transport that a packet cannot end, and that says why it failed.

    Attributes:
        faults: packets that could not be handled.
    """

    faults = 0
    _step = "the DTLS handshake was not begun"
    _said = b""
    _repeats = 0

    @property
    def failure(self) -> str | None:
        """Why it failed; None if it has not."""
        return self._step if self.state == "failed" else None

    async def _do_handshake(self) -> None:
        # Each step tells of its failure before it returns.
        self._step = "the DTLS handshake failed"
        await super()._do_handshake()

    async def _recv_next(self) -> None:
        """Take the next datagram; to a hello that is said again say again what was said: it was lost.

        OpenSSL leaves that to its own timer, of a second; browsers repeat their hello after 50 ms.
        """
        if self.encrypted or self._role != "server":
            await super()._recv_next()
            return
        before, self._said = self._said, b""
        await super()._recv_next()
        if not self._said and before and self._repeats < MOST_REPEATS:
            self._repeats += 1
            self._said = before
            await self.transport._send(before)

    async def _write_ssl(self) -> None:
        """Send what OpenSSL has to say."""
        try:
            said = self._ssl.bio_read(LONGEST_FLIGHT) if self._ssl is not None else b""
        except SSL.Error:
            return
        if said:
            self._said = said
            await self.transport._send(said)

    def _validate_peer_identity(self, remoteParameters: RTCDtlsParameters) -> None:
        self._step = "the client's certificate is not the one of the offer's a=fingerprint"
        super()._validate_peer_identity(remoteParameters)

    def _setup_srtp(self) -> None:
        self._step = "no SRTP profile is shared"
        super()._setup_srtp()
        if self._rx_srtp is not None:
            self._rx_srtp = cast(pylibsrtp.Session, CappedSession(self._rx_srtp))

    async def _handle_rtcp_data(self, data: bytes) -> None:
        try:
            await super()._handle_rtcp_data(data)
        except ConnectionError:
            raise
        except Exception as error:
            self._fault("RTCP", data, error)

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        try:
            await super()._handle_rtp_data(data, arrival_time_ms)
        except ConnectionError:
            raise
        except Exception as error:
            self._fault("RTP", data, error)

    def _fault(self, kind: str, data: bytes, error: Exception) -> None:
        # aiortc's parsers raise more than the ValueError that it expects of them, and that would end the session.
        self.faults += 1
        if self.faults <= _FAULTS_TOLD:
            log.warning("%s of %d bytes could not be handled: %r: %s", kind, len(data), error, data[:32].hex())


def let_begin(transport: RTCDtlsTransport, offered: str) -> None:
    """Let the client begin the handshake where it leaves that to us, as RFC 9725, 4.4.4 wants.

    It is ready later: it waits for our answer, and then for our answer to its connectivity check. So its hello meets
    somebody who listens, and at the end of the handshake, when the server may send, it can read, too.

    Args:
        transport: of a connection that has the offer, and no answer yet.
        offered: the offer's a=setup.
    """
    if offered == "actpass":
        transport._set_role("server")


def install() -> None:
    """Make aiortc's peer connections use these. May be called again."""
    setattr(aiortc.rtcpeerconnection, "RTCCertificate", Certificate)  # noqa: B010 - a module's class
    setattr(aiortc.rtcpeerconnection, "RTCDtlsTransport", DtlsTransport)  # noqa: B010
