"""Malformed and hostile SDP: always a 4xx with a reason, or an answer; never anything left behind."""

from __future__ import annotations

import asyncio
import contextlib
import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.conftest import Site, bundled, serving

EXAMPLES = 60
BARE = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"

INSERTED = st.sampled_from(
    [
        "a=candidate:1 1 udp 1 127.0.0.1 9 typ host",
        "a=candidate:1 1 udp x 127.0.0.1 y typ host",
        "a=candidate:1 1 tcp 1 ::1 0 typ relay raddr",
        "a=candidate:1 9 udp 1 example.invalid 9 typ host",
        "a=fingerprint:sha-256 00",
        "a=fingerprint:md5 zz",
        "a=setup:none",
        "a=setup:passive",
        "a=ice-ufrag:",
        "a=ice-pwd:\u00e4",
        "a=ice-lite",
        "a=group:BUNDLE 0 1 2 3",
        "a=group:BUNDLE nobody",
        "a=rtpmap:0 x",
        "a=rtpmap:96 opus/0/2",
        "a=rtpmap:96 VP8/90000",
        "a=fmtp:97 apt=97",
        "a=fmtp:1 x",
        "a=extmap:99999999999 urn:x",
        "a=ssrc:x cname:y",
        "a=ssrc-group:FID 1",
        "a=rtcp:x",
        "a=sctp-port:x",
        "m=video 0 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP6 x",
    ]
)


async def plain_offer(kind: str) -> str:
    pc = bundled()
    direction = {"whip": "sendonly", "whep": "recvonly"}[kind]
    pc.addTransceiver("audio", direction)
    pc.addTransceiver("video", direction)
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


@st.composite
def mutations(draw):
    """Steps that turn a good offer into a bad one: (what, where 0..1, text)."""
    step = st.tuples(
        st.sampled_from(["drop", "double", "insert", "swap", "cut", "text"]),
        st.floats(0, 1),
        st.one_of(INSERTED, st.text(st.characters(codec="utf-8"), max_size=40)),
    )
    return draw(st.lists(step, min_size=1, max_size=6))


def mutated(offer: str, steps) -> str:
    lines = offer.splitlines()
    for what, where, text in steps:
        if not lines:
            break
        at = min(int(where * len(lines)), len(lines) - 1)
        if what == "drop":
            del lines[at]
        elif what == "double":
            lines.insert(at, lines[at])
        elif what == "insert":
            lines.insert(at + 1, text)
        elif what == "swap":
            lines[at], lines[0] = lines[0], lines[at]
        elif what == "cut":
            lines[at] = lines[at][: len(lines[at]) // 2]
        else:
            lines[at] = lines[at][:2] + text
    return "\r\n".join(lines)


async def post(site: Site, room: dict[str, str], kind: str, body: str) -> int:
    headers = {"Authorization": f"Bearer {room['invite']}", "Content-Type": "application/sdp"}
    answer = await site.http.post(f"/rooms/{room['room']}/{kind}", content=body.encode(), headers=headers)
    if answer.status_code == 201:
        gone = await site.http.delete(answer.headers["location"], headers=headers)
        # A connection can end by itself before it is deleted: an offer may be good and lead nowhere.
        assert gone.status_code in (200, 404), gone.text
    else:
        assert 400 <= answer.status_code < 500, (answer.status_code, answer.text, body)
        assert list(answer.json()) == ["reason"]
    place = site.context.rooms.get(room["room"])
    assert place.participants == {}
    return int(answer.status_code)


def open_sockets() -> int:
    count = 0
    for fd in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    return count


def check(kind: str, bodies: st.SearchStrategy, most_answered: float) -> None:
    """Run examples against one server on one loop, so that what they leave behind would add up.

    Args:
        kind: whip or whep.
        bodies: an offer's text, or the steps that turn a good one into it.
        most_answered: share of examples that may be answered at most, or the test tests nothing.
    """
    with asyncio.Runner() as runner:
        serve = serving(max_peers=10_000)
        site = runner.run(serve.__aenter__())
        offer = runner.run(plain_offer(kind))
        room = runner.run(site.room())
        assert runner.run(post(site, room, kind, offer)) == 201
        statuses: list[int] = []

        def left() -> tuple[int, int, int]:
            counts = site.context.rooms.peers
            tasks = asyncio.all_tasks(runner.get_loop())
            return counts.open, len(tasks), open_sockets()

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        @given(bodies)
        def example(body) -> None:
            text = body if isinstance(body, str) else mutated(offer, body)
            statuses.append(runner.run(post(site, room, kind, text)))

        try:
            before = left()
            example()
            for _ in range(100):
                if all(now <= then for now, then in zip(left(), before, strict=True)):
                    break
                runner.run(asyncio.sleep(0.1))
            else:
                raise AssertionError(f"connections, tasks, sockets: {before} before, {left()} after")
            assert statuses.count(201) <= most_answered * len(statuses)
            assert site.context.rooms.peers.close_failures == 0
        finally:
            runner.run(serve.__aexit__(None, None, None))


def test_mutated_offers_to_publish():
    check("whip", mutations(), 0.8)


def test_mutated_offers_to_watch():
    check("whep", mutations(), 0.8)


def test_any_text_as_an_offer():
    check("whip", st.text(max_size=300).map(lambda text: BARE + text), 0.0)
