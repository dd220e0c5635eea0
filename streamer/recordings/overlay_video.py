"""The overlay video: the recording's own pictures and sound, with a box and a name on every face."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np

from streamer.engine.types import FaceState
from streamer.media.av_errors import as_os_errors
from streamer.media.hdr import SDR
from streamer.media.info import MediaInfo
from streamer.media.pictures import Shot, even_size
from streamer.media.sound import Piece
from streamer.recordings.annotations import Annotations
from streamer.recordings.beside import Beside
from streamer.recordings.overlay_draw import Canvas

TALLEST = 1080
"""Lines; larger pictures are shrunk to this."""

CLOCK = 90_000
LARGER = 1.2
"""How many times as many bits as the recording the overlay may have. "ultrafast" took two thirds of the time of
"superfast", and made three times the file."""

LEAST_BITS = 64_000
"""Of the pictures, a second."""

AAC_BITS = 96_000
AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)


class OverlayWriter:
    """Draws and encodes on a thread of its own, while the models work on.

    Args:
        path: An `.mp4` file.
        info: Of the recording; it has video.
        bit_rate: Bits a second of the recording, None if unknown: what is made of it is not to be much larger.
        names: Of faces that have one.
    """

    def __init__(
        self, path: Path, info: MediaInfo, bit_rate: float | None = None, names: Mapping[int, str] | None = None
    ) -> None:
        self._names = names or {}
        self._width, self._height = even_size(info.width, info.height, TALLEST)
        self._container = av.open(f"file:{path}", "w", options={"movflags": "+faststart"})
        rate = Fraction(info.frame_rate or 25).limit_denominator(1001)
        self._video = self._container.add_stream("libx264", rate=rate)
        self._video.width, self._video.height = self._width, self._height
        self._video.pix_fmt = "yuv420p"
        if info.hdr:
            context = self._video.codec_context
            context.color_trc = context.color_primaries = context.colorspace = SDR
        # Pictures keep their own times: a recording need not have a steady rate.
        self._video.codec_context.time_base = Fraction(1, CLOCK)
        most = None if bit_rate is None else max(LARGER * bit_rate - AAC_BITS * (info.audio is not None), bit_rate / 2)
        self._video.options = {"preset": "superfast", "crf": "23", "threads": "1", **_capped(most)}
        self._audio: av.AudioStream | None = None
        self._audio_rate = info.audio_rate
        if info.audio is not None:
            coded = info.audio_rate if info.audio_rate in AAC_RATES else 48_000
            layout = "mono" if info.channels == 1 else "stereo"
            self._audio = self._container.add_stream("aac", rate=coded, layout=layout)
            self._audio.codec_context.bit_rate = AAC_BITS
        self._last_pts = -1
        self._beside = Beside("overlay")

    def picture(self, shot: Shot, faces: list[FaceState], annotations: Annotations) -> None:
        """Add a picture with what is to be drawn on it; they come in order of time."""
        self._do(partial(self._encode_picture, shot, faces, annotations))

    def sound(self, piece: Piece) -> None:
        """Add sound at the recording's own rate; pieces join end to end."""
        if self._audio is not None:
            self._do(partial(self._encode_sound, piece))

    def close(self) -> None:
        """Finish the file; raises what went wrong on the thread."""
        try:
            self._do(self._finish)
            self._beside.close()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """End the thread, whatever became of the file."""
        self._beside.abandon()
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()

    def _do(self, work: Callable[[], None]) -> None:
        self._beside.do(as_os_errors()(work))

    def _finish(self) -> None:
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def _encode_picture(self, shot: Shot, faces: list[FaceState], annotations: Annotations) -> None:
        pts = round(shot.t * CLOCK)
        if pts <= self._last_pts:
            return
        self._last_pts = pts
        planes = shot.planes(self._width, self._height)
        if not planes.flags.writeable:
            planes = planes.copy()
        Canvas(planes, self._width, self._height, self._names).draw(faces, annotations)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = pts, Fraction(1, CLOCK)
        self._container.mux(self._video.encode(frame))

    def _encode_sound(self, piece: Piece) -> None:
        assert self._audio is not None
        layout = "mono" if len(piece.pcm) == 1 else "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece.pcm), format="fltp", layout=layout)
        frame.sample_rate = self._audio_rate
        frame.pts, frame.time_base = round(piece.t * self._audio_rate), Fraction(1, self._audio_rate)
        self._container.mux(self._audio.encode(frame))


def _capped(bits: float | None) -> dict[str, str]:
    """Return encoder options for at most so many bits a second, evened out over one second."""
    if bits is None:
        return {}
    most = max(round(bits), LEAST_BITS)
    return {"maxrate": str(most), "bufsize": str(most)}
