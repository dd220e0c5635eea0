"""Mixed sound to packets: Opus, and what aiortc has for the few who take no Opus."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from aiortc import RTCRtpCodecParameters
from aiortc.codecs import get_encoder
from av.audio.codeccontext import AudioCodecContext

from models.common.arrays import I16
from streamer.mixing.mixer import MIX_BLOCK
from streamer.rtc.blocks import CALL_RATE

BIT_RATE = 64_000
"""Of Opus, bits a second. One channel: the sound has two equal ones, and every decoder makes two of one."""

_TIME_BASE = Fraction(1, CALL_RATE)


class SoundEncoder:
    """One stream of one codec.

    Opus is told "lowdelay": what it sends of a frame then hangs on the frames just before it and no more, so that
    who hears one encoder and then another, which was given the same sound, hears no seam.

    Args:
        codec: what a listener's sender sends.
    """

    def __init__(self, codec: RTCRtpCodecParameters) -> None:
        self._samples = 0
        self._opus: AudioCodecContext | None = None
        self._other: Any = None
        if codec.name.lower() == "opus":
            context = av.CodecContext.create("libopus", "w")
            assert isinstance(context, AudioCodecContext)
            context.bit_rate = BIT_RATE
            context.sample_rate, context.format, context.layout = CALL_RATE, "s16", "mono"
            context.time_base = _TIME_BASE
            context.options = {"application": "lowdelay"}
            self._opus = context
        else:
            self._other = get_encoder(codec)

    def step(self, pcm: I16) -> list[bytes]:
        """Encode the next block.

        Args:
            pcm: shape (960,), int16, 48 kHz.

        Returns:
            Payloads, of which each is a packet: one, or none at the beginning.
        """
        frame = av.AudioFrame(format="s16", layout="mono", samples=MIX_BLOCK)
        frame.planes[0].update(pcm.tobytes())
        frame.pts, frame.sample_rate, frame.time_base = self._samples, CALL_RATE, _TIME_BASE
        self._samples += MIX_BLOCK
        if self._opus is not None:
            return [bytes(packet) for packet in self._opus.encode(frame)]
        payloads: list[bytes] = self._other.encode(frame)[0]
        return payloads
