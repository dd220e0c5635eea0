"""A look at a file before it is read: which tracks can be used, by which clock, and what is wrong with it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log10
from pathlib import Path

import av
import av.error
import av.stream

from streamer.errors import UserError
from streamer.media import choose
from streamer.media.choice import Choice
from streamer.media.clock import Clock, ClockReader
from streamer.media.hdr import is_hdr
from streamer.media.info import MediaInfo, PictureTrack, SoundTrack, Timing
from streamer.media.source import first_frame, opened, packets
from streamer.media.upright import pose

ESTIMATED = {"mpegts", "mpeg", "aac", "ac3", "eac3", "dts", "mp3", "loas", "h264", "hevc", "mpegvideo"}
"""Formats that do not tell how long they are; FFmpeg guesses."""

STILLS = {"image2", "gif", "apng"}
STILL_BRANDS = {"heic", "heix", "heim", "heis", "mif1", "avif"}
"""Formats of pictures, which are files of one picture; and the same inside the boxes of MP4."""

LARGEST_WAV = 0x7FFF0000
"""Bytes from which the size in a WAV means that it is not known."""

RATE = 25.0
"""Pictures a second where nothing tells."""

SHORT = 0.5, 0.01
"""Seconds, and share of the whole, from which missing sound is told."""


def inspect(path: Path, choice: Choice | None = None, listen: float | None = None) -> MediaInfo:
    """Open a file and see whether and how it can be used.

    Args:
        path: The file.
        choice: Which sound is wanted.
        listen: Most seconds of sound that are gone through to learn its levels; None is all.

    Raises:
        UserError: it is missing, a folder, empty, no media, nothing in it can be decoded, or it lacks what was chosen.
    """
    if not path.exists():
        raise UserError(f"{path}: there is no such file")
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a file")
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise UserError(f"{path} is empty")
        with opened(path) as container:
            return _describe(path, container, choice or Choice(), listen)
    except (av.error.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise UserError(f"{path} cannot be read as video or sound: {reason}") from error


def _describe(path: Path, container: av.container.InputContainer, choice: Choice, listen: float | None) -> MediaInfo:
    notes: list[str] = []
    video, frame = next(_pictures(path, container), (None, None))
    chosen = choose.sounds(path, container, choice, listen, notes)
    if video is None and not chosen:
        raise UserError(f"{path} holds neither pictures nor sound that can be read")
    indices = [sound.stream.index for sound in chosen] + ([video.index] if video else [])
    read = _read(container, indices)
    clock = read.clock
    tracks = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if video is not None and len(tracks) > 1:
        number = 1 + [stream.index for stream in tracks].index(video.index)
        notes.append(f"picture track {number} of {len(tracks)} is seen, the others are not")
    info = MediaInfo(
        duration=_duration(path, container, read, video, notes), is_still=read.is_still(container, video, bool(chosen))
    )
    if video is not None and frame is not None:
        width, height = pose(frame, video).size(frame.width, frame.height)
        rate = float(video.average_rate or video.guessed_rate or RATE)
        timing = read.timing(video, container.format.name)
        if timing == "none" and not info.is_still:
            notes.append(f"the pictures have no times: they are taken to be {rate:g} a second")
            info = replace(info, duration=info.duration or read.counts[video.index][0] / rate)
        info = replace(
            info,
            pictures=PictureTrack(video.index, clock.shifts.get(video.index, ()), timing, rate),
            width=width,
            height=height,
            frame_rate=float(video.average_rate or 0),
            video_codec=video.codec_context.name,
            hdr=is_hdr(frame),
        )
    if chosen:
        sounds = tuple(_track(container, sound, clock) for sound in chosen)
        first = chosen[0].stream
        rows = sum(track.channels for track in sounds)
        together = len(sounds) > 1
        info = replace(
            info,
            sounds=sounds,
            audio_rate=first.rate,
            channels=1 if choice.microphones else max(track.channels for track in sounds),
            audio_codec=first.codec_context.name,
            microphones=rows if choice.microphones else 0,
            scale=1 / max(1.0, sum(sound.peak for sound in chosen)) if together and not choice.microphones else 1.0,
            boost=min(track.treatment.boost for track in sounds),
        )
        for sound in chosen:
            told = (*sound.treatment.notes, *_holes(sound, clock))
            notes += [f"sound track {sound.number}: {note}" if together else note for note in told]
    if info.boost > 1:
        more = 20 * log10(info.boost)
        notes.append(f"the sound is faint: it is amplified by {more:.0f} dB for the models, not in the files")
    notes += _jumps(clock)
    return replace(info, notes=tuple(notes))


def _pictures(path: Path, container: av.container.InputContainer) -> Iterator[tuple[av.VideoStream, av.VideoFrame]]:
    """Yield the tracks of pictures that decode, with their first picture; cover art is none."""
    for stream in container.streams.video:
        if stream.codec_context is None or stream.disposition & av.stream.Disposition.attached_pic:
            continue
        frame = first_frame(path, stream.index)
        if isinstance(frame, av.VideoFrame):
            yield stream, frame


def _track(container: av.container.InputContainer, sound: choose.Chosen, clock: Clock) -> SoundTrack:
    stream = sound.stream
    shifts = clock.shifts.get(stream.index, ())
    declared = 0.0
    if container.format.name not in ESTIMATED and stream.duration is not None and stream.time_base is not None:
        declared = float(stream.duration * stream.time_base) if len(shifts) < 2 else 0.0
    return SoundTrack(
        index=stream.index,
        rate=stream.rate,
        stored=stream.channels,
        channels=sound.rows,
        shifts=shifts,
        end=clock.ends.get(stream.index, 0.0),
        declared=declared if declared > 0 else None,
        treatment=sound.treatment,
    )


@dataclass
class _Read:
    """What the packets told.

    Attributes:
        clock: Of the chosen tracks.
        counts: Their packets, those with a time of showing, with one of decoding, and those shown out of order.
        latest: Seconds at which the last of all tracks ends.
    """

    clock: Clock
    counts: dict[int, list[int]]
    latest: float

    def timing(self, video: av.VideoStream, format: str) -> Timing:
        """Return where the times of pictures come from."""
        count, shown, decoded, back = self.counts.get(video.index, [0, 0, 0, 0])
        if format == "avi" and not back and decoded == count:
            # There are only times of decoding in it; FFmpeg gives them out as those of showing.
            return "order"
        if shown == count:
            return "own"
        if decoded == count:
            return "order"
        return "own" if shown else "none"

    def is_still(self, container: av.container.InputContainer, video: av.VideoStream | None, heard: bool) -> bool:
        """Return whether the file is a picture."""
        if heard or video is None:
            return False
        name, brand = container.format.name, container.metadata.get("major_brand", "").strip()
        alone = self.counts.get(video.index, [0])[0] <= 1
        return brand in STILL_BRANDS or name.endswith("_pipe") or (name in STILLS and alone)


def _read(container: av.container.InputContainer, indices: list[int]) -> _Read:
    reader = ClockReader()
    counts = {index: [0, 0, 0, 0] for index in indices}
    newest: dict[int, int] = {}
    latest = 0.0
    every = [stream.index for stream in container.streams if stream.type in ("video", "audio", "subtitle", "data")]
    for packet in packets(container, *every):
        if packet.time_base is None or not packet.size:
            continue
        index = packet.stream_index
        shown = packet.pts if packet.pts is not None else packet.dts
        base, duration = packet.time_base, packet.duration or 0
        if shown is not None:
            latest = max(latest, float((shown + duration) * base))
        if index not in counts:
            continue
        count = counts[index]
        if shown is not None:
            decoded = None if packet.dts is None else float(packet.dts * base)
            reader.packet(index, count[0], decoded, float(shown * base), float(duration * base))
        count[0] += 1
        count[1] += packet.pts is not None
        count[2] += packet.dts is not None
        if packet.pts is not None:
            count[3] += packet.pts < newest.get(index, packet.pts)
            newest[index] = packet.pts
    starts = {
        index: float(stream.start_time * stream.time_base)
        for index in indices
        if (stream := container.streams[index]).start_time is not None and stream.time_base is not None
    }
    return _Read(reader.clock(starts), counts, latest)


def _duration(
    path: Path, container: av.container.InputContainer, read: _Read, video: av.VideoStream | None, notes: list[str]
) -> float | None:
    """Return how long the file is: as long as it says, unless that is not so."""
    said = container.duration / av.time_base * _announced(path, container) if container.duration else None
    found = read.clock.end
    if said is None or read.clock.jumps or read.clock.apart:
        return found or said
    missing = said - (read.latest - (container.start_time or 0) / av.time_base)
    # The last picture may have no length in the file.
    picture = 0.0 if video is None else 2 / float(video.average_rate or RATE)
    if container.format.name not in ESTIMATED and missing > max(SHORT[0], SHORT[1] * said, picture):
        notes.append(f"the file is cut short: it ends after {found:.1f} s, {missing:.1f} s before its time")
        return found
    return said


def _announced(path: Path, container: av.container.InputContainer) -> float:
    """Return how much longer than it is a WAV says that it is, for FFmpeg does not tell; 1 of other formats."""
    if container.format.name != "wav":
        return 1.0
    with path.open("rb") as file:
        (size,) = struct.unpack("<I", file.read(8)[4:])
    # One that was written as it came has no size, or the largest.
    return max(1.0, (size + 8) / path.stat().st_size) if size < LARGEST_WAV else 1.0


def _holes(sound: choose.Chosen, clock: Clock) -> Iterator[str]:
    """Say how much sound is missing between its beginning and its end."""
    index = sound.stream.index
    if sound.seconds is None or index not in clock.ends:
        return
    missing = clock.ends[index] - clock.begins[index] - sound.seconds
    if missing > max(SHORT[0], SHORT[1] * sound.seconds):
        yield f"{missing:.1f} s of sound are missing on the way, and are silent"


def _jumps(clock: Clock) -> Iterator[str]:
    """Say where the clock was mended; of many jumps the first ones."""
    for jump in clock.jumps[:3]:
        way = "forward" if jump.by > 0 else "back"
        yield f"the file's clock jumps {way} by {abs(jump.by):.1f} s at {jump.t:.1f} s: that is mended"
    if len(clock.jumps) > 3:
        yield f"the file's clock jumps {len(clock.jumps) - 3} times more: that is mended"
    if clock.apart:
        yield "sound and pictures are stamped by different clocks: both are taken to begin together"
