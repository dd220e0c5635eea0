"""Offers: what is taken, what is refused and how that is said."""

from __future__ import annotations

import re

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from streamer.rtc.candidates import MOST_CANDIDATES, AddressRules, is_password, is_ufrag, target
from streamer.rtc.offer import PUBLISH, WATCH, checked_offer, remote_addresses, served, whole_answer
from streamer.rtc.sdp import BadSdp, parse_fragment
from tests.streamer.rtc.conftest import RULES, calling

HEAD = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=setup:actpass"]
TRANSPORT = ["a=ice-ufrag:abcd", "a=ice-pwd:" + "p" * 22, "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)]
SOUND = ["m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0", "a=sendonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"]
PICTURE = ["m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=sendonly", "a=rtcp-mux", "a=rtpmap:96 VP8/90000"]
HOST = "candidate:1 1 udp 2122260223 {} {} typ host"


def offer(*parts: list[str], head: list[str] = HEAD) -> str:
    return "\r\n".join(line for part in (head, *parts) for line in part) + "\r\n"


GOOD = offer(SOUND + TRANSPORT, PICTURE + TRANSPORT)


def refused(text: str, shape=PUBLISH) -> tuple[int, str]:
    with pytest.raises(BadSdp) as caught:
        checked_offer(text, shape, RULES)
    return caught.value.status, caught.value.reason


def without(text: str, start: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(start))


def test_a_good_offer_is_taken_as_it_is() -> None:
    checked = checked_offer(GOOD, PUBLISH, RULES)
    assert sorted(checked.split()) == sorted(GOOD.split())
    assert served(checked) == checked and whole_answer(checked, checked) == checked


@pytest.mark.parametrize(
    ("start", "status", "reason"),
    [
        ("a=ice-ufrag", 400, "The offer has no a=ice-ufrag."),
        ("a=ice-pwd", 400, "The offer has no a=ice-pwd."),
        ("a=fingerprint", 400, "The offer has no a=fingerprint."),
        ("a=setup", 400, "The offer has no a=setup."),
        ("a=mid:1", 400, "The m-line 2 (video) has no a=mid."),
        ("a=rtpmap:96", 400, "The m-line with a=mid:1 has no a=rtpmap."),
        ("a=rtcp-mux", 400, "The m-line with a=mid:0 has no a=rtcp-mux."),
        ("m=", 400, "The offer has no m-line."),
    ],
)
def test_what_is_missing_is_named(start: str, status: int, reason: str) -> None:
    assert refused(without(GOOD, start)) == (status, reason)


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        (GOOD.replace("a=mid:0", "a=mid:0\r\na=mid:2"), 400, "The m-line 1 (audio) has 2 a=mid."),
        (GOOD.replace("a=mid:1", "a=mid:0"), 400, "Two m-lines have the same a=mid."),
        (GOOD.replace("ufrag:abcd", "ufrag:abc"), 400, "The a=ice-ufrag is not 4 to 256 letters, digits, + and /."),
        (
            GOOD.replace("ufrag:abcd", "ufrag:" + "a" * 40_000),
            400,
            "The a=ice-ufrag is not 4 to 256 letters, digits, + and /.",
        ),
        (GOOD.replace("p" * 22, "p" * 21), 400, "The a=ice-pwd is not 22 to 256 letters, digits, + and /."),
        (GOOD.replace("p" * 22, "pä" * 22), 400, "The a=ice-pwd is not 22 to 256 letters, digits, + and /."),
        (GOOD.replace("sha-256", "md5"), 400, "No a=fingerprint is one of sha-256, sha-384, sha-512."),
        (GOOD.replace("AB:AB", "AB"), 400, "The a=fingerprint is not a hash and its bytes as XX:XX:…."),
        (GOOD.replace("actpass", "none"), 400, "The a=setup is not actpass, active or passive."),
        (GOOD.replace("m=video", "m=vi deo"), 400, "An m-line cannot be read."),
        (GOOD + "a=candidate:1 1 udp x 192.0.2.1 9 typ host\r\n", 400, "An a=candidate cannot be read."),
        (GOOD.replace("sendonly", "recvonly"), 422, "Every m-line has to be sendonly."),
        (
            offer(SOUND + TRANSPORT, PICTURE, ["m=video 9 X 96", "a=mid:2"]),
            422,
            "The offer has more than 1 video m-lines.",
        ),
        (
            GOOD.replace("a=sendonly", "a=inactive"),
            422,
            "The offer has no sound and no picture that is sendonly, only audio, video.",
        ),
        (
            GOOD.replace("96 VP8", "96 VP9"),
            422,
            "The video is offered as VP9; the server takes VP8 or H264 (constrained baseline).",
        ),
        (
            GOOD.replace(
                "a=rtpmap:96 VP8/90000",
                "a=rtpmap:96 AV1/90000\r\na=rtpmap:97 H264/90000\r\n"
                "a=fmtp:97 profile-level-id=640032;packetization-mode=1",
            ),
            422,
            "The video is offered as AV1, H264 640032; the server takes VP8 or H264 (constrained baseline).",
        ),
        *(
            (
                GOOD.replace(
                    "a=rtpmap:96 VP8/90000",
                    f"a=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id={profile};packetization-mode=1",
                ),
                422,
                f"The video is offered as H264 {profile}; the server takes VP8 or H264 (constrained baseline).",
            )
            for profile in ("4d001f", "64001f")
        ),
        (
            GOOD.replace("opus/48000/2", "MP4A-LATM/48000/2"),
            422,
            "The audio is offered as MP4A-LATM; the server takes Opus, G722, PCMU or PCMA.",
        ),
    ],
)
def test_what_is_wrong_is_said(text: str, status: int, reason: str) -> None:
    assert refused(text) == (status, reason)


def test_what_is_not_served_is_answered_with_port_0() -> None:
    old = ["m=application 9 DTLS/SCTP 5000", "a=mid:data", "a=sctpmap:5000 webrtc-datachannel 1024"]
    new = ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=mid:3", "a=sctp-port:5000"]
    off = ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:4", "a=rtpmap:96 VP8/90000"]
    still = ["m=video 9 UDP/TLS/RTP/SAVPF 35", "a=mid:5", "a=inactive", "a=rtcp-mux", "a=rtpmap:35 AV1/90000"]
    head = [line.replace("BUNDLE 0 1", "BUNDLE data 0 1 3 5") for line in HEAD]
    checked = checked_offer(offer(old, SOUND + TRANSPORT, PICTURE, new, off, still, head=head), PUBLISH, RULES)
    assert re.findall("^m=.*|^a=group.*", checked, re.M) == [
        "a=group:BUNDLE 0 1\r",
        "m=application 0 DTLS/SCTP 5000\r",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r",
        "m=video 0 UDP/TLS/RTP/SAVPF 96\r",
        "m=video 0 UDP/TLS/RTP/SAVPF 35\r",
    ]
    assert [media.rtp.muxId for media in SessionDescription.parse(served(checked)).media] == ["0", "1"]
    answer = whole_answer(checked, served(checked))
    assert re.findall("^a=mid:(.*)\r", answer, re.M) == ["data", "0", "1", "3", "4", "5"]
    assert re.findall("^m=.*\r\nc=IN IP4 0.0.0.0\r\na=inactive", answer, re.M)


def test_a_line_that_is_refused_needs_no_name() -> None:
    old = ["m=application 9 DTLS/SCTP 5000", "a=sctpmap:5000 webrtc-datachannel 1024"]
    off = ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000"]
    head = [line.replace("BUNDLE 0 1", "BUNDLE 0") for line in HEAD]
    checked = checked_offer(offer(SOUND + TRANSPORT, off, old, head=head), PUBLISH, RULES)
    answer = whole_answer(checked, served(checked))
    assert re.findall("^m=(\\S+ \\d)", answer, re.M) == ["audio 9", "video 0", "application 0"]
    assert re.findall("^a=mid:(.*)\r", answer, re.M) == ["0"]


@pytest.mark.usefixtures("loopback")
async def test_an_inactive_line_and_a_data_channel_beside_sound_are_answered_and_it_connects() -> None:
    def added(text: str) -> str:
        picture = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:7\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
        channel = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:8\r\na=sctp-port:5000\r\n"
        return text.replace("BUNDLE 0", "BUNDLE 0 7 8") + picture + channel

    async with calling("audio", change=added) as call:
        sections = call.answer.split("m=")[1:]
        assert [section.split(" ")[0] for section in sections] == ["audio", "video", "application"]
        assert "a=recvonly" in sections[0]
        assert "a=inactive" in sections[1] and not sections[1].startswith("video 0"), "inactive, and not stopped"
        assert sections[2].startswith("application 0 ") and "a=inactive" in sections[2]
        assert "a=group:BUNDLE 0 7\r" in call.answer
        # The client knows of sound alone: what follows is for those who offered it.
        call.answer = call.answer.replace(" 7\r", "\r").split("m=video")[0]
        await call.connect()


def test_a_line_without_a_transport_shares_the_first_ones() -> None:
    only = [PICTURE[0].replace("video 9", "video 0"), *PICTURE[1:], "a=bundle-only"]
    media = SessionDescription.parse(served(checked_offer(offer(SOUND + TRANSPORT, only), PUBLISH, RULES))).media
    assert [m.ice.usernameFragment for m in media] == ["abcd", "abcd"]
    assert [len(m.dtls.fingerprints) for m in media] == [1, 1]


def test_a_direction_is_written_out() -> None:
    bare = [line for line in SOUND if line != "a=sendonly"]
    assert "a=sendrecv" in checked_offer(offer(bare + TRANSPORT), PUBLISH, RULES)
    assert "a=recvonly" in checked_offer(offer(bare + TRANSPORT, head=[*HEAD, "a=recvonly"]), WATCH, RULES)


def test_so_many_addresses_are_checked_and_no_more() -> None:
    many = [f"a={HOST.format('192.0.2.1', port)}" for port in range(1, 61)] + ["a=end-of-candidates"]
    checked = checked_offer(offer(SOUND + TRANSPORT + many, PICTURE + many), PUBLISH, RULES)
    assert remote_addresses(checked) == {("192.0.2.1", port) for port in range(1, MOST_CANDIDATES + 1)}
    assert "end-of-candidates" not in checked, "checks from those left out may come"
    few = [*many[:3], "a=end-of-candidates"]
    checked = checked_offer(offer(SOUND + TRANSPORT + few, PICTURE + few), PUBLISH, RULES)
    assert len(remote_addresses(checked)) == 3 and checked.count("end-of-candidates") == 2


@pytest.mark.parametrize(
    ("address", "loopback", "private", "allowed"),
    [
        ("198.51.100.7", False, True, True),
        ("8.8.8.8", False, False, True),
        ("2606:4700::1", False, False, True),
        ("10.1.2.3", False, True, True),
        ("10.1.2.3", False, False, False),
        ("192.168.0.1", False, False, False),
        ("100.64.0.1", False, False, False),
        ("fd00::1", False, True, True),
        ("fd00::1", False, False, False),
        ("127.0.0.1", False, True, False),
        ("127.0.0.1", True, False, True),
        ("::1", False, True, False),
        ("::ffff:127.0.0.1", False, True, False),
        ("::ffff:169.254.169.254", False, True, False),
        ("169.254.169.254", True, True, False),
        ("fe80::1", True, True, False),
        ("fe80::1%eth0", True, True, False),
        ("224.0.0.251", True, True, False),
        ("ff02::fb", True, True, False),
        ("255.255.255.255", True, True, False),
        ("0.0.0.0", True, True, False),
        ("::", True, True, False),
        ("example.org", True, True, False),
        ("1b4e28ba-2fa1.local", True, True, False),
    ],
)
def test_where_checks_may_go(address: str, loopback: bool, private: bool, allowed: bool) -> None:
    rules = AddressRules(loopback, private)
    assert (target(HOST.format(address, 9), rules) is not None) is allowed
    line = f"a={HOST.format(address, 9)}"
    body = f"a=ice-ufrag:abcd\r\na=mid:0\r\n{line}\r\na=end-of-candidates\r\n"
    fragment = parse_fragment(body, rules)
    assert (len(fragment.candidates), fragment.complete) == (int(allowed), allowed)
    assert ("candidate" in checked_offer(offer([*SOUND, *TRANSPORT, line]), PUBLISH, rules)) is allowed


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("candidate:1 1 UDP 1 192.0.2.1 9 typ srflx raddr 10.0.0.1 rport 9 generation 0", ("192.0.2.1", 9)),
        ("candidate:1 1 udp 1 2001:DB8::1 9 typ relay", ("2001:db8::1", 9)),
        ("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active", None),
        ("candidate:1 2 udp 1 192.0.2.1 9 typ host", None),
        ("candidate:1 1 udp 1 192.0.2.1 0 typ host", None),
        ("candidate:1 1 udp 1 192.0.2.1 9 typ prflx", None),
    ],
)
def test_candidates_that_are_left_out(line: str, wanted: tuple[str, int] | None) -> None:
    assert target(line, RULES) == wanted


@given(st.text(max_size=80))
def test_any_text_as_a_candidate_is_read_or_refused(text: str) -> None:
    try:
        address = target("candidate:" + text, RULES)
    except ValueError:
        return
    assert address is None or 0 < address[1] <= 65535


@given(st.text(max_size=300))
def test_only_the_grammars_characters_pass(text: str) -> None:
    plain = all(c.isascii() and (c.isalnum() or c in "+/") for c in text)
    assert is_ufrag(text) is (plain and 4 <= len(text) <= 256)
    assert is_password(text) is (plain and 22 <= len(text) <= 256)
