"""The sound of a file from 0 s on, without holes: missing stretches are silent, overlaps are cut."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from models.common.arrays import F32
from streamer.media.info import MediaInfo, SoundTrack
from streamer.media.levels import samples, sane
from streamer.media.source import Times, decode, opened

JITTER = 0.02
"""Seconds; timestamps off by less are rounding of the container, not a gap."""

PADDING = 4096
"""Samples by which a codec may run past the length that the container declares."""


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
    """Yield the file's sound.

    Args:
        path: The file.
        info: Of that file.
        rate: Hz; None keeps the file's own.

    Yields:
        Pieces that join end to end; the first begins at 0.
    """
    if not info.sounds:
        return
    wanted, made = rate or info.audio_rate, 0
    for parts in _together([_whole(path, track, wanted) for track in info.sounds]):
        pcm = parts[0] if len(parts) == 1 and not info.microphones else _mixed(parts, info)
        yield Piece(made / wanted, pcm if info.scale == 1 else pcm * np.float32(info.scale))
        made += parts[0].shape[1]


def microphones(path: Path, info: MediaInfo, rate: int) -> Iterator[F32]:
    """Yield the file's microphones side by side, (microphones, N) float32: their sum is what `sound` yields."""
    for parts in _together([_whole(path, track, rate) for track in info.sounds]):
        yield np.concatenate(parts, axis=0)


def _mixed(parts: list[F32], info: MediaInfo) -> F32:
    """Return microphones, or tracks, heard together."""
    if info.microphones:
        rows = [part.sum(axis=0, keepdims=True) for part in parts]
    else:
        rows = [np.broadcast_to(part, (info.channels, part.shape[1])) for part in parts]
    return np.asarray(np.sum(rows, axis=0), np.float32)


def _together(sources: Sequence[Iterator[F32]]) -> Iterator[list[F32]]:
    """Yield tracks in pieces of the same length; one that ends before the others is silent from there on."""
    held: list[F32 | None] = [next(source, None) for source in sources]
    rows = [0 if pcm is None else len(pcm) for pcm in held]
    while any(pcm is not None for pcm in held):
        size = min(pcm.shape[1] for pcm in held if pcm is not None)
        yield [
            np.zeros((count, size), np.float32) if pcm is None else pcm[:, :size]
            for pcm, count in zip(held, rows, strict=True)
        ]
        for index, pcm in enumerate(held):
            if pcm is not None:
                held[index] = pcm[:, size:] if pcm.shape[1] > size else next(sources[index], None)


def _whole(path: Path, track: SoundTrack, rate: int) -> Iterator[F32]:
    """Yield a track from 0 s on, none of the pieces empty, up to the length that its container declares."""
    limit = None if track.declared is None else round(track.declared * rate)
    made = 0
    held: list[F32] = []
    for silent, pcm in _aligned(path, track, rate):
        if silent and not made:
            # Before the track begins: no part of its length.
            yield pcm
            continue
        inside = pcm if limit is None else pcm[:, : max(0, limit - made)]
        if inside.shape[1]:
            yield inside
            made += inside.shape[1]
        if inside.shape[1] < pcm.shape[1]:
            held.append(pcm[:, inside.shape[1] :])
            if sum(piece.shape[1] for piece in held) > PADDING * max(1, rate / track.rate):
                # More than a codec's padding: the container declares a wrong length.
                limit = None
                for piece in held:
                    yield piece
                    made += piece.shape[1]
                held = []


def _aligned(path: Path, track: SoundTrack, rate: int) -> Iterator[tuple[bool, F32]]:
    """Yield pieces with gaps filled and overlaps cut, and whether they fill a gap."""
    done = 0
    for t, pcm in _resampled(path, track, rate):
        gap = t - done / rate
        missing = round(gap * rate)
        if 0 < missing and (gap > JITTER or not done) and t < track.end + 1:
            # In pieces, for the silence may be long.
            for size in [rate] * (missing // rate) + [missing % rate] * (missing % rate > 0):
                yield True, np.zeros((len(pcm), size), np.float32)
            done += missing
        elif gap < -JITTER:
            pcm = pcm[:, -missing:]
        if pcm.shape[1]:
            yield False, pcm
            done += pcm.shape[1]


def _resampled(path: Path, track: SoundTrack, rate: int) -> Iterator[tuple[float, F32]]:
    """Yield decoded and treated pieces at `rate` with their own times, float32 (channels, N)."""
    treatment = track.treatment
    resampler: av.AudioResampler | None = None
    kind: tuple[str, str, int] | None = None
    matrix: F32 | None = None
    t = expected = 0.0

    def treated(pcm: F32) -> F32:
        pcm = pcm.astype(np.float32, copy=False)
        pcm = pcm if matrix is None else matrix @ pcm
        if len(pcm) < track.channels:
            pcm = np.pad(pcm, ((0, track.channels - len(pcm)), (0, 0)))
        return pcm if treatment.scale == 1 else pcm * np.float32(treatment.scale)

    with opened(path) as container:
        for frame in decode(container, track.index, Times(track.shifts)):
            if not isinstance(frame, av.AudioFrame):
                continue
            frame_t = frame.time if frame.time is not None else expected
            new_kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if resampler is None or new_kind != kind or abs(frame_t - expected) > JITTER:
                for pcm in _drain(resampler):
                    yield t, treated(pcm)
                    t += pcm.shape[1] / rate
                fits = treatment.matrix is not None and treatment.matrix.shape[1] == frame.layout.nb_channels
                matrix = treatment.matrix if fits else None
                # Through the matrix go the channels as they are; a change of channels is left to FFmpeg.
                layout = frame.layout if fits else ("mono", "stereo")[track.channels > 1]
                resampler, kind, t = av.AudioResampler("flt", layout, rate), new_kind, frame_t
            expected = frame_t + frame.samples / frame.sample_rate
            if not treatment.finite:
                frame = _finite(frame)
            # The resampler would insist on its own idea of continuity.
            frame.pts = None
            for out in resampler.resample(frame):
                pcm = treated(samples(out))
                yield t, pcm
                t += pcm.shape[1] / rate
    for pcm in _drain(resampler):
        yield t, treated(pcm)
        t += pcm.shape[1] / rate


def _finite(frame: av.AudioFrame) -> av.AudioFrame:
    """Return the frame with 0 for what is no number."""
    pcm, _ = sane(samples(frame))
    clean = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.T).reshape(1, -1), "flt", frame.layout.name)
    clean.sample_rate = frame.sample_rate
    return clean


def _drain(resampler: av.AudioResampler | None) -> Iterator[F32]:
    """Yield what a resampler still holds back."""
    if resampler is not None:
        # One that was never used, or needed no resampling, has nothing to give and says so by raising.
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            for out in resampler.resample(None):
                yield samples(out)
