"""The pictures of a file in the order shown, upright, with square pixels and ordinary colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from models.common.arrays import U8
from streamer.media.hdr import ToSdr, is_hdr
from streamer.media.info import MediaInfo
from streamer.media.source import Losses, Times, decode, opened
from streamer.media.upright import UPRIGHT, Pose, pose


def even_size(width: int, height: int, tallest: int) -> tuple[int, int]:
    """Return a picture's size brought down to at most `tallest` lines, in even numbers as the codecs want them."""
    scale = min(1.0, tallest / height)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        t: When it is shown, seconds from the file's start.
        frame: As decoded.
        pose: How it is put upright.
        to_sdr: What brings its colours into the ordinary range; None if they are.
    """

    t: float
    frame: av.VideoFrame
    pose: Pose = UPRIGHT
    to_sdr: ToSdr | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return self.pose.size(self.frame.width, self.frame.height)

    def planes(self, width: int, height: int) -> U8:
        """Return the upright picture as yuv420p, scaled to an even size.

        Returns:
            uint8, shape (height * 3 / 2, width): as PyAV lays the planes out.
        """
        across, down = (height, width) if self.pose.quarter_turns % 2 else (width, height)
        planes: U8 = self._scaled(across, down, "yuv420p").to_ndarray().astype(np.uint8, copy=False)
        if self._lies_right:
            return planes
        quarter = (across // 2) * (down // 2)
        chroma = planes[down:].reshape(-1)
        halves = [chroma[i * quarter : (i + 1) * quarter].reshape(down // 2, across // 2) for i in (0, 1)]
        parts = [self.pose.apply(part).reshape(-1) for part in (planes[:down], *halves)]
        upright: U8 = np.concatenate(parts).reshape(-1, width)
        return upright

    def upright(self, tallest: int) -> av.VideoFrame:
        """Return the picture with the right way up, even sides and at most `tallest` lines, in yuv420p."""
        size = even_size(*self.size, tallest)
        if self._lies_right:
            return self._scaled(*size, "yuv420p")
        return av.VideoFrame.from_ndarray(self.planes(*size), format="yuv420p")

    def rgb(self, widest: int) -> U8:
        """Return the upright picture, at most `widest` pixels wide, uint8 (height, width, 3)."""
        scale = min(1.0, widest / self.size[0])
        across, down = self.pose.decoded_size(self.frame.width, self.frame.height)
        small = self._scaled(max(2, round(across * scale)), max(2, round(down * scale)), "rgb24")
        return np.ascontiguousarray(self.pose.apply(np.asarray(small.to_ndarray(), np.uint8)))

    def squashed(self, side: int, reformatter: VideoReformatter) -> U8:
        """Return the upright picture squashed to a square, uint8 (side, side, 3)."""
        if self.to_sdr is not None:
            small = self.to_sdr(self.frame, side, side, "rgb24")
        else:
            small = reformatter.reformat(self.frame, side, side, "rgb24", interpolation="AREA")
        return np.ascontiguousarray(self.pose.apply(np.asarray(small.to_ndarray(), np.uint8)))

    @property
    def _lies_right(self) -> bool:
        return self.pose.quarter_turns == 0 and not self.pose.mirrored

    def _scaled(self, width: int, height: int, format: str) -> av.VideoFrame:
        if self.to_sdr is not None:
            return self.to_sdr(self.frame, width, height, format)
        return self.frame.reformat(width=width, height=height, format=format)


def shots(path: Path, info: MediaInfo, losses: Losses | None = None) -> Iterator[Shot]:
    """Yield pictures in the order shown; one that is not after the one before is left out.

    Args:
        path: The file.
        info: Of that file.
        losses: Counts what cannot be decoded.
    """
    track = info.pictures
    if track is None:
        return
    last, to_sdr = -1.0, ToSdr()
    times = Times(track.shifts)
    with opened(path) as container:
        stream = next((each for each in container.streams.video if each.index == track.index), None)
        if stream is None:
            return
        stream.codec_context.thread_type = "AUTO"
        for number, frame in enumerate(decode(container, track.index, times, losses)):
            if not isinstance(frame, av.VideoFrame):
                continue
            if track.timing == "none":
                t = number / track.rate
            elif track.timing == "order" and times.decoding:
                # Pictures come back in the order shown, so each takes the earliest time there is.
                t = times.decoding.pop(0)
            else:
                t = frame.time if frame.time is not None else last + 1 / track.rate
            if t <= last:
                continue
            last = t
            yield Shot(max(t, 0.0), frame, pose(frame, stream), to_sdr if is_hdr(frame) else None)
