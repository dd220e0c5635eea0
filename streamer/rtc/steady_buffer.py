"""A publisher's sound in order to its decoder, in place of aiortc's jitter buffer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpCodecParameters, RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

from streamer.clock import now
from streamer.rtc import packet_length
from streamer.rtc.jitter_buffer import Reorder


class TimedFrame(JitterFrame):
    """A frame of sound for the decoder's queue.

    Args:
        data: the payload.
        timestamp: pts, ticks.
        arrival: when its packet came, the server's time in seconds.
    """

    def __init__(self, data: bytes, timestamp: int, arrival: float) -> None:
        super().__init__(data, timestamp)
        self.arrival = arrival


class SteadyBuffer:
    """Takes the place of a receiver's jitter buffer for sound. For use on the event loop.

    Args:
        receiver: whose packets come.
        hand_on: gets what is in order, as aiortc puts it on the decoder's queue.
        age: seconds that a packet's first sample is old at least when it is handed on.
    """

    def __init__(
        self,
        receiver: RTCRtpReceiver,
        hand_on: Callable[[tuple[RTCRtpCodecParameters, TimedFrame]], None],
        age: float = packet_length.USUAL,
    ) -> None:
        self._receiver = receiver
        self._hand_on = hand_on
        self._age = age
        self._order: Reorder[RtpPacket] = Reorder(0, 0, self._release, packet_length.PATIENCE)
        self._fit(packet_length.USUAL)
        self._timer: asyncio.TimerHandle | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Take a packet; never has a frame to return, as a packet may free several or none."""
        if (codec := self._codec(packet)) is not None:
            self._fit(packet_length.seconds_of(codec.name, vars(packet)["_data"]))
        self._order.step(packet, asyncio.get_running_loop().time())
        self._set_timer()
        return False, None

    def _fit(self, seconds: float) -> None:
        """Hold as many packets of this length as the age wants, and stragglers may."""
        self._order.least = packet_length.waiting(seconds, self._age)
        self._order.most = packet_length.waiting(seconds, max(self._age, packet_length.OLDEST))

    def _set_timer(self) -> None:
        """Come back for what waits: with the next packet, which may be long in coming, it would be late."""
        if self._timer is None and not math.isinf(due := self._order.due):
            self._timer = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._order.expire(asyncio.get_running_loop().time())
        self._set_timer()

    def _codec(self, packet: RtpPacket) -> RTCRtpCodecParameters | None:
        codecs: dict[int, RTCRtpCodecParameters] = self._private("__codecs")
        return codecs.get(packet.payload_type)

    def _release(self, packet: RtpPacket, came: float) -> None:
        codec = self._codec(packet)
        if codec is None or self._private("__decoder_thread") is None:
            return
        pts = self._private("__timestamp_mapper").map(packet.timestamp)
        arrival = now() - (asyncio.get_running_loop().time() - came)
        self._hand_on((codec, TimedFrame(vars(packet)["_data"], pts, arrival)))

    def _private(self, name: str) -> Any:
        return getattr(self._receiver, f"_{type(self._receiver).__name__}{name}")
