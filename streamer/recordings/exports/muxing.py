"""Packets of several streams into one file: copied, or subtitles made from scratch."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from heapq import merge
from math import inf
from pathlib import Path
from typing import Any

import av
from av.stream import AttachmentStream

from streamer.transcripts.subtitle_text import harmless
from streamer.transcripts.subtitles import Cue

Packets = Iterator[tuple[float, "av.Packet[Any]"]]
"""Of one stream, with the time of each in seconds; they come in that order."""

CLOCK_STEP, STEP_BACK = 600.0, 0.5
"""Seconds by which packets that follow each other may be apart and step back; more is a clock that jumps."""

MILLISECONDS = Fraction(1, 1000)

STYLE = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
"""From which the MP4 codec makes the description that QuickTime asks for."""


class ClockJumps(Exception):
    """Packets whose times step back or far ahead: copied, they would not be in step with anything."""


def put(container: av.container.OutputContainer, sources: Iterable[Packets]) -> None:
    """Write the packets of several streams in order of time."""
    for _, packet in merge(*sources, key=lambda timed: timed[0]):
        container.mux(packet)


def copied(
    source: av.container.InputContainer,
    stream: av.stream.Stream,
    out: av.stream.Stream,
    shifts: Sequence[tuple[int, float]] = (),
    negative: bool = False,
    longest: float = CLOCK_STEP,
) -> Packets:
    """Yield a stream's packets for another file.

    Args:
        source: Opened for this alone.
        stream: Of it.
        out: The stream that they go to.
        shifts: For packets of a number on, seconds added to their times.
        negative: Whether the file can say that a picture is decoded before 0; Matroska would move everything instead.
        longest: Seconds that two packets may be apart.

    Raises:
        ClockJumps: Their times are of no use.
    """
    last: float | None = None
    shift, coming = 0.0, deque(shifts)
    for number, packet in enumerate(source.demux(stream)):
        while coming and coming[0][0] <= number:
            shift = coming.popleft()[1]
        if not packet.size:
            continue
        if packet.pts is None or packet.time_base is None:
            raise ClockJumps
        ticks = round(shift / packet.time_base)
        packet.pts += ticks
        # The first ones may have no time of decoding.
        dts = packet.dts + ticks if packet.dts is not None else round((last or 0.0) / packet.time_base)
        t = float(dts * packet.time_base)
        stepped = last is not None and not last - STEP_BACK <= t <= last + longest
        if stepped or float(packet.pts * packet.time_base) - t > longest:
            raise ClockJumps
        if last is not None and t < last:
            t, dts = last, round(last / packet.time_base)
        last = t
        packet.dts, packet.stream = dts if negative else max(dts, 0), out
        yield t, packet


def add_subtitles(container: av.container.OutputContainer) -> av.stream.Stream:
    """Add a stream of subtitles to a Matroska or MP4 file."""
    if container.format.name == "mp4":
        text = container.add_stream("mov_text")
        text.codec_context.subtitle_header = STYLE
        stream: av.stream.Stream = text
    else:
        stream = container.add_mux_stream("subrip")
    stream.time_base = MILLISECONDS
    stream.metadata["title"] = "Subtitles"
    return stream


def subtitle_packets(cues: Iterable[Cue], stream: av.stream.Stream, sized: bool) -> Packets:
    """Yield subtitles.

    Of those that stand at once players of such streams show one: they are put together, and cut where one ends.

    Args:
        cues: In order of time.
        stream: That they go to.
        sized: Whether the format wants the length before the text, as MP4 does.
    """
    for start, end, text in flattened(cues):
        raw = harmless(text).encode()
        packet = av.Packet(struct.pack(">H", len(raw)) + raw if sized else raw)
        packet.stream, packet.time_base = stream, MILLISECONDS
        packet.pts = packet.dts = start
        packet.duration = end - start
        yield start / 1000, packet


def flattened(cues: Iterable[Cue]) -> list[tuple[int, int, str]]:
    """Return (start, end, text) of stretches that do not overlap, with all that stands in each."""
    cues = list(cues)
    edges = sorted({edge for cue in cues for edge in (cue.start, cue.end)})
    standing: list[Cue] = []
    made: list[tuple[int, int, str]] = []
    at = 0
    for i, edge in enumerate(edges[:-1]):
        standing = [cue for cue in standing if cue.end > edge]
        while at < len(cues) and cues[at].start <= edge:
            standing.append(cues[at])
            at += 1
        if standing:
            made.append((edge, edges[i + 1], "\n".join(line for cue in standing for line in cue.lines)))
    return made


def remuxed(old: Path, new: Path, titles: Iterable[str | None], cues: Iterable[Cue] | None) -> None:
    """Copy a file with other titles of its tracks and other subtitles.

    Args:
        old: What is copied: pictures and sound.
        new: Where to.
        titles: Of its sound tracks; None or missing leaves one as it is.
        cues: The new subtitles; None for none.
    """
    with av.open(f"file:{new}", "w", options={"movflags": "+faststart"} if new.suffix == ".mp4" else {}) as container:
        with ExitStack() as opened:
            listed = opened.enter_context(av.open(f"file:{old}"))
            named, sources = iter(titles), []
            for stream in listed.streams:
                if isinstance(stream, AttachmentStream):
                    # What lies beside the file is newer.
                    beside = old.with_name(stream.name or "")
                    data = beside.read_bytes() if beside.is_file() else bytes(stream.data or b"")
                    container.add_attachment(stream.name or "", stream.mimetype or "", data)
                if stream.type not in ("video", "audio"):
                    continue
                out = container.add_stream_from_template(stream)
                out.metadata.update(
                    {key: value for key, value in stream.metadata.items() if key in ("title", "language")}
                )
                if stream.type == "audio" and (title := next(named, None)) is not None:
                    out.metadata["title"] = title
                # A demuxer of its own for each: streams are read at different speeds.
                alone = opened.enter_context(av.open(f"file:{old}"))
                sources.append(
                    copied(alone, alone.streams[stream.index], out, negative=new.suffix == ".mp4", longest=inf)
                )
            if cues is not None:
                sources.append(subtitle_packets(cues, add_subtitles(container), new.suffix == ".mp4"))
            container.start_encoding()
            put(container, sources)
