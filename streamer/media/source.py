"""The packets and frames of one track of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av

Frame = av.VideoFrame | av.AudioFrame


@dataclass
class Losses:
    """What of a track could not be decoded, or with faults alone.

    Attributes:
        packets: Number of damaged ones.
        seconds: That they would have lasted, as far as the file says.
    """

    packets: int = 0
    seconds: float = 0.0


@dataclass
class Times:
    """What is added to the times of a track, and the decoding times of packets that are on their way.

    Attributes:
        shifts: (packet, seconds) from `streamer.media.clock.Clock`.
        decoding: Seconds, of packets whose pictures have not come back.
    """

    shifts: tuple[tuple[int, float], ...] = ()
    decoding: list[float] = field(default_factory=list)


def opened(path: Path) -> av.container.InputContainer:
    """Open a file; without a protocol before it `12:30.mp4` would be something of the protocol 12."""
    return av.open(f"file:{path}", metadata_errors="replace")


def packets(container: av.container.InputContainer, *indices: int) -> Iterator[av.Packet[Any]]:
    """Yield the packets of tracks, up to the first that cannot be read; then one without data for each track."""
    # Of a damaged file FFmpeg finds more tracks the longer it reads.
    there = [container.streams[index] for index in indices if index < len(container.streams)]
    found = container.demux(there) if there else iter(())
    while True:
        try:
            packet = next(found)
        except (StopIteration, av.error.FFmpegError, IndexError):
            # PyAV looks for tracks that were not there when it was opened.
            return
        yield packet


def decode(
    container: av.container.InputContainer, index: int, times: Times | None = None, losses: Losses | None = None
) -> Iterator[Frame]:
    """Yield the frames of one track; damaged packets are left out and counted.

    Args:
        container: Just opened.
        index: Of the track.
        times: The clock that the frames are to have; None leaves them their own.
        losses: Counts what is left out.
    """
    times = Times() if times is None else times
    shifts = list(times.shifts)
    shift = 0.0
    for number, packet in enumerate(packets(container, index)):
        while shifts and shifts[0][0] <= number:
            shift = shifts.pop(0)[1]
        _move(packet, shift)
        if packet.size and packet.dts is not None and packet.time_base is not None:
            times.decoding.append(float(packet.dts * packet.time_base))
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            if packet.size and times.decoding:
                times.decoding.pop()
            _count(losses, packet)
            continue
        for frame in frames:
            if isinstance(frame, av.VideoFrame | av.AudioFrame):
                if frame.is_corrupt:
                    _count(losses, packet)
                yield frame


def _count(losses: Losses | None, packet: av.Packet[Any]) -> None:
    if losses is not None:
        losses.packets += 1
        losses.seconds += float((packet.duration or 0) * (packet.time_base or 0))


def _move(packet: av.Packet[Any], seconds: float) -> None:
    if seconds and packet.time_base is not None:
        ticks = round(seconds / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks


def first_frame(path: Path, index: int) -> Frame | None:
    """Return the first frame of a track that decodes, or None."""
    with opened(path) as container:
        return next(decode(container, index), None)
