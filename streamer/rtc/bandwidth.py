"""What the ways to the viewers carry, told to the publisher.

There is one picture for all, and only who sends it can make it smaller. A publisher is told the least of its viewers'
shares. Two rules keep one bad phone from spoiling it for all: of every four viewers the slowest is not asked (it loses
packets, and gets key frames when it asks), and no share counts as less than a picture that can still be followed. With
three viewers or fewer each one counts: a call in which one sees nothing is worse than one in which all see less.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from aiortc import RTCRtpReceiver, RTCRtpSender
from aiortc.rtp import RTCP_PSFB_APP, AnyRtcpPacket, RtcpPsfbPacket, pack_remb_fci, unpack_remb_fci

LEAST = 150_000
"""Bits a second that a publisher is never asked to stay below: a small face, ten times a second."""

MOST = 8_000_000
"""Bits a second that a publisher is told where no viewer says less."""

SPARED = 4
"""Of so many viewers the slowest is not asked."""

INTERVAL = 1.0
"""Least seconds between two messages to a publisher, and between two looks at one viewer's."""

ENOUGH = 500_000
"""Bits a second that a picture is left in any case, however small it is shown: the models look at it, too."""

BITS_A_POINT = 3.0
"""Bits a second that a picture gets for each square of its width: 1.2 Mbit/s at 640 points."""

STALE = 10.0
"""Seconds after which a viewer's word counts no more; browsers give theirs every second."""


class Demand:
    """Collects the viewers' shares of one publisher, and says when to tell it what."""

    def __init__(self) -> None:
        self._shares: dict[object, tuple[float, float]] = {}
        self._limited = False
        self._told_at = float("-inf")

    def note(self, viewer: object, share: float, now: float) -> None:
        """Take a viewer's word.

        Args:
            viewer: who; their last word counts.
            share: bits a second that their way carries of this publisher.
            now: seconds on any steady clock.
        """
        self._shares[viewer] = share, now

    def forget(self, viewer: object) -> None:
        """Ask a viewer no more."""
        self._shares.pop(viewer, None)

    def step(self, now: float, wanted: int = MOST) -> int | None:
        """Say what to tell the publisher.

        Args:
            now: seconds on any steady clock.
            wanted: bits a second that the largest place where the picture is shown has use for.

        Returns:
            Bits a second; None for nothing new, or not so soon.
        """
        if now - self._told_at < INTERVAL:
            return None
        self._shares = {who: said for who, said in self._shares.items() if now - said[1] < STALE}
        shares = sorted(share for share, _ in self._shares.values())
        if not shares and not self._limited and wanted >= MOST:
            return None
        # What was limited is set free once; a limit is told again and again, for RTCP gets lost.
        self._limited = bool(shares) or wanted < MOST
        self._told_at = now
        carried = max(shares[len(shares) // SPARED], LEAST) if shares else MOST
        return round(min(carried, wanted, MOST))


def bits_for(width: int) -> int:
    """Return the bits a second that a picture has use for where it is shown.

    Args:
        width: of its place, points of the screen.
    """
    return round(min(max(BITS_A_POINT * width * width, ENOUGH), MOST))


T = TypeVar("T")


class Shares(Generic[T]):
    """Divides what the way to one viewer carries among the pictures they are sent."""

    def __init__(self) -> None:
        self._before: dict[T, int] = {}
        self._at = float("-inf")

    def step(self, total: float, octets: dict[T, int], now: float) -> dict[T, float]:
        """Take the viewer's estimate.

        A picture's share is what it has of the traffic now, or an equal part if that is more: so a picture at rest
        may begin to move, and one that needs much is not cut while there is room.

        Args:
            total: bits a second.
            octets: sent of each picture that is on, since it was made.
            now: seconds on any steady clock.

        Returns:
            Bits a second of each picture; empty if the last estimate was just now.
        """
        if now - self._at < INTERVAL or not octets:
            return {}
        sent = {picture: count - self._before.get(picture, count) for picture, count in octets.items()}
        self._before, self._at = dict(octets), now
        whole = sum(sent.values())
        return {
            picture: max(total / len(octets), total * count / whole if whole else 0.0)
            for picture, count in sent.items()
        }


def on_estimate(sender: RTCRtpSender, callback: Callable[[int], None]) -> None:
    """Call back with each bandwidth estimate (REMB, bits a second) that the viewer behind a sender sends."""
    handle = sender._handle_rtcp_packet

    async def handle_and_tell(packet: AnyRtcpPacket) -> None:
        await handle(packet)
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
            try:
                bits, sources = unpack_remb_fci(packet.fci)
            except (ValueError, struct.error):
                return
            if sender._ssrc in sources:
                callback(bits)

    setattr(sender, "_handle_rtcp_packet", handle_and_tell)  # noqa: B010 - an instance attribute over a method


class Uplink:
    """Tells a publisher how much to send: the less of what comes through to here and what its viewers can take.

    Make it before the transport connects.

    Args:
        receiver: of the publisher's picture.
    """

    def __init__(self, receiver: RTCRtpReceiver) -> None:
        self._receiver = receiver
        self._estimator = _Capped(vars(receiver)["_RTCRtpReceiver__remote_bitrate_estimator"])
        setattr(receiver, "_RTCRtpReceiver__remote_bitrate_estimator", self._estimator)  # noqa: B010

    async def tell(self, bits: int) -> None:
        """Limit the publisher, from now on, and say so at once."""
        self._estimator.limit = bits
        own = vars(self._receiver)["_RTCRtpReceiver__rtcp_ssrc"]
        sources = self._estimator.sources()
        if own is None or not sources:
            return
        message = pack_remb_fci(min(bits, self._estimator.measured), sources)
        await self._receiver._send_rtcp(RtcpPsfbPacket(RTCP_PSFB_APP, own, 0, message))


class _Capped:
    """aiortc's estimate of the way from a publisher to here, which it sends, with a limit."""

    def __init__(self, estimator: Any) -> None:
        self.limit = self.measured = MOST
        self._estimator = estimator

    def sources(self) -> list[int]:
        """The SSRCs seen so far."""
        return list(self._estimator.ssrcs)

    def add(self, **packet: Any) -> tuple[int, list[int]] | None:
        """Take a packet; what is returned is sent."""
        estimate: tuple[int, list[int]] | None = self._estimator.add(**packet)
        if estimate is None:
            return None
        self.measured = estimate[0]
        return min(self.measured, self.limit), estimate[1]
