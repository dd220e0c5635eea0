"""A publisher's sound in order to its decoder, in place of aiortc's jitter buffer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from aiortc import RTCRtpCodecParameters, RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

from streamer.rtc import packet_length
from streamer.rtc.jitter_buffer import Reorder


class SteadyBuffer:
    """Takes the place of a receiver's jitter buffer for sound. For use on the event loop.

    Args:
        receiver: whose packets come.
        hand_on: gets what is in order, as aiortc puts it on the decoder's queue.
    """

    def __init__(
        self, receiver: RTCRtpReceiver, hand_on: Callable[[tuple[RTCRtpCodecParameters, JitterFrame]], None]
    ) -> None:
        self._receiver = receiver
        self._hand_on = hand_on
        usual = packet_length.waiting(packet_length.USUAL)
        self._order: Reorder[RtpPacket] = Reorder(usual, self._release, packet_length.PATIENCE)
        self._timer: asyncio.TimerHandle | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Take a packet; never has a frame to return, as a packet may free several or none."""
        if (codec := self._codec(packet)) is not None:
            seconds = packet_length.seconds_of(codec.name, vars(packet)["_data"])
            self._order.depth = packet_length.waiting(seconds)
        self._order.step(packet, asyncio.get_running_loop().time())
        self._set_timer()
        return False, None

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

    def _release(self, packet: RtpPacket) -> None:
        codec = self._codec(packet)
        if codec is None or self._private("__decoder_thread") is None:
            return
        pts = self._private("__timestamp_mapper").map(packet.timestamp)
        self._hand_on((codec, JitterFrame(vars(packet)["_data"], pts)))

    def _private(self, name: str) -> Any:
        return getattr(self._receiver, f"_{type(self._receiver).__name__}{name}")
