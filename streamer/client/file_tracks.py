"""A file as live tracks: read, looped, and paced so that sound and picture keep their distance in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from models.common.arrays import F32, I16
from models.common.audio import to_pcm16
from streamer.media.info import MediaInfo
from streamer.media.pictures import shots
from streamer.media.sound import sound

RATE = 48_000
BLOCK = 960
VIDEO_CLOCK = 90_000

TALLEST = 720
"""Lines; larger pictures are shrunk before they are sent."""

LATE = 0.3
"""Seconds behind time from which pictures are left out."""

SLEPT = 5.0
"""Seconds for which no track asks for anything, and after which what was due meanwhile is not made up for."""

Item = TypeVar("Item")


class PlayClock:
    """The moment of the file's beginning, shared by its tracks; set when the first of them plays.

    Args:
        clock: monotonic time, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start: float | None = None
        self._asked = 0.0

    def behind(self, t: float) -> float:
        """Return the seconds since `t` was due; negative when it is still to come."""
        moment = self._clock()
        if self._start is None or moment - self._start - self._asked > SLEPT:
            self._start, self._asked = moment - max(t, self._asked), max(t, self._asked)
        self._asked = max(self._asked, t)
        return moment - self._start - t


class SoundTrack(MediaStreamTrack):
    """48 kHz 20 ms blocks.

    Args:
        path: The file.
        info: Of it; it has audio.
        loop: Seconds after which it starts again, or None to end.
        clock: Shared with the picture.
    """

    kind = "audio"

    def __init__(self, path: Path, info: MediaInfo, loop: float | None, clock: PlayClock) -> None:
        super().__init__()
        self._blocks = _blocks(path, info, loop)
        self._clock = clock
        # A thread of its own: decoding would hold up the loop.
        self._thread = ThreadPoolExecutor(1, "file-sound")

    async def recv(self) -> av.AudioFrame:
        """Return the next block, when it is due."""
        index, pcm = await _next(self, self._thread, self._blocks)
        behind = self._clock.behind(index * BLOCK / RATE)
        if behind < 0:
            await asyncio.sleep(-behind)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono" if pcm.size == BLOCK else "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, index * BLOCK, Fraction(1, RATE)
        return frame

    def stop(self) -> None:
        """End the track and its thread."""
        super().stop()
        self._thread.shutdown(wait=False, cancel_futures=True)


class PictureTrack(MediaStreamTrack):
    """Pictures at the file's own times.

    Args:
        path: The file.
        info: Of it; it has video.
        loop: Seconds after which it starts again, or None to end.
        clock: Shared with the sound.
    """

    kind = "video"

    def __init__(self, path: Path, info: MediaInfo, loop: float | None, clock: PlayClock) -> None:
        super().__init__()
        self._pictures = _pictures(path, info, loop)
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "file-picture")
        self.left_out = 0

    async def recv(self) -> av.VideoFrame:
        """Return the next picture, when it is due."""
        while True:
            t, frame = await _next(self, self._thread, self._pictures)
            behind = self._clock.behind(t)
            if behind < LATE:
                break
            self.left_out += 1
        if behind < 0:
            await asyncio.sleep(-behind)
        frame.pts, frame.time_base = round(t * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        return frame

    def stop(self) -> None:
        """End the track and its thread."""
        super().stop()
        self._thread.shutdown(wait=False, cancel_futures=True)


def file_tracks(path: Path, info: MediaInfo, loop: bool) -> list[MediaStreamTrack]:
    """Return the tracks of a file.

    Args:
        path: The file.
        info: Of it.
        loop: Whether to start again at the end.
    """
    clock = PlayClock()
    length = _loop_length(info) if loop else None
    tracks: list[MediaStreamTrack] = []
    if info.audio is not None:
        tracks.append(SoundTrack(path, info, length, clock))
    if info.video is not None:
        tracks.append(PictureTrack(path, info, length, clock))
    return tracks


async def _next(track: MediaStreamTrack, thread: ThreadPoolExecutor, items: Iterator[Item]) -> Item:
    """Return the next item, read on the thread; ends the track when there is none."""
    if track.readyState != "live":
        raise MediaStreamError
    item = await asyncio.get_running_loop().run_in_executor(thread, next, items, None)
    if item is None:
        track.stop()
        raise MediaStreamError
    return item


def _loop_length(info: MediaInfo) -> float:
    """Return the seconds from one beginning to the next: the file's length in whole blocks of sound."""
    # Rounded first: 44.4 s is 2220 blocks, though 44.4 / 0.02 is a little more in floating point.
    return max(1, ceil(round((info.duration or 0.0) * RATE / BLOCK, 6))) * BLOCK / RATE


def _blocks(path: Path, info: MediaInfo, loop: float | None) -> Iterator[tuple[int, I16]]:
    """Yield the number and samples of each block, interleaved, shape (1, 960 * channels)."""
    first = 0
    while True:
        count = None if loop is None else round(loop * RATE / BLOCK)
        made = 0
        for pcm in _one_pass(path, info):
            if made == count:
                break
            yield first + made, pcm
            made += 1
        if count is None:
            return
        channels = info.channels
        for index in range(made, count):
            yield first + index, np.zeros((1, BLOCK * channels), np.int16)
        first += count


def _one_pass(path: Path, info: MediaInfo) -> Iterator[I16]:
    """Yield the file's sound in blocks from its beginning on; the last is padded."""
    held: F32 | None = None
    for piece in sound(path, info, RATE):
        held = piece.pcm if held is None else np.concatenate([held, piece.pcm], axis=1)
        whole = held.shape[1] // BLOCK * BLOCK
        for start in range(0, whole, BLOCK):
            yield _interleaved(held[:, start : start + BLOCK])
        held = held[:, whole:]
    if held is not None and held.shape[1]:
        yield _interleaved(np.pad(held, ((0, 0), (0, BLOCK - held.shape[1]))))


def _interleaved(pcm: F32) -> I16:
    return to_pcm16(np.ascontiguousarray(pcm.T)).reshape(1, -1)


def _pictures(path: Path, info: MediaInfo, loop: float | None) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield the time and picture, upright, with even sides as the codecs want them."""
    first = 0.0
    while True:
        for shot in shots(path, info):
            if loop is not None and shot.t >= loop - 0.001:
                break
            yield first + shot.t, shot.upright(TALLEST)
        if loop is None:
            return
        first += loop
