"""Who says nothing may send a packet every 0.4 s (Opus, DTX): what they said before must not wait for the next ones."""

from __future__ import annotations

import asyncio
import time

import av
from aiortc import RTCRtpReceiver

from bench.packets import Packets
from streamer.rtc import rtp
from tests.live.peers import connection, negotiate, until

SPEECH, PAUSE, EVERY = 40, 100, 20
"""Packets of 20 ms: of speech, of the pause that follows, and from one packet in it to the next."""


class WithPauses(Packets):
    """Leaves out what a sender with DTX does not send."""

    async def recv(self) -> av.Packet:
        while True:
            packet = await super().recv()
            number = packet.pts // self.samples % (SPEECH + PAUSE)
            if number < SPEECH or (number - SPEECH) % EVERY == EVERY - 1:
                return packet


async def test_the_end_of_what_is_said_does_not_wait_for_packets_that_do_not_come() -> None:
    publisher, server = connection(), connection()
    track, late = WithPauses(20), dict[int, float]()

    def tap() -> None:
        [receiver] = (part for part in server.getReceivers() if isinstance(part, RTCRtpReceiver))
        rtp.tap_encoded(receiver, came)

    def came(frame: rtp.EncodedFrame) -> None:
        assert track.origin is not None
        # A packet is sent when its last sample has been captured.
        late[frame.pts // 960] = time.monotonic() - track.origin - frame.pts / 48_000 - 0.02

    publisher.addTrack(track)
    try:
        await negotiate(publisher, server, tap)
        await until(lambda: len(late) >= 2 * SPEECH + PAUSE // EVERY, 20)
    finally:
        await asyncio.gather(publisher.close(), server.close())
    # Four packets would be up to 1.6 s; 0.15 s, and what a busy machine takes.
    assert max(late.values()) < 0.5
    assert len(late) >= 2 * SPEECH
