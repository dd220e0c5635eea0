"""Small recordings made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def tone(seconds: float, rate: int, channels: int = 1, hertz: float = 440.0) -> NDArray[np.float32]:
    t = np.arange(round(seconds * rate)) / rate
    return np.tile(0.3 * np.sin(2 * np.pi * hertz * t), (channels, 1)).astype(np.float32)


def grey(value: int, width: int, height: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def write(
    path: Path,
    *,
    pictures: Iterable[tuple[float, NDArray[np.uint8]]] = (),
    pieces: Iterable[tuple[float, NDArray[np.float32]]] = (),
    rate: int = 48_000,
    video: str = "libx264",
    audio: str = "pcm_s16le",
    bit_rate: int | None = None,
    clock: int = 90_000,
) -> Path:
    """Write pictures (seconds, RGB) and sound (seconds, (channels, N)) with just these times."""
    pictures, pieces = list(pictures), list(pieces)
    with av.open(str(path), "w") as container:
        streams = []
        if pictures:
            stream = container.add_stream(video, rate=25)
            stream.height, stream.width = pictures[0][1].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, clock)
            if bit_rate is not None:
                stream.codec_context.bit_rate = bit_rate
            streams.append(stream)
        if pieces:
            layout = "mono" if len(pieces[0][1]) == 1 else "stereo"
            sound = container.add_stream(audio, rate=rate, layout=layout)
            streams.append(sound)
        todo: list[tuple[float, Callable[[], None]]] = []
        for t, rgb in pictures:
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = round(t * 90_000), Fraction(1, 90_000)
            todo.append((t, lambda frame=frame: container.mux(stream.encode(frame))))
        for t, pcm in pieces:
            block = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(np.rint(pcm.T * 32767).astype(np.int16)).reshape(1, -1),
                format="s16",
                layout=layout,
            )
            block.sample_rate, block.pts, block.time_base = rate, round(t * rate), Fraction(1, rate)
            todo.append((t, lambda block=block: container.mux(sound.encode(block))))
        for _, act in sorted(todo, key=lambda item: item[0]):
            act()
        for each in streams:
            container.mux(each.encode(None))
    return path


def clip(path: Path, seconds: float = 2.0, size: tuple[int, int] = (160, 120), rate: int = 48_000) -> Path:
    """A plain recording: grey pictures at 25 Hz and a tone."""
    count = round(seconds * 25)
    pictures = [(i / 25, grey(100, *size)) for i in range(count)]
    sound = tone(seconds, rate)
    step = rate // 10
    pieces = [(i * step / rate, sound[:, i * step : (i + 1) * step]) for i in range(round(seconds * 10))]
    return write(path, pictures=pictures, pieces=pieces, rate=rate)


def spoil(path: Path, which: slice, **stream: int) -> None:
    """Fill some packets of one track, `video=0` or `audio=0`, with zeros."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(**stream) if packet.size]
    for packet in packets[which]:
        at = data.index(packet)
        data[at : at + len(packet)] = bytes(len(packet))
    path.write_bytes(data)
