"""What WHIP and WHEP share about SDP: limits before aiortc sees an offer, and trickled fragments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

OFFER_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"

MAX_CANDIDATES = 64
MAX_LINES = 2000


class BadSdp(Exception):
    """The client's SDP cannot be used.

    Attributes:
        status: 400 for what is no SDP, 422 for what is not offered here, 503 for what may work later.
        reason: one sentence for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Shape:
    """How many m-lines of each kind an offer may have."""

    audio: int
    video: int
    direction: str


PUBLISH = Shape(audio=1, video=1, direction="sendonly")
WATCH = Shape(audio=1, video=8, direction="recvonly")


def checked_offer(text: str, shape: Shape) -> str:
    """Check an offer's outline, so that a hostile one costs nothing before it is refused.

    Args:
        text: the body of the request.
        shape: what the endpoint takes.

    Returns:
        The offer with CRLF line ends, without mDNS candidates.

    Raises:
        BadSdp: with the reason.
    """
    lines = text.splitlines()
    if not lines or lines[0].strip() != "v=0":
        raise BadSdp(400, "The body is not an SDP offer: it does not begin with v=0.")
    if len(lines) > MAX_LINES:
        raise BadSdp(400, f"The offer has more than {MAX_LINES} lines.")
    kinds = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    if not kinds:
        raise BadSdp(400, "The offer has no m-line.")
    if strange := set(kinds) - {"audio", "video"}:
        raise BadSdp(422, f"The offer asks for {', '.join(sorted(strange))}; only audio and video are offered.")
    for kind, most in (("audio", shape.audio), ("video", shape.video)):
        if kinds.count(kind) > most:
            raise BadSdp(422, f"The offer has more than {most} {kind} m-lines.")
    mids = [line[6:].strip() for line in lines if line.startswith("a=mid:")]
    if len(set(mids)) != len(kinds) or len(mids) != len(kinds):
        raise BadSdp(400, "Every m-line needs an a=mid of its own.")
    wrong = {"sendonly": "a=recvonly", "recvonly": "a=sendonly"}[shape.direction]
    if any(line.strip() in (wrong, "a=inactive") for line in lines):
        raise BadSdp(422, f"Every m-line has to be {shape.direction}.")
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    if len(candidates) > MAX_CANDIDATES:
        raise BadSdp(400, f"The offer has more than {MAX_CANDIDATES} candidates.")
    if any(is_mdns(line) for line in candidates):
        # aiortc would ask the local network for the name and wait a second. The browser's own checks
        # reach us all the same; end-of-candidates has to go too, or no check is waited for.
        lines = [line for line in lines if not is_mdns(line) and line.strip() != "a=end-of-candidates"]
    return "\r\n".join(lines) + "\r\n"


def is_mdns(line: str) -> bool:
    """Say whether a line is a candidate with a name in place of an address."""
    fields = line.split()
    return "candidate:" in line and len(fields) > 4 and fields[4].lower().endswith(".local")


def candidate_count(text: str) -> int:
    """Count the candidates an offer brings."""
    return sum(line.startswith("a=candidate:") for line in text.splitlines())


@dataclass(frozen=True, slots=True)
class Fragment:
    """A trickled fragment (RFC 8840).

    Attributes:
        ufrag: the client's user fragment, if given.
        password: its password, if given.
        candidates: in order, each with its mid.
        complete: whether end-of-candidates was among the lines.
    """

    ufrag: str | None
    password: str | None
    candidates: list[RTCIceCandidate]
    complete: bool


def parse_fragment(text: str) -> Fragment:
    """Parse an SDP fragment.

    Args:
        text: the body of a PATCH.

    Returns:
        What it says; candidates with mDNS names are left out.

    Raises:
        BadSdp: 400 if a line is none of a fragment, or a candidate cannot be read.
    """
    ufrag = password = None
    mid: str | None = None
    index = -1
    complete = False
    found: list[RTCIceCandidate] = []
    for line in text.splitlines():
        line = line.strip()
        if not line:
            continue
        if not re.match(r"^[a-z]=", line):
            raise BadSdp(400, "The body is not an SDP fragment.")
        name, _, value = line[2:].partition(":")
        if line.startswith("m="):
            mid, index = None, index + 1
        elif not line.startswith("a="):
            continue
        elif name == "mid":
            mid = value
        elif name == "ice-ufrag":
            ufrag = value
        elif name == "ice-pwd":
            password = value
        elif name == "end-of-candidates":
            complete = True
        elif name == "candidate":
            if len(found) >= MAX_CANDIDATES:
                raise BadSdp(400, f"The fragment has more than {MAX_CANDIDATES} candidates.")
            if is_mdns(line):
                continue
            try:
                candidate = candidate_from_sdp(value)
            except (ValueError, AssertionError, IndexError) as error:
                raise BadSdp(400, "A candidate in the fragment cannot be read.") from error
            candidate.sdpMid = mid
            candidate.sdpMLineIndex = None if mid is not None else max(index, 0)
            found.append(candidate)
    if not found and not complete and ufrag is None:
        raise BadSdp(400, "The fragment holds no candidate.")
    return Fragment(ufrag, password, found, complete)


def first_ufrag(sdp: str) -> str | None:
    """Find the first ICE user fragment in an SDP."""
    match = re.search(r"^a=ice-ufrag:(\S+)", sdp, re.MULTILINE)
    return match.group(1) if match else None
