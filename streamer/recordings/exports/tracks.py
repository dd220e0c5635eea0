"""`tracks.mkv` or `tracks.mka`: one track a speaker beside the recording's own picture, for editors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

from streamer.recordings.exports.muxing import ClockJumps, Packets, add_subtitles, copied, put, subtitle_packets
from streamer.transcripts.subtitles import Cue

Picture = tuple[Path, int, Sequence[tuple[int, float]]]
"""The recording, which of its streams is the picture, and from which packet on how many seconds its times gain."""

PIECE = 16_000
"""Samples that are read at once."""


def write_tracks(
    folder: Path,
    voices: Sequence[tuple[str, str]],
    begins: float,
    cues: Iterable[Cue],
    picture: Picture | None,
) -> tuple[str, str | None]:
    """Write the file.

    Args:
        folder: Where the voices are, and the file shall be.
        voices: File and title of each track.
        begins: When their first sample is, seconds.
        cues: Subtitles in order of time; there is no track for none.
        picture: Where it is; None without one.

    Returns:
        Its name; and what is missing in it, None if nothing is.
    """
    cues = list(cues)
    if picture is not None:
        path = folder / "tracks.mkv"
        try:
            _write(path, folder, voices, begins, cues, picture)
        except (ClockJumps, av.error.FFmpegError, ValueError):
            path.unlink(missing_ok=True)
        else:
            return path.name, None
    path = folder / "tracks.mka"
    _write(path, folder, voices, begins, cues, None)
    return (
        path.name,
        None if picture is None else "the picture cannot be copied into Matroska: tracks.mka has sound only",
    )


def _write(
    path: Path,
    folder: Path,
    voices: Sequence[tuple[str, str]],
    begins: float,
    cues: Sequence[Cue],
    picture: Picture | None,
) -> None:
    with ExitStack() as opened:
        container = opened.enter_context(av.open(f"file:{path}", "w", format="matroska"))
        sources: list[Packets] = []
        if picture is not None:
            recording, index, shifts = picture
            source = opened.enter_context(av.open(f"file:{recording}"))
            out = container.add_stream_from_template(source.streams[index])
            sources.append(copied(source, source.streams[index], out, shifts))
        for name, title in voices:
            rate = soundfile.info(folder / name).samplerate
            stream = container.add_stream("flac", rate=rate, layout="mono", format="s16")
            stream.metadata["title"] = title
            sources.append(encoded(folder / name, stream, rate, begins))
        if cues:
            sources.append(subtitle_packets(cues, add_subtitles(container), sized=False))
        container.start_encoding()
        put(container, sources)


def encoded(path: Path, stream: av.AudioStream, rate: int, begins: float) -> Packets:
    """Yield the packets of a WAV, of which the first sample is at `begins` seconds."""
    done = 0
    for piece in soundfile.blocks(path, PIECE, dtype="int16"):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece[None]), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round(begins * rate) + done
        yield from ((begins + done / rate, packet) for packet in stream.encode(frame))
        done += len(piece)
    yield from ((begins + done / rate, packet) for packet in stream.encode(None))
