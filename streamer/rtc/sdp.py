"""What WHIP and WHEP share about SDP: media types, refusals, and trickled fragments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp

from streamer.rtc.candidates import AddressRules, is_password, is_ufrag, target

OFFER_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"

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
class Fragment:
    """A trickled fragment (RFC 8840).

    Attributes:
        ufrag: the client's user fragment, if given.
        password: its password, if given.
        candidates: those that may be checked, in order, each with its mid.
        complete: whether end-of-candidates was among the lines, and no candidate was left out.
    """

    ufrag: str | None
    password: str | None
    candidates: list[RTCIceCandidate]
    complete: bool


def parse_fragment(text: str, rules: AddressRules) -> Fragment:
    """Parse an SDP fragment.

    Args:
        text: the body of a PATCH.
        rules: which addresses may be checked.

    Returns:
        What it says; see `candidates.target` for what is left out.

    Raises:
        BadSdp: 400 if a line is none of a fragment, or a candidate cannot be read.
    """
    ufrag = password = None
    mid: str | None = None
    index = -1
    complete = left_out = False
    found: list[RTCIceCandidate] = []
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise BadSdp(400, f"The fragment has more than {MAX_LINES} lines.")
    for line in lines:
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
            if not is_ufrag(value):
                raise BadSdp(400, "The a=ice-ufrag is not 4 to 256 letters, digits, + and /.")
            ufrag = value
        elif name == "ice-pwd":
            if not is_password(value):
                raise BadSdp(400, "The a=ice-pwd is not 22 to 256 letters, digits, + and /.")
            password = value
        elif name == "end-of-candidates":
            complete = True
        elif name == "candidate":
            try:
                if target(line, rules) is None:
                    left_out = True
                    continue
                candidate = candidate_from_sdp(value)
            except (ValueError, AssertionError, IndexError) as error:
                raise BadSdp(400, "A candidate in the fragment cannot be read.") from error
            candidate.sdpMid = mid
            candidate.sdpMLineIndex = None if mid is not None else max(index, 0)
            found.append(candidate)
    if not found and not left_out and not complete and ufrag is None:
        raise BadSdp(400, "The fragment holds no candidate.")
    # Checks from an address that was left out may still come, and aiortc has to wait for them.
    return Fragment(ufrag, password, found, complete and not left_out)
