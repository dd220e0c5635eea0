"""Who sends back what they are sent is told so, and nobody else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack

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


class MicrophoneTrack(MediaStreamTrack):
    """A microphone before a loudspeaker: what was heard, as it comes, 12 dB softer."""

    kind = "audio"

    def __init__(self, heard: Sequence[av.AudioFrame]) -> None:
        super().__init__()
        self._heard = heard
        self._begin = self._last = 0

    async def recv(self) -> av.AudioFrame:
        if not self._begin:
            # What came before it was connected is over.
            self._begin = self._last = self._heard[-1].pts
        while (came := next((frame for frame in self._heard if frame.pts > self._last), None)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        self._last = came.pts
        pcm = (0.25 / 32768 * came.to_ndarray()[0, :1920:2]).astype(np.float32)
        return sound_frame(pcm, (came.pts - self._begin) // 960)


async def test_who_sends_back_what_they_are_sent_is_told_so(site):
    room = await site.room()
    ann, ben = await site.join(room, "Ann"), await site.join(room, "Ben")
    told = [await site.control(room, who["token"]) for who in (ann, ben)]
    await site.publish(room, ann["token"], VoiceTrack())
    heard = await site.watch(room, ben["token"])
    await until(lambda: len(heard.frames.get("audio0", [])) > 10)
    await site.publish(room, ben["token"], MicrophoneTrack(heard.frames["audio0"]))
    await until(lambda: "echo" in told[1].newest, 120)
    assert "echo" not in told[0].newest
