"""The pictures of a recorded call side by side, and its sound together: what the overlay video is drawn on."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from models.common.arrays import F32, U8
from streamer.engine.types import FaceState
from streamer.media.pictures import Shot
from streamer.media.sound import Piece
from streamer.recordings.calls.journal import Packet, records
from streamer.recordings.calls.story import PICTURES, Story
from streamer.recordings.overlay_draw import PAPER, Canvas
from streamer.rtc.blocks import CALL_RATE, MonoDecoder

WIDTH, HEIGHT = 1280, 720
"""Pixels of the whole at most."""

RATE = 25
"""Pictures a second."""

LATE = 2.0
"""Seconds of the recording for which is waited: packets of different people are written as they come, not in step."""

STANDS = 2.0
"""Seconds that a picture stands after the last packet of somebody who has no more."""

TICKS = 90_000

LETTER = 14
"""Pixels that a letter of a name takes, about."""

DARK = (24, 128, 128)
"""Y, Cb, Cr of what is behind the pictures."""


@dataclass(frozen=True)
class Layout:
    """Where everybody's picture is.

    Attributes:
        width: Of the whole, pixels.
        height: Likewise.
        tile: Width and height of each place.
        places: Left and top of each participant's; two who were never there at once may have the same.
    """

    width: int
    height: int
    tile: tuple[int, int]
    places: dict[str, tuple[int, int]]

    def box(self, who: str, box: tuple[float, float, float, float], aspect: float) -> tuple[float, float, float, float]:
        """Return where in the whole a box is that is given in fractions of a participant's picture.

        Args:
            who: The participant.
            box: Left, top, width, height.
            aspect: Width of their picture, its height being 1.
        """
        (left, top), (across, down) = self.places[who], self.tile
        wide, high = fitted(aspect, across, down)
        left, top = left + (across - wide) // 2, top + (down - high) // 2
        x, y, w, h = box
        return (
            (left + x * wide) / self.width,
            (top + y * high) / self.height,
            w * wide / self.width,
            h * high / self.height,
        )


def fitted(aspect: float, across: int, down: int) -> tuple[int, int]:
    """Return the largest even size of an aspect that has room in a place."""
    wide, high = (across, across / aspect) if aspect > across / down else (down * aspect, down)
    return max(2, int(wide) // 2 * 2), max(2, int(high) // 2 * 2)


def layout(story: Story) -> Layout | None:
    """Place everybody who sent pictures; None for nobody."""
    spans: dict[str, tuple[float, float]] = {}
    for (who, codec), track in story.tracks.items():
        if codec in PICTURES and track.key:
            first, last = spans.get(who, (math.inf, 0.0))
            spans[who] = min(first, track.first), max(last, track.last + STANDS)
    if not spans:
        return None
    free_from: list[float] = []
    slots: dict[str, int] = {}
    for who, (first, last) in sorted(spans.items(), key=lambda span: span[1][0]):
        slot = next((n for n, end in enumerate(free_from) if end <= first), len(free_from))
        free_from[slot : slot + 1] = [last]
        slots[who] = slot
    columns = math.ceil(math.sqrt(len(free_from)))
    rows = math.ceil(len(free_from) / columns)
    across = WIDTH // columns // 2 * 2
    down = min(across * HEIGHT // WIDTH, HEIGHT // rows) // 2 * 2
    places = {who: (slot % columns * across, slot // columns * down) for who, slot in slots.items()}
    return Layout(columns * across, rows * down, (across, down), places)


@dataclass
class _Camera:
    """One participant's pictures on their way.

    Attributes:
        decoder: Of the codec they have now.
        codec: Its name.
        waiting: Time and planes of those that are not due.
        shown: Of the one that is.
        until: When it is taken away.
    """

    decoder: av.VideoCodecContext | None = None
    codec: str = ""
    waiting: deque[tuple[float, U8]] = field(default_factory=deque)
    shown: U8 | None = None
    until: float = math.inf


class Gallery:
    """Goes through a journal once; yields pictures and pieces of sound in order of time.

    Args:
        journal: Of the call.
        story: That it tells.
        layout: Where whose picture is; None for sound alone.
    """

    def __init__(self, journal: Path, story: Story, layout: Layout | None) -> None:
        self._journal, self._story, self._layout = journal, story, layout
        self._cameras: dict[str, _Camera] = {}
        self._sound = _Together()
        self._labels: dict[str, str] = {}
        self._next = 0

    def run(self) -> Iterator[Shot | Piece]:
        """Yield everything from the beginning of the recording to its end."""
        latest = 0.0
        for record in records(self._journal, Packet):
            assert isinstance(record, Packet)
            t = record.t - self._story.begun
            if record.codec in PICTURES:
                self._picture(record, t)
            else:
                self._sound.take(record, t)
            if t - latest > 1 / RATE:
                latest = t
                yield from self._due(latest - LATE)
        yield from self._due(self._story.end)

    def _due(self, until: float) -> Iterator[Shot | Piece]:
        yield from self._sound.due(until)
        while self._layout is not None and self._next / RATE <= until:
            t = self._next / RATE
            self._next += 1
            yield Shot(t, self._whole(self._layout, t))

    def _picture(self, packet: Packet, t: float) -> None:
        if self._layout is None or packet.who not in self._layout.places:
            return
        camera = self._cameras.setdefault(packet.who, _Camera())
        if camera.codec != packet.codec:
            name = {"VP8": "vp8", "H264": "h264"}[packet.codec]
            camera.codec, camera.decoder = packet.codec, av.CodecContext.create(name, "r")  # type: ignore[assignment]
        assert camera.decoder is not None
        data = av.Packet(packet.data)
        data.pts, data.time_base = round(t * TICKS), Fraction(1, TICKS)
        # What cannot be decoded is lost, and what depends on it.
        with contextlib.suppress(av.error.FFmpegError):
            for frame in camera.decoder.decode(data):
                wide, high = fitted(frame.width / frame.height, *self._layout.tile)
                small = frame.reformat(width=wide, height=high, format="yuv420p")
                camera.waiting.append((t, np.asarray(small.to_ndarray(), np.uint8)))

    def _whole(self, layout: Layout, t: float) -> av.VideoFrame:
        planes = np.empty((layout.height * 3 // 2, layout.width), np.uint8)
        planes[: layout.height], planes[layout.height :] = DARK[0], DARK[1]
        canvas = Canvas(planes, layout.width, layout.height)
        for who, camera in self._cameras.items():
            # The nearest picture, not the one before: half a step off at most.
            while camera.waiting and camera.waiting[0][0] <= t + 0.5 / RATE:
                at, camera.shown = camera.waiting.popleft()
                camera.until = at + STANDS if self._last(who) < at + STANDS else math.inf
            if camera.shown is not None and t <= camera.until:
                left, top = layout.places[who]
                _paste(planes, layout, camera.shown, left, top)
                canvas.label(
                    self._story.names.get(who, "")[: layout.tile[0] // LETTER],
                    left + 8,
                    top + layout.tile[1] - 8,
                    PAPER,
                    rises=True,
                )
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = round(t * TICKS), Fraction(1, TICKS)
        return frame

    def _last(self, who: str) -> float:
        return max(track.last for (one, codec), track in self._story.tracks.items() if one == who and codec in PICTURES)


def _paste(planes: U8, layout: Layout, picture: U8, left: int, top: int) -> None:
    """Put a picture into the middle of its place."""
    high, wide = picture.shape[0] * 2 // 3, picture.shape[1]
    left, top = left + (layout.tile[0] - wide) // 4 * 2, top + (layout.tile[1] - high) // 4 * 2
    planes[top : top + high, left : left + wide] = picture[:high]
    quarter = (layout.height // 2) * (layout.width // 2)
    own = (high // 2) * (wide // 2)
    for n in (0, 1):
        chroma = planes[layout.height :].reshape(-1)[n * quarter : (n + 1) * quarter]
        chroma = chroma.reshape(layout.height // 2, layout.width // 2)
        part = picture[high:].reshape(-1)[n * own : (n + 1) * own].reshape(high // 2, wide // 2)
        chroma[top // 2 : (top + high) // 2, left // 2 : (left + wide) // 2] = part


class _Together:
    """Everybody's sound added up, mono at 48 kHz."""

    def __init__(self) -> None:
        self._decoders: dict[tuple[str, str], tuple[av.AudioCodecContext, MonoDecoder]] = {}
        self._ends: dict[str, int] = {}
        self._mix: F32 = np.zeros(0, np.float32)
        self._begins = 0

    def take(self, packet: Packet, t: float) -> None:
        """Add a packet at its time, or where the one before ended if that is nearly the same."""
        name = {"opus": "opus", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}.get(packet.codec.lower())
        if name is None:
            return
        key = packet.who, name
        if key not in self._decoders:
            decoder = av.CodecContext.create(name, "r")
            assert isinstance(decoder, av.AudioCodecContext)
            decoder.sample_rate, decoder.layout = (CALL_RATE, "stereo") if name == "opus" else (8000, "mono")
            self._decoders[key] = decoder, MonoDecoder()
        decoder, mono = self._decoders[key]
        data = av.Packet(packet.data)
        data.pts, data.time_base = round(t * CALL_RATE), Fraction(1, CALL_RATE)
        with contextlib.suppress(av.error.FFmpegError):
            for frame in decoder.decode(data):
                frame.pts, frame.time_base = round(t * CALL_RATE), Fraction(1, CALL_RATE)
                for pts, pcm in mono.step(frame):
                    self._add(packet.who, pts, pcm)

    def due(self, until: float) -> Iterator[Piece]:
        """Yield what is whole up to a time."""
        size = round(until * CALL_RATE) - self._begins
        if size <= 0:
            return
        pcm = np.pad(self._mix[:size], (0, max(0, size - len(self._mix))))
        piece = Piece(self._begins / CALL_RATE, np.clip(pcm, -1, 1)[None])
        self._mix, self._begins = self._mix[size:], self._begins + size
        yield piece

    def _add(self, who: str, place: int, pcm: F32) -> None:
        end = self._ends.get(who, 0)
        if abs(place - end) <= CALL_RATE // 50:
            place = end
        skip = max(0, max(end, self._begins) - place)
        pcm, place = pcm[skip:], place + skip
        if not len(pcm):
            return
        self._ends[who] = place + len(pcm)
        at = place - self._begins
        if at + len(pcm) > len(self._mix):
            self._mix = np.pad(self._mix, (0, at + len(pcm) - len(self._mix)))
        self._mix[at : at + len(pcm)] += pcm


def face_state(told: dict[str, object], id: int, box: tuple[float, float, float, float]) -> FaceState:
    """Return a face as pages were told of it, under its number and place in the results."""
    return FaceState(
        id=id,
        box=box,
        score=1.0,
        lips_visible=bool(told["lips_visible"]),
        speaking=float(str(told["speaking"])),
        voice=told["voice"],  # type: ignore[arg-type]
        voice_confidence=float(str(told["voice_confidence"])),
        lip_lead=None,
    )
