"""An offer before aiortc sees it: checked against the grammar, and cut down to what can be served.

aiortc knows neither a refused m-line nor one that it has no codec for, and takes an address, a name and a length as
they come. `checked_offer` marks what is refused with port 0 (RFC 8829, 5.3.1), `served` leaves that out for aiortc,
and `whole_answer` puts it back into aiortc's answer: an answer has as many m-lines as its offer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aiortc.codecs import CODECS, is_rtx
from aiortc.rtcpeerconnection import find_common_codecs
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import SessionDescription

from streamer.rtc.candidates import MOST_CANDIDATES, Address, AddressRules, is_password, is_ufrag, target
from streamer.rtc.sdp import MAX_LINES, BadSdp

MAX_SECTIONS = 32
MAX_CODECS = 128
"""Codecs in an m-line: there are no more payload types, and aiortc goes through all of them for each line."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
TAKEN = {"audio": "Opus, G722, PCMU or PCMA", "video": "VP8 or H264 (constrained baseline)"}

_M_LINE = re.compile(r"m=(?P<kind>[a-z]{1,16}) (?P<port>\d{1,5})(?:/\d+)? (?P<protocol>[A-Z/]{1,32}) (?P<formats>\S.*)")
_MID = re.compile(r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,32}")
_FINGERPRINT = re.compile(r"(\S+) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*)")
_HASH_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}


def _is_fingerprint(value: str) -> bool:
    match = _FINGERPRINT.fullmatch(value)
    if match is None:
        return False
    wanted = _HASH_BYTES.get(match[1].lower())
    return wanted is None or len(match[2]) == 3 * wanted - 1


_TRANSPORT: dict[str, tuple[Callable[[str], bool], str]] = {
    "ice-ufrag": (is_ufrag, "4 to 256 letters, digits, + and /"),
    "ice-pwd": (is_password, "22 to 256 letters, digits, + and /"),
    "fingerprint": (_is_fingerprint, "a hash and its bytes as XX:XX:…"),
    "setup": (("actpass", "active", "passive").__contains__, "actpass, active or passive"),
}
"""What a transport needs, how it is told, and in which form (RFC 8839, RFC 8122, RFC 4145)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many m-lines of each kind an offer may have, and which way they go."""

    audio: int
    video: int
    direction: str


PUBLISH = Shape(audio=1, video=1, direction="sendonly")
WATCH = Shape(audio=1, video=9, direction="recvonly")
"""Everybody who can take part, and a screen."""


@dataclass(slots=True)
class Section:
    """An m-line and what belongs to it.

    Attributes:
        kind: "audio", "video", "application", …
        protocol: for instance "UDP/TLS/RTP/SAVPF".
        formats: payload types or others.
        refused: whether the answer gives it port 0.
        lines: its other lines.
    """

    kind: str
    protocol: str
    formats: str
    refused: bool
    lines: list[str] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values of an attribute."""
        return [line[len(name) + 3 :].strip() for line in self.lines if line.startswith(f"a={name}:")]

    @property
    def mid(self) -> str:
        """Its name; of a refused one perhaps none."""
        return next(iter(self.values("mid")), "")

    @property
    def direction(self) -> str:
        """Which way it goes, as the client sees it."""
        return next((line[2:] for line in self.lines if line[2:] in DIRECTIONS), "sendrecv")

    def text(self) -> list[str]:
        """Return its lines; of a refused one the outline."""
        if self.refused:
            refusal = [f"m={self.kind} 0 {self.protocol} {self.formats}", "c=IN IP4 0.0.0.0", "a=inactive"]
            return [*refusal, *(f"a=mid:{mid}" for mid in self.values("mid"))]
        return [f"m={self.kind} 9 {self.protocol} {self.formats}", *self.lines]


def checked_offer(text: str, shape: Shape, rules: AddressRules) -> str:
    """Check an offer, so that a hostile one costs nothing before it is refused, and write it plainly.

    Args:
        text: the body of the request.
        shape: what the endpoint takes.
        rules: which addresses may be checked.

    Returns:
        The offer with CRLF line ends: what is refused has port 0, every other m-line names its direction and its
        transport, and the candidates are those that may be checked.

    Raises:
        BadSdp: with the reason.
    """
    if text.partition("\n")[0].strip() != "v=0":
        raise BadSdp(400, "The body is not an SDP offer: it does not begin with v=0.")
    session, sections = _split(text)
    for number, section in enumerate(sections, 1):
        _check_mid(number, section)
    mids = [section.mid for section in sections if section.mid]
    if len(set(mids)) != len(mids):
        raise BadSdp(400, "Two m-lines have the same a=mid.")
    _check_shape(sections, session, shape)
    usable = [section for section in sections if not section.refused]
    _share_transport(session, usable)
    _filter_candidates(usable, rules)
    _check_codecs(session, usable)
    return _joined(_bundled(session, [section.mid for section in sections if not section.refused]), sections)


def served(offer: str) -> str:
    """Leave out what is refused.

    Args:
        offer: from `checked_offer`.

    Returns:
        The offer for aiortc.
    """
    session, sections = _split(offer)
    return _joined(session, [section for section in sections if not section.refused])


def whole_answer(offer: str, answer: str) -> str:
    """Put what is refused back into an answer.

    Args:
        offer: from `checked_offer`.
        answer: aiortc's, to `served(offer)`.

    Returns:
        An answer with the m-lines of the offer.
    """
    session, answered = _split(answer)
    left = iter(answered)
    return _joined(session, [section if section.refused else next(left) for section in _split(offer)[1]])


def remote_addresses(offer: str) -> set[Address]:
    """Return the addresses that an offer from `checked_offer` names, which are all to be checked."""
    fields = [line.split() for line in offer.splitlines() if line.startswith("a=candidate:")]
    return {(address, int(port)) for _, _, _, _, address, port, *_ in fields}


def first_ufrag(offer: str) -> str | None:
    """Find the first ICE user fragment in an offer."""
    match = re.search(r"^a=ice-ufrag:(\S+)", offer, re.MULTILINE)
    return match.group(1) if match else None


def offered_setup(offer: str) -> str:
    """Return the a=setup of an offer from `checked_offer`: "actpass", "active" or "passive" (RFC 8842, 4)."""
    match = re.search(r"^a=setup:(\S+)", offer, re.MULTILINE)
    return match.group(1) if match else ""


def _split(text: str) -> tuple[list[str], list[Section]]:
    """Cut a description into its session's lines and its m-lines with theirs."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise BadSdp(400, f"The offer has more than {MAX_LINES} lines.")
    session: list[str] = []
    sections: list[Section] = []
    for line in lines:
        if not line.startswith("m="):
            (sections[-1].lines if sections else session).append(line)
            continue
        match = _M_LINE.fullmatch(line)
        if match is None:
            raise BadSdp(400, "An m-line cannot be read.")
        sections.append(Section(match["kind"], match["protocol"], match["formats"], int(match["port"]) == 0))
    if not sections:
        raise BadSdp(400, "The offer has no m-line.")
    if len(sections) > MAX_SECTIONS:
        raise BadSdp(400, f"The offer has more than {MAX_SECTIONS} m-lines.")
    for section in sections:
        # Port 0 is also how an m-line says that it has no transport of its own (RFC 9143, 6).
        section.refused = section.refused and "a=bundle-only" not in section.lines
        section.refused = section.refused or section.kind not in TAKEN
    return session, sections


def _joined(session: list[str], sections: Sequence[Section]) -> str:
    lines = [*session, *(line for section in sections for line in section.text())]
    return "\r\n".join(lines) + "\r\n"


def _check_mid(number: int, section: Section) -> None:
    mids = section.values("mid")
    which = f"m-line {number} ({section.kind})"
    if not mids:
        if section.refused:
            return
        raise BadSdp(400, f"The {which} has no a=mid.")
    if len(mids) > 1:
        raise BadSdp(400, f"The {which} has {len(mids)} a=mid.")
    if not _MID.fullmatch(mids[0]):
        raise BadSdp(400, f"The a=mid of the {which} is not a token of up to 32 characters.")


def _check_shape(sections: list[Section], session: list[str], shape: Shape) -> None:
    default = next((line for line in session if line[2:] in DIRECTIONS), "a=sendrecv")
    for section in sections:
        directions = [line for line in section.lines if line[2:] in DIRECTIONS]
        if len(directions) > 1:
            raise BadSdp(400, f"The m-line with a=mid:{section.mid} has more than one direction.")
        if not directions:
            section.lines.append(default)
    active = [section for section in sections if not section.refused and section.direction != "inactive"]
    if not active:
        offered = ", ".join(sorted({section.kind for section in sections}))
        raise BadSdp(422, f"The offer has no sound and no picture that is {shape.direction}, only {offered}.")
    if any(section.direction not in (shape.direction, "sendrecv") for section in active):
        raise BadSdp(422, f"Every m-line has to be {shape.direction}.")
    for kind, most in (("audio", shape.audio), ("video", shape.video)):
        if sum(section.kind == kind for section in active) > most:
            raise BadSdp(422, f"The offer has more than {most} {kind} m-lines.")


def _share_transport(session: list[str], sections: list[Section]) -> None:
    """Check what the transport needs; an m-line without it shares that of the first with it (RFC 9143, 7.1.3)."""
    head = Section("", "", "", False, session)
    for name, (is_good, form) in _TRANSPORT.items():
        own = [section.values(name) for section in (head, *sections)]
        shared = next((values for values in own if values), None)
        if shared is None:
            raise BadSdp(400, f"The offer has no a={name}.")
        if not all(is_good(value) for values in own for value in values):
            raise BadSdp(400, f"The a={name} is not {form}.")
        for section in sections:
            if not section.values(name) and not head.values(name):
                section.lines += [f"a={name}:{value}" for value in shared]
    for section in sections:
        if "a=rtcp-mux" not in section.lines:
            raise BadSdp(400, f"The m-line with a=mid:{section.mid} has no a=rtcp-mux.")
        fingerprints = head.values("fingerprint") + section.values("fingerprint")
        if not any(value.split()[0].lower() in _HASH_BYTES for value in fingerprints):
            raise BadSdp(400, f"No a=fingerprint is one of {', '.join(_HASH_BYTES)}.")


def _filter_candidates(sections: list[Section], rules: AddressRules) -> None:
    found: set[Address] = set()
    left_out = False
    for section in sections:
        kept = []
        for line in section.lines:
            if line.startswith("a=candidate:"):
                try:
                    address = target(line, rules)
                except ValueError as error:
                    raise BadSdp(400, "An a=candidate cannot be read.") from error
                if address is None or (address not in found and len(found) >= MOST_CANDIDATES):
                    left_out = True
                    continue
                found.add(address)
            kept.append(line)
        section.lines = kept
    if left_out:
        # The client's own checks reach us all the same; after end-of-candidates aiortc would not wait for them.
        for section in sections:
            section.lines = [line for line in section.lines if line != "a=end-of-candidates"]


def _check_codecs(session: list[str], sections: list[Section]) -> None:
    """Refuse what no codec is shared for: an inactive m-line by port 0, an offer whose sound or picture it is."""
    if any(len(section.values("rtpmap")) > MAX_CODECS for section in sections):
        raise BadSdp(400, f"An m-line has more than {MAX_CODECS} codecs.")
    try:
        described = SessionDescription.parse(_joined(session, sections)).media
    except Exception as error:
        # aiortc parses without a grammar: whatever it raises here, the offer was the cause.
        raise BadSdp(400, "The SDP offer is malformed.") from error
    for section, media in zip(sections, described, strict=True):
        offered = [codec for codec in media.rtp.codecs if not is_rtx(codec)]
        if any(not is_rtx(codec) for codec in find_common_codecs(CODECS[section.kind], offered)):
            continue
        if section.direction == "inactive":
            section.refused = True
            continue
        if not offered:
            raise BadSdp(400, f"The m-line with a=mid:{section.mid} has no a=rtpmap.")
        names = ", ".join(dict.fromkeys(_codec_name(codec) for codec in offered))
        raise BadSdp(422, f"The {section.kind} is offered as {names}; the server takes {TAKEN[section.kind]}.")


def _codec_name(codec: RTCRtpCodecParameters) -> str:
    profile = codec.parameters.get("profile-level-id") if codec.name.upper() == "H264" else None
    return f"{codec.name[:32]} {str(profile)[:8]}" if profile else codec.name[:32]


def _bundled(session: list[str], mids: list[str]) -> list[str]:
    """Write the session's lines without what is refused: the first of a BUNDLE group has to be served."""
    lines = []
    for line in session:
        if line.startswith("a=candidate:"):
            # It belongs to an m-line: here nobody reads it.
            continue
        if line.startswith("a=group:BUNDLE"):
            members = [mid for mid in line.split()[1:] if mid in mids]
            if not members:
                continue
            line = " ".join(["a=group:BUNDLE", *members])
        lines.append(line)
    return lines
