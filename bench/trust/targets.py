"""What reads strangers' inputs, each fed as in a running server: offers, messages, datagrams, requests, files."""

from __future__ import annotations

import asyncio
import json
import random
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.trust import inputs, mutate
from bench.trust.application import Application
from streamer.errors import UserError
from streamer.media.inspect import inspect
from streamer.recordings.calls.journal import records
from streamer.recordings.exports.event_log import EVENTS
from streamer.recordings.exports.people import parse_names
from streamer.recordings.exports.result import read_result
from streamer.rtc import ingress, rtp_limits
from streamer.rtc.bitstream import is_keyframe, refusal
from streamer.rtc.candidates import AddressRules
from streamer.rtc.offer import PUBLISH, WATCH, Shape, checked_offer
from streamer.rtc.peer import Peer, PeerCounts
from streamer.rtc.sdp import BadSdp, parse_fragment
from streamer.settings import Settings
from streamer.transcripts.subtitle_text import labelled, subrip, webvtt
from streamer.transcripts.subtitles import Spoken, subtitles
from streamer.transcripts.words import Word

RULES = AddressRules(loopback=True, private=True)
ANSWERED_EVERY = 40
"""Of so many offers that pass one is given to aiortc, too, which takes some 30 ms."""

Feed = Callable[[random.Random], Awaitable[object]]
"""Makes an input, has it read, and returns it; raises what nobody is to raise."""


@asynccontextmanager
async def offers(shape: Shape) -> AsyncIterator[Feed]:
    """Offers of WHIP and WHEP."""
    seeds, counts = inputs.offers(shape.direction), PeerCounts()

    async def feed(source: random.Random) -> str:
        text = mutate.text(source, seeds)
        try:
            offer = checked_offer(text, shape, RULES)
            if source.randrange(ANSWERED_EVERY) == 0:
                peer = Peer(Settings(), counts)
                try:
                    await peer.answer(offer, lambda pc: None)
                finally:
                    await peer.close()
        except BadSdp as bad:
            assert bad.status < 500 and bad.reason, bad
        return text

    yield feed
    assert (counts.open, counts.close_failures) == (0, 0), counts


@asynccontextmanager
async def fragments() -> AsyncIterator[Feed]:
    """Candidates that come later."""

    async def feed(source: random.Random) -> str:
        text = mutate.text(source, [inputs.FRAGMENT])
        try:
            parse_fragment(text, RULES)
        except BadSdp as bad:
            assert bad.status < 500 and bad.reason, bad
        return text

    yield feed


@asynccontextmanager
async def sockets() -> AsyncIterator[Feed]:
    """Messages of a page's control socket, of its host, after a good hello."""
    application, seeds, count = Application(), inputs.messages(), 0

    async def feed(source: random.Random) -> list[str]:
        nonlocal count
        count += 1
        status, body = await application.request("POST", "/rooms", [], b"")
        room = json.loads(body)
        asked = json.dumps({"name": "Ann", "invite": room["host"]}).encode()
        kind = [(b"content-type", b"application/json")]
        status, body = await application.request("POST", f"/rooms/{room['room']}/join", kind, asked)
        assert status == 201, body
        joined = json.loads(body)
        mine = [seed.replace(inputs.PARTICIPANT, joined["participant"]) for seed in seeds]
        said = [
            mutate.text(source, mine) if source.random() < 0.9 else source.choice(mine) for _ in range(SOCKET_BATCH)
        ]
        await application.converse(room["room"], [json.dumps({"type": "hello", "token": joined["token"]}), *said])
        if (place := application.rooms.get(room["room"])) is not None:
            await place.close()
            application.rooms._forget(place)
        return said

    yield feed
    await application.rooms.close()


SOCKET_BATCH = 40
"""Messages of one socket: after 100 that are refused it is closed."""

PATHS: tuple[str, ...] = (
    "",
    "/join",
    "/invites",
    "/demo",
    "/whip",
    "/whep",
    "/whip/x",
    "/portrait",
    "/portraits/x",
    "/recording",
)
PATHS += (
    "/recordings",
    "/recordings/20260101-120000-room1-0123456789abcdef/x/index.html",
    "/transcript.vtt",
    "/summary.html",
)


@asynccontextmanager
async def requests() -> AsyncIterator[Feed]:
    """HTTP: methods, paths, queries, headers, bodies."""
    application = Application()
    _, body = await application.request("POST", "/rooms", [], b"")
    room = json.loads(body)
    token, at = room["host"], f"/rooms/{room['room']}"
    targets = [at + path for path in PATHS] + ["/rooms", "/", "/index.html", "/health", "/ready", "/metrics", "/../x"]
    bodies = [
        json.dumps({"name": "Ann", "invite": token}),
        json.dumps({"role": "watch"}),
        inputs.OFFER,
        inputs.FRAGMENT,
        "x",
    ]
    values = [
        "application/json",
        "application/sdp",
        "application/trickle-ice-sdpfrag",
        f"Bearer {token}",
        "http://127.0.0.1",
    ]
    values += ["*", '"abc"', "bytes=0-1", "text/html, */*;q=0.1", "ko,en;q=0.5", "gzip", "1.2.3.4, 5.6.7.8", token]
    names = ["content-type", "authorization", "origin", "if-match", "range", "accept", "accept-language", "cookie"]
    names += [
        "x-forwarded-for",
        "forwarded",
        "content-length",
        "if-none-match",
        "host",
        "access-control-request-method",
    ]

    async def feed(source: random.Random) -> object:
        method = source.choice(("GET", "POST", "POST", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD", "PUT", "BREW"))
        target = source.choice(targets)
        if source.random() < 0.5:
            # h11 lets through what is printed in ASCII.
            target = "/" + re.sub(r"[^!-~]", "", mutate.text(source, targets)).lstrip("/")
        if source.random() < 0.3:
            target += "?" + mutate.text(source, ["lang=ko&t=1", "from=0&to=10", "a[]=1&a=%00", "token=" + token])
        headers = []
        for name in source.sample(names, source.randrange(5)):
            value = mutate.text(source, values) if source.random() < 0.5 else source.choice(values)
            # What h11 lets through.
            value = re.sub(r"[\0\r\n]", "", value)
            headers.append((name.encode(), value.strip().encode("latin-1", "replace")))
        if source.random() < 0.6:
            headers.append((b"authorization", b"Bearer " + token.encode()))
        if source.random() < 0.6:
            headers.append((b"content-type", source.choice(values[:3]).encode()))
        content = mutate.text(source, bodies) if source.random() < 0.8 else source.choice(bodies)
        status, _ = await application.request(method, target, headers, content.encode("utf-8", "surrogatepass"))
        assert status < 500 or status == 503, status
        place = application.rooms.get(room["room"])
        for person in list(place.participants.values()) if place is not None else ():
            place.leave(person)
        return method, target, headers, content

    yield feed
    await application.rooms.close()


@asynccontextmanager
async def connected() -> AsyncIterator[Peer]:
    """A server's peer that is connected to a client that sends sound and pictures."""
    async with AsyncExitStack() as stack:
        client = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        peer, up = Peer(Settings(), PeerCounts()), asyncio.Event()
        stack.push_async_callback(peer.close)
        stack.push_async_callback(client.close)
        peer._on_connected = up.set
        for kind in ("audio", "video"):
            client.addTransceiver(kind, "sendonly")
        await client.setLocalDescription(await client.createOffer())
        answer = await peer.answer(checked_offer(client.localDescription.sdp, PUBLISH, RULES), rtp_limits.limit)
        await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(30):
            await up.wait()
        yield peer


@asynccontextmanager
async def datagrams() -> AsyncIterator[Feed]:
    """Datagrams of a stranger and of the client's own address, and packets as they are when decrypted."""
    async with connected() as peer:
        (link,) = ingress.connections(peer.pc)
        pair, transport = link._nominated[1], peer.pc.getReceivers()[0].transport
        kinds = [next(iter(receiver._RTCRtpReceiver__codecs)) for receiver in peer.pc.getReceivers()]  # type: ignore[attr-defined]
        outside, packets, told = inputs.datagrams(), [inputs.rtp(kind) for kind in kinds], inputs.reports()
        packets += inputs.corpus("rtp")

        async def feed(source: random.Random) -> bytes:
            way = source.randrange(4)
            data = mutate.data(source, (outside, outside, packets, told)[way])
            if way == 0:
                pair.protocol.datagram_received(data, ("127.0.0.9", source.randint(1, 65535)))
            elif way == 1 and data[:1] > b"\x3f":
                # Not DTLS: who has the client's address can end its connection by it, as by silence.
                pair.protocol.datagram_received(data, pair.remote_addr)
            elif way == 2:
                await transport._handle_rtp_data(data[:1] + bytes([source.choice(kinds)]) + data[2:], 0)
            elif way == 3:
                await transport._handle_rtcp_data(data)
            await asyncio.sleep(0)
            return data

        yield feed
        assert peer.connected, "the connection has ended"


@asynccontextmanager
async def pictures() -> AsyncIterator[Feed]:
    """Bitstreams of cameras."""
    seeds = [*inputs.corpus("h264"), b"\x9d\x01\x2a" + bytes(20), bytes(10)]

    async def feed(source: random.Random) -> bytes:
        data = mutate.data(source, seeds)
        for codec in ("H264", "VP8"):
            is_keyframe(codec, data)
            refusal(codec, data)
        return data

    yield feed


@asynccontextmanager
async def names() -> AsyncIterator[Feed]:
    """Names and words, into what is written of a call."""
    seeds = ["1=Anna, 2=Ben Smith", "3=김민수", "1=Ann --> B", "<v Ann>&amp; {\\an8}"]

    async def feed(source: random.Random) -> str:
        text = mutate.text(source, seeds)
        try:
            parse_names([text])
        except UserError:
            pass
        spoken = [Spoken(1, (Word(part or "x", 0.1 * n, 0.1 * n + 0.1),)) for n, part in enumerate(text.split()[:50])]
        webvtt(subtitles(spoken), lambda who: text)
        subrip(subtitles(labelled(spoken, lambda who: text)))
        return text

    yield feed


@asynccontextmanager
async def recordings() -> AsyncIterator[Feed]:
    """Files of recordings: journals of calls, events of results, media."""
    media, journals, logs = inputs.media_files(), [inputs.journal()], [inputs.event_log()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        async def feed(source: random.Random) -> object:
            way = source.randrange(8)
            if way < 3:
                made = mutate.data(source, journals)
                list(records(inputs.temporary(folder, ".earshot", made)))
                return made
            if way < 7:
                text = mutate.text(source, logs)
                (folder / EVENTS).write_bytes(text.encode("utf-8", "surrogatepass"))
                try:
                    read_result(folder)
                except UserError:
                    pass
                return text
            ending, good = source.choice(media)
            content = mutate.data(source, [good])
            try:
                inspect(inputs.temporary(folder, ending, content))
            except UserError:
                pass
            return content

        yield feed


TARGETS: dict[str, tuple[Callable[[], Any], int, int]] = {
    "offers to publish (WHIP)": (lambda: offers(PUBLISH), 14, 1),
    "offers to watch (WHEP)": (lambda: offers(WATCH), 10, 1),
    "candidates that come later": (fragments, 10, 1),
    "messages of the page's socket": (sockets, 20, SOCKET_BATCH),
    "HTTP requests": (requests, 14, 1),
    "STUN, DTLS, RTP, RTCP": (datagrams, 18, 1),
    "H264 and VP8": (pictures, 4, 1),
    "names": (names, 5, 1),
    "files of recordings": (recordings, 5, 1),
}
"""By name: what is fed, its share of all inputs in percent, and how many one feeding has."""
