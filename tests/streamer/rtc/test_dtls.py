"""DTLS and SRTP: what a client can make of its own connection, and which clients get one at all."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import re

import aiortc.rtcpeerconnection
import pylibsrtp
import pytest
from aiortc import RTCCertificate, RTCSessionDescription
from aiortc.rtp import RtpPacket
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from streamer.rtc.dtls import MOST_REPEATS, MOST_SSRCS, RTCP_AT_ONCE, RTCP_EACH, CappedSession
from tests.streamer.rtc.conftest import Call, calling, until

pytestmark = pytest.mark.usefixtures("loopback")


async def test_the_answer_has_one_fingerprint_and_it_is_sha_256() -> None:
    async with calling("audio", "video") as call:
        found = re.findall(r"^a=fingerprint:(\S+) (\S+)", call.answer, re.MULTILINE)
        assert [algorithm for algorithm, _ in found] == ["sha-256", "sha-256"]
        assert {len(value) for _, value in found} == {95}
        await call.connect()


@pytest.mark.parametrize(("offered", "role"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
async def test_the_client_begins_the_handshake_unless_it_wants_to_wait(offered: str, role: str) -> None:
    """It is ready later, having to wait for the answer: our hello would meet nobody (RFC 9725, 4.4.4)."""
    async with calling("audio", "video", change=lambda offer: offer.replace("actpass", offered)) as call:
        assert re.findall(r"^a=setup:(\S+)", call.answer, re.M) == [role, role]
        await call.connect()


def renumbered(datagram: bytes, by: int) -> bytes:
    """Move the numbers of a datagram's DTLS 1.2 records that are in the clear (RFC 6347, 4.1)."""
    out, at = bytearray(datagram), 0
    while at < len(out):
        if out[at + 3 : at + 5] == b"\0\0":
            out[at + 10] += by
        at += 13 + int.from_bytes(out[at + 11 : at + 13])
    return bytes(out)


class Handshake:
    """What both sides of a call say by DTLS; the server's first words are lost, and the client says hello again.

    Browsers do that after 50 ms; OpenSSL, which the client is here, takes a second.

    Args:
        call: not connected yet.
        again: how often, one after the other.
    """

    def __init__(self, call: Call, again: int) -> None:
        self.client: list[bytes] = []
        self.server: list[bytes] = []
        transports = call.client.getSenders()[0].transport, call.peer.pc.getReceivers()[0].transport
        ours, theirs = (transport.transport._send for transport in transports)

        async def say(data: bytes) -> None:
            self.client.append(data)
            await ours(data if len(self.client) == 1 else renumbered(data, again))

        async def answer(data: bytes) -> None:
            self.server.append(data)
            if len(self.server) > again:
                await theirs(data)
            elif len(self.server) == 1:
                for number in range(1, again + 1):
                    await ours(renumbered(self.client[0], number))

        for transport, through in zip(transports, (say, answer), strict=True):
            transport.transport._send = through


@pytest.mark.parametrize("lost", [1, MOST_REPEATS])
async def test_what_is_lost_of_the_handshake_comes_again_when_the_client_asks(lost: int) -> None:
    async with calling() as call:
        said = Handshake(call, lost)
        await call.connect()
        assert len(set(said.server[: lost + 1])) == 1, "the same words, once for each hello"
        assert len(said.server) == lost + 2, "and then what ends the handshake"
        assert len(said.client) == 2, "without waiting for a timer"


async def test_a_client_that_says_nothing_but_hello_is_answered_so_often() -> None:
    async with calling() as call:
        said = Handshake(call, 5 * MOST_REPEATS)
        await call.client.setRemoteDescription(RTCSessionDescription(call.answer, "answer"))
        await until(lambda: len(said.server) > MOST_REPEATS)
        await until(call.link._queue.empty)
        assert len(said.server) < 2 * MOST_REPEATS


class RsaCertificate(RTCCertificate):
    """What GStreamer and older clients show: RSA, and no suites but for it."""

    @classmethod
    def generateCertificate(cls) -> RsaCertificate:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "client")])
        now = datetime.datetime.now(tz=datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        return cls(key, builder.not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256()))

    def _create_ssl_context(self, srtp_profiles) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA")
        return context


async def test_a_client_with_an_rsa_certificate_gets_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamer.rtc import dtls

    async def connected() -> str:
        # The client is the DTLS server, whose certificate decides.
        async with calling(change=lambda offer: offer.replace("a=setup:actpass", "a=setup:passive")) as call:
            assert "a=setup:active" in call.answer
            await call.connect()
            return str(call.peer.pc.connectionState)

    own = dtls.install

    def client_has_rsa() -> None:
        # The peer is made first and the client after it, so each has its own kind.
        own()
        monkeypatch.setattr("tests.streamer.rtc.conftest.client_connection", with_rsa)

    from tests.streamer.rtc import conftest

    plain = conftest.client_connection

    def with_rsa():
        with monkeypatch.context() as patch:
            patch.setattr(aiortc.rtcpeerconnection, "RTCCertificate", RsaCertificate)
            return plain()

    monkeypatch.setattr(dtls, "install", client_has_rsa)
    assert await connected() == "connected"


async def test_a_wrong_fingerprint_is_told_as_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    def forged(offer: str) -> str:
        return re.sub(r"(a=fingerprint:sha-256) .*", r"\1 " + ":".join(["00"] * 32), offer)

    async with calling(change=forged) as call:
        with pytest.raises(TimeoutError):
            await call.connect(1.0)
        reason = call.peer._counts.endings.reason(call.peer.id)
        assert reason == "the client's certificate is not the one of the offer's a=fingerprint"
        assert [record for record in caplog.messages if reason in record] == [f"a connection ended: {reason}"]


async def test_a_packet_that_cannot_be_parsed_is_dropped_and_the_session_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with calling("audio", "video") as call:
        await call.connect()
        sending = call.client.getSenders()[0].transport
        receiving = call.peer.pc.getReceivers()[0].transport
        # abs-send-time of two bytes, and a REMB that counts more sources than it has: struct.error in aiortc.
        packet = bytearray(RtpPacket(payload_type=96, ssrc=7, payload=b"x" * 8).serialize())
        extensions = {int(number) for number in re.findall(r"^a=extmap:(\d+) .*abs-send-time", call.offer, re.M)}
        packet[0] |= 0x10
        extended = bytes(packet[:12]) + b"\xbe\xde\0\1" + bytes([extensions.pop() << 4 | 1, 0, 0, 0]) + packet[12:]
        remb = bytes.fromhex("8fce0005000000010000000052454d42ff000000" + "00000001")
        for number in range(5):
            await sending._send_rtp(extended[:3] + bytes([number]) + extended[4:])
            await sending._send_rtp(remb)
        await until(lambda: receiving.faults == 10)
        assert call.peer.connected
        assert len([message for message in caplog.messages if "could not be handled" in message]) == 3


class Session:
    """Decrypts everything but what ends with "forged"."""

    def unprotect(self, packet: bytes) -> bytes:
        if packet.endswith(b"forged"):
            raise pylibsrtp.Error(7)
        return packet

    unprotect_rtcp = unprotect


def test_packets_of_many_sources_are_refused_and_forged_ones_do_not_count() -> None:
    session = CappedSession(Session())  # type: ignore[arg-type]
    for ssrc in range(10_000):
        with pytest.raises(pylibsrtp.Error):
            session.unprotect(bytes(8) + ssrc.to_bytes(4, "big") + b"forged")
    for ssrc in range(MOST_SSRCS // 2):
        session.unprotect(bytes(8) + ssrc.to_bytes(4, "big"))
        session.unprotect_rtcp(bytes(4) + (ssrc + 100).to_bytes(4, "big"))
    for _ in range(3):
        with pytest.raises(pylibsrtp.Error):
            session.unprotect(bytes(8) + (5000).to_bytes(4, "big"))
    assert session.refused == 3
    assert session.unprotect(bytes(12)) == bytes(12)


def test_so_much_rtcp_is_taken_and_no_more() -> None:
    now = [0.0]
    session = CappedSession(Session(), lambda: now[0])  # type: ignore[arg-type]
    request, taken = bytes(38), 0
    for _ in range(100_000):
        with contextlib.suppress(pylibsrtp.Error):
            session.unprotect_rtcp(request)
            taken += 1
    assert taken == RTCP_AT_ONCE // (len(request) + RTCP_EACH)
    assert session.refused == 100_000 - taken
    assert session.unprotect(bytes(1200)), "media is not held up by it"
    now[0] += 1.0
    # A full second of long reports, as seven pictures with losses need them.
    for _ in range(66):
        session.unprotect_rtcp(bytes(1300))


async def test_many_sources_of_a_client_cost_one_report_and_closing_takes_no_time() -> None:
    async with calling("audio", "video") as call:
        await call.connect()
        sending = call.client.getSenders()[0].transport
        receiver = call.peer.pc.getReceivers()[0]
        payload_type = int(re.findall(r"^m=audio \d+ \S+ (\d+)", call.offer, re.M)[0])
        await until(lambda: receiver._RTCRtpReceiver__decoder_thread is not None)
        for ssrc in range(1, 400):
            await sending._send_rtp(RtpPacket(payload_type=payload_type, ssrc=ssrc, payload=b"x").serialize())
            if ssrc % 50 == 0:
                await asyncio.sleep(0.01)
        streams = receiver._RTCRtpReceiver__remote_streams
        await until(lambda: receiver.transport._rx_srtp.refused > 200)
        assert len(streams) <= MOST_SSRCS
        assert len(receiver.transport._rtp_router.ssrc_table) <= MOST_SSRCS + 2
        async with asyncio.timeout(2):
            await call.peer.close()
        assert call.peer._counts.close_failures == 0


async def test_a_packet_longer_than_any_ends_nothing() -> None:
    """From the client's own address, which anybody can write into a datagram."""
    async with calling() as call:
        await call.connect()
        pair = call.link._nominated[1]
        (session,) = {receiver.transport._rx_srtp for receiver in call.peer.pc.getReceivers()}
        for kind in (b"\x80\x6f", b"\x80\xc8"):
            pair.protocol.datagram_received(kind + bytes(1998), pair.remote_addr)
        await until(lambda: session.refused == 2)
        assert call.peer.connected
