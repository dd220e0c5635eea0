"""A recorded file as pictures and sound on its own clock: whatever container, codec, rate and rotation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from models.common.arrays import F32, U8
from streamer.errors import UserError

JITTER = 0.02
"""Seconds; timestamps off by less are rounding of the container, not a gap."""

LONGEST_GAP = 600.0
"""Seconds of silence put in for missing sound; a longer jump is a broken clock and is ignored."""

PADDING = 4096
"""Samples by which a codec may run past the length that the container declares."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a file holds.

    Attributes:
        duration: Seconds, or None if the file does not tell.
        start: Container time of the file's first moment, seconds; all other times count from there.
        video: Index of the video stream, None without one; cover art is none.
        audio: Index of the audio stream, None without one.
        width: Of the upright picture in pixels, 0 without video.
        height: Likewise.
        frame_rate: Average pictures a second, 0 if unknown.
        audio_rate: Hz, 0 without audio.
        channels: Of the audio, 0 without.
        audio_codec: Name, empty without.
        video_codec: Name, empty without.
    """

    duration: float | None
    start: float
    video: int | None
    audio: int | None
    width: int
    height: int
    frame_rate: float
    audio_rate: int
    channels: int
    audio_codec: str
    video_codec: str


def inspect(path: Path) -> MediaInfo:
    """Open a file and see whether it can be used.

    Raises:
        UserError: it is missing, a folder, empty, no media, or nothing in it can be decoded.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file")
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{path} is empty")
        with av.open(str(path)) as container:
            return _describe(path, container)
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"{path} cannot be read as video or sound: {reason}") from error


def _describe(path: Path, container: av.container.InputContainer) -> MediaInfo:
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    video = next((s for s in videos if s.codec_context is not None), None)
    audio = next((s for s in container.streams.audio if s.codec_context is not None and s.rate), None)
    if video is not None and _first(path, video.index) is None:
        video = None
    if audio is not None and _first(path, audio.index) is None:
        audio = None
    if video is None and audio is None:
        raise UserError(f"{path} holds neither pictures nor sound that can be read")
    width = height = 0
    if video is not None:
        frame = _first(path, video.index)
        assert isinstance(frame, av.VideoFrame)
        width, height = frame.width, frame.height
        if frame.rotation % 180:
            width, height = height, width
    starts = [s.start_time * s.time_base for s in (video, audio) if s and s.start_time is not None and s.time_base]
    return MediaInfo(
        duration=container.duration / av.time_base if container.duration else None,
        start=float(min(starts, default=0)),
        video=video.index if video else None,
        audio=audio.index if audio else None,
        width=width,
        height=height,
        frame_rate=float(video.average_rate or 0) if video else 0.0,
        audio_rate=audio.rate if audio else 0,
        channels=audio.channels if audio else 0,
        audio_codec=audio.codec_context.name if audio else "",
        video_codec=video.codec_context.name if video else "",
    )


def _first(path: Path, index: int) -> av.VideoFrame | av.AudioFrame | None:
    """Return the first frame of a stream that decodes, or None."""
    with av.open(str(path)) as container:
        return next(_decode(container, index), None)


def _decode(container: av.container.InputContainer, index: int) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Yield the frames of one stream; damaged packets are left out."""
    stream = container.streams[index]
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:
            return
        with contextlib.suppress(av.error.FFmpegError):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame | av.AudioFrame):
                    yield frame


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
        quarter_turns: Of 90 degrees anticlockwise that put it upright, 0..3.
    """

    t: float
    frame: av.VideoFrame
    quarter_turns: int

    def planes(self, width: int, height: int) -> U8:
        """Return the upright picture as yuv420p, scaled to an even size.

        Returns:
            uint8, shape (height * 3 / 2, width): as PyAV lays the planes out.
        """
        turned = self.quarter_turns % 2
        across, down = (height, width) if turned else (width, height)
        small = self.frame.reformat(width=across, height=down, format="yuv420p")
        planes: U8 = small.to_ndarray().astype(np.uint8, copy=False)
        if self.quarter_turns == 0:
            return planes
        quarter = (across // 2) * (down // 2)
        chroma = planes[down:].reshape(-1)
        halves = [chroma[i * quarter : (i + 1) * quarter].reshape(down // 2, across // 2) for i in (0, 1)]
        parts = [np.rot90(part, self.quarter_turns).reshape(-1) for part in (planes[:down], *halves)]
        upright: U8 = np.concatenate(parts).reshape(-1, width)
        return upright

    def upright(self, tallest: int) -> av.VideoFrame:
        """Return the picture with the right way up, even sides and at most `tallest` lines, in yuv420p."""
        width, height = self.frame.width, self.frame.height
        if self.quarter_turns % 2:
            width, height = height, width
        size = even_size(width, height, tallest)
        if self.quarter_turns == 0:
            return self.frame.reformat(width=size[0], height=size[1], format="yuv420p")
        return av.VideoFrame.from_ndarray(self.planes(*size), format="yuv420p")

    def rgb(self, widest: int) -> U8:
        """Return the upright picture, at most `widest` pixels wide, uint8 (height, width, 3)."""
        frame = self.frame
        across = frame.height if self.quarter_turns % 2 else frame.width
        scale = min(1.0, widest / across)
        small = frame.reformat(
            width=max(2, round(frame.width * scale)),
            height=max(2, round(frame.height * scale)),
            format="rgb24",
        )
        return np.ascontiguousarray(np.rot90(small.to_ndarray(), self.quarter_turns))


def shots(path: Path, info: MediaInfo) -> Iterator[Shot]:
    """Yield pictures in the order shown; one without a time, or not after the one before, is left out."""
    if info.video is None:
        return
    last = -1.0
    with av.open(str(path)) as container:
        container.streams[info.video].codec_context.thread_type = "AUTO"
        for frame in _decode(container, info.video):
            if frame.time is None or not isinstance(frame, av.VideoFrame):
                continue
            t = frame.time - info.start
            if t <= last:
                continue
            last = t
            yield Shot(max(t, 0.0), frame, round(frame.rotation / 90) % 4)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of sound.

    Attributes:
        t: Of the first sample, seconds from the file's start.
        pcm: Shape (channels, N), float32 in [-1, 1]; one or two channels.
    """

    t: float
    pcm: F32


def sound(path: Path, info: MediaInfo, rate: int | None = None) -> Iterator[Piece]:
    """Yield sound without holes: missing stretches are silent, overlaps are cut.

    Args:
        path: The file.
        info: Of that file.
        rate: Hz; None keeps the file's own.

    Yields:
        Pieces that join end to end.
    """
    if info.audio is None:
        return
    wanted = rate or info.audio_rate
    limit = _declared_length(path, info, wanted)
    made, start = 0, 0.0
    held: list[F32] = []
    for t, pcm in _aligned(path, info, wanted):
        if made == 0 and not held:
            start = t
        inside = pcm if limit is None else pcm[:, : max(0, limit - made)]
        if inside.shape[1]:
            yield Piece(start + made / wanted, inside)
            made += inside.shape[1]
        if inside.shape[1] < pcm.shape[1]:
            held.append(pcm[:, inside.shape[1] :])
            if sum(piece.shape[1] for piece in held) > PADDING * max(1, wanted / info.audio_rate):
                # More than a codec's padding: the container declares a wrong length.
                limit = None
                for piece in held:
                    yield Piece(start + made / wanted, piece)
                    made += piece.shape[1]
                held = []


def _declared_length(path: Path, info: MediaInfo, rate: int) -> int | None:
    """Return the samples in the audio stream as the container declares them, None if it does not."""
    assert info.audio is not None
    with av.open(str(path)) as container:
        stream = container.streams[info.audio]
        if stream.duration is None or stream.time_base is None or stream.duration <= 0:
            return None
        return round(float(stream.duration * stream.time_base) * rate)


def _aligned(path: Path, info: MediaInfo, rate: int) -> Iterator[tuple[float, F32]]:
    """Yield pieces with gaps filled and overlaps cut."""
    expected: float | None = None
    for t, pcm in _resampled(path, info, rate):
        if expected is None:
            expected = t
        gap = t - expected
        if JITTER < gap <= LONGEST_GAP:
            silence = np.zeros((pcm.shape[0], round(gap * rate)), np.float32)
            yield expected, silence
            expected += silence.shape[1] / rate
        elif -LONGEST_GAP <= gap < -JITTER:
            pcm = pcm[:, round(-gap * rate) :]
        if pcm.shape[1]:
            yield expected, pcm
            expected += pcm.shape[1] / rate


def _resampled(path: Path, info: MediaInfo, rate: int) -> Iterator[tuple[float, F32]]:
    """Yield decoded pieces at `rate` with their own times, float32 (1 or 2, N)."""
    assert info.audio is not None
    layout = "mono" if info.channels == 1 else "stereo"
    resampler: av.AudioResampler | None = None
    kind: tuple[str, str, int] | None = None
    t = expected = 0.0
    with av.open(str(path)) as container:
        for frame in _decode(container, info.audio):
            if not isinstance(frame, av.AudioFrame):
                continue
            frame_t = frame.time - info.start if frame.time is not None else expected
            new_kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or new_kind != kind or abs(frame_t - expected) > JITTER:
                for pcm in _drain(resampler):
                    yield t, pcm
                    t += pcm.shape[1] / rate
                resampler, kind, t = av.AudioResampler("fltp", layout, rate), new_kind, frame_t
            expected = frame_t + frame.samples / frame.sample_rate
            # The resampler would insist on its own idea of continuity.
            frame.pts = None
            for out in resampler.resample(frame):
                pcm = out.to_ndarray().astype(np.float32, copy=False)
                yield t, pcm
                t += pcm.shape[1] / rate
    for pcm in _drain(resampler):
        yield t, pcm
        t += pcm.shape[1] / rate


def _drain(resampler: av.AudioResampler | None) -> Iterator[F32]:
    """Yield what a resampler still holds back."""
    if resampler is not None:
        # One that was never used, or needed no resampling, has nothing to give and says so by raising.
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            for out in resampler.resample(None):
                yield out.to_ndarray().astype(np.float32, copy=False)
