"""Who sends back what they are sent is told so, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

from models.common.arrays import F32
from tests.live.peers import Paced, until
from tests.streamer.mixing.test_echo import BLOCKS, block, voice


def sound_frame(pcm: F32, place: int) -> av.AudioFrame:
    """The 20 ms at a place of a track, of samples (960,)."""
    frame = av.AudioFrame.from_ndarray((pcm * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = 48_000, Fraction(1, 48_000), place * 960
    return frame


class VoiceTrack(Paced):
    """Something with words and pauses."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__(0.02, time.monotonic())
        self._voice = voice(1)

    async def recv(self) -> av.AudioFrame:
        await self._due()
        return sound_frame(block(self._voice, self.count % BLOCKS), self.count)


class MicrophoneTrack(Paced):
    """A microphone before a loudspeaker: what came 0.1 s ago, 12 dB softer."""

    kind = "audio"

    def __init__(self, heard: Sequence[av.AudioFrame]) -> None:
        super().__init__(0.02, time.monotonic())
        self._heard = heard
        self._next = heard[-5].pts

    async def recv(self) -> av.AudioFrame:
        await self._due()
        came = next((frame for frame in self._heard if frame.pts == self._next), None)
        self._next += 960
        pcm = np.zeros(960) if came is None else came.to_ndarray()[0, :1920:2] / 32768
        return sound_frame((0.25 * pcm).astype(np.float32), self.count)


async def test_who_sends_back_what_they_are_sent_is_told_so(site):
    room = await site.room()
    ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
    told = [await site.control(room, who["token"]) for who in (ann, ben)]
    await site.publish(room, ann["token"], VoiceTrack())
    heard = await site.watch(room, ben["token"])
    await site.watch(room, ann["token"])
    await until(lambda: len(heard.frames.get("audio0", [])) > 10)
    await site.publish(room, ben["token"], MicrophoneTrack(heard.frames["audio0"]))
    await until(lambda: "echo" in told[1].newest, 120)
    assert "echo" not in told[0].newest
