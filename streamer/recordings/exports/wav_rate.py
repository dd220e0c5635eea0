"""Voices at another rate, for editors that want the recording's own: the same sound, in step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile

from streamer.recordings.wav_file import WavFile

PIECE = 16_000
"""Samples that are read at once."""


def change_rate(path: Path, rate: int) -> None:
    """Replace a mono WAV by one of another rate; nothing above half the old rate is in it."""
    info = soundfile.info(path)
    new = WavFile(path.with_name(f".{path.name}"), rate)
    at = 0
    for frame in _resampled(path, info.samplerate, rate):
        pcm = frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
        new.put(at, pcm)
        at += len(pcm)
    new.finish(round(info.frames * rate / info.samplerate))
    new.path.replace(path)


def _resampled(path: Path, old: int, rate: int) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler("s16", "mono", rate)
    for piece in soundfile.blocks(path, PIECE, dtype="int16"):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None]), format="s16", layout="mono")
        frame.sample_rate = old
        yield from resampler.resample(frame)
    yield from resampler.resample(None)
