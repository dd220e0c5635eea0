"""Listeners at a desk without a network."""

from __future__ import annotations

import numpy as np
from aiortc import RTCRtpCodecParameters

from streamer.mixing.desk import Desk
from streamer.mixing.faders import Faders
from streamer.mixing.listen_track import ListenTrack
from streamer.mixing.mixer import VoiceBlock

OPUS = RTCRtpCodecParameters("audio/opus", 48_000, 2, 96)
PCMU = RTCRtpCodecParameters("audio/PCMU", 8_000, 1, 0)


class Out:
    """Stands in for a `PacketSender`: keeps what is sent."""

    def __init__(self, codec: RTCRtpCodecParameters = OPUS) -> None:
        self.ready = True
        self.codec = codec
        self.dropped = 0
        self.sent: list[tuple[bytes, int]] = []

    def send(self, payloads: list[bytes], pts: int) -> bool:
        [payload] = payloads
        self.sent.append((payload, pts))
        return True


def block(n: int, value: float = 0.1, t: float | None = None) -> VoiceBlock:
    return VoiceBlock(n * 0.02 if t is None else t, np.full(960, value, np.float32), {}, False)


def listening(
    desk: Desk, own: str | None = None, codec: RTCRtpCodecParameters = OPUS, **options
) -> tuple[ListenTrack, Out]:
    """A listener at the desk, and what they are sent. The desk's own clock does not run."""
    listener, out = ListenTrack(desk, own, Faders(), **options), Out(codec)
    listener.out = out  # type: ignore[assignment]
    desk._listeners.append(listener)
    return listener, out


def play(desk: Desk) -> None:
    """One frame: mixed, encoded and sent."""
    desk.step()
    for mix in desk._mixes:
        codecs = [listener.codec for listener in desk._listeners if listener.mix is mix and listener.codec]
        mix.encode(codecs)
    for listener in desk._listeners:
        listener.send(desk._place, 0)
    desk._place += 1
