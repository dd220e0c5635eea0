"""The one sound track that a listener gets back: all others, mixed at their faders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from aiortc import RTCRtpCodecParameters, RTCRtpTransceiver

from models.common.arrays import F32
from streamer.mixing.completeness import Completeness
from streamer.mixing.desk import Desk
from streamer.mixing.faders import Faders
from streamer.mixing.mix import Mix
from streamer.mixing.mixer import MIX_BLOCK
from streamer.rtc.blocks import CALL_RATE
from streamer.rtc.packet_sender import PacketSender, PushedTrack


class ListenTrack(PushedTrack):
    """A listener at a room's desk.

    Args:
        desk: of the room.
        own: whose voice is not to be heard, being the listener's.
        faders: the listener's; kept by the room when the listener reconnects. None makes new ones.
        on_complete: called with False when the listener loses sound here, and with True when that is over.
        on_sound: called with each block that is sent, shape (960,), float32, and its number in the room.

    Attributes:
        mix: what they hear; the desk's business.
    """

    kind = "audio"

    def __init__(
        self,
        desk: Desk,
        own: str | None = None,
        faders: Faders | None = None,
        on_complete: Callable[[bool], None] = lambda complete: None,
        on_sound: Callable[[F32, int], None] = lambda pcm, place: None,
    ) -> None:
        super().__init__()
        self.own = own
        self.faders = faders if faders is not None else Faders()
        self.mix: Mix | None = None
        self.out: PacketSender | None = None
        self._desk = desk
        self._on_sound = on_sound
        self._completeness = Completeness(on_complete)
        self._said = np.zeros(0, np.float32)
        self._played = 0
        self._lost_before: int | None = None

    def bind(self, transceiver: RTCRtpTransceiver) -> None:
        """Make a transceiver's sender send this, and begin to listen."""
        transceiver.sender.replaceTrack(self)
        self.out = PacketSender(transceiver.sender)
        self._desk.join(self)

    @property
    def codec(self) -> RTCRtpCodecParameters | None:
        """What it is sent in; None while nothing can be sent."""
        return self.out.codec if self.out is not None and self.out.ready else None

    @property
    def saying(self) -> bool:
        """Whether something is said to this listener alone."""
        return self._said.size > 0

    def say(self, pcm: F32) -> None:
        """Play something (N,) to this listener alone, whatever the faders; it replaces what was being said."""
        self._said = pcm

    def hush(self) -> None:
        """Fade out what is being said, within a block."""
        self._said = self._said[:MIX_BLOCK] * np.linspace(1, 0, MIX_BLOCK, dtype=np.float32)[: self._said.size]

    def extra(self) -> F32:
        """Take the next 20 ms, or what is left, of what is being said."""
        now, self._said = self._said[:MIX_BLOCK], self._said[MIX_BLOCK:]
        return now

    def send(self, place: int, lost: int) -> None:
        """Send the mix's last block.

        Args:
            place: its number in the room.
            lost: frames and blocks that were left out in the room since it was made.
        """
        if self.out is None or self.out.codec is None or self.mix is None:
            return
        self._on_sound(self.mix.pcm, place)
        codec = self.out.codec
        for payload in self.mix.payloads.get(codec.name.lower(), ()):
            self.out.send([payload], place * MIX_BLOCK * codec.clockRate // CALL_RATE)
        self._lost_before = lost if self._lost_before is None else self._lost_before
        self._played += 1
        self._completeness.step(self._played, lost - self._lost_before + self.out.dropped)

    def stop(self) -> None:
        """End it and leave the desk; may be called again."""
        super().stop()
        self._desk.leave(self)
        # It holds the connection, which holds this.
        self.out = None
