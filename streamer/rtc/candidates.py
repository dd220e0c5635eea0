"""Which of a client's addresses the server sends connectivity checks to: a candidate is an order to send packets."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from streamer.settings import Settings, is_loopback

MOST_CANDIDATES = 16
"""Different addresses one client may name; each costs some seven checks of up to 600 bytes."""

_CANDIDATE = re.compile(
    r"candidate:(?P<foundation>\S{1,64}) (?P<component>\d{1,3}) (?P<transport>\S{1,16}) (?P<priority>\d{1,10}) "
    r"(?P<address>\S{1,255}) (?P<port>\d{1,5}) typ (?P<type>\S{1,16})(?: .*)?",
    re.ASCII,
)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class AddressRules:
    """Addresses that are checked besides public ones.

    Attributes:
        loopback: those of the machine itself.
        private: those of private networks (RFC 1918, RFC 4193, RFC 6598).
    """

    loopback: bool
    private: bool

    @classmethod
    def of(cls, settings: Settings) -> AddressRules:
        """Read them from the settings: a server that only this machine can reach has only clients on it."""
        return cls(loopback=is_loopback(settings.host), private=settings.private_candidates)

    def allow(self, address: str) -> bool:
        """Say whether checks may go to an address; a name is none."""
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address):
            if ip.scope_id is not None:
                return False
            ip = ip.ipv4_mapped or ip
        if ip.is_loopback:
            return self.loopback
        if ip.is_unspecified or ip.is_multicast or ip.is_link_local or ip.is_reserved:
            return False
        # 100.64.0.0/10 is neither private nor global to Python.
        return self.private or ip.is_global


def target(line: str, rules: AddressRules) -> Address | None:
    """Read a candidate (RFC 8839, 5.1).

    Args:
        line: "candidate:…", with or without "a=" before it.
        rules: which addresses may be checked.

    Returns:
        Where checks would go, or None for a candidate that is left out: TCP, RTCP alone, a name (mDNS included:
        the browser's own checks come all the same), or an address that may not be checked.

    Raises:
        ValueError: it is no candidate.
    """
    match = _CANDIDATE.fullmatch(line.strip().removeprefix("a="))
    if match is None or int(match["port"]) > 65535 or int(match["priority"]) >= 1 << 32:
        raise ValueError("no candidate")
    if match["transport"].lower() != "udp" or match["component"] != "1" or int(match["port"]) == 0:
        return None
    if match["type"] not in ("host", "srflx", "relay") or not rules.allow(match["address"]):
        return None
    return str(ipaddress.ip_address(match["address"])), int(match["port"])


def is_ufrag(text: str) -> bool:
    """Say whether a text is an ICE user fragment (RFC 8839, 5.4)."""
    return _UFRAG.fullmatch(text) is not None


def is_password(text: str) -> bool:
    """Say whether a text is an ICE password (RFC 8839, 5.4)."""
    return _PASSWORD.fullmatch(text) is not None
