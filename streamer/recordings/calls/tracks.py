"""`tracks.mkv` of a call: a track a voice, and everybody's microphone and camera as they were sent, in one file.

Sound and pictures of participants are not encoded anew: packets go from the journal into their track, at their time.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import soundfile

from streamer.recordings.calls.journal import Packet, records
from streamer.recordings.calls.story import PICTURES, Story, Track
from streamer.recordings.exports.muxing import MILLISECONDS, Packets, add_subtitles, put, subtitle_packets
from streamer.recordings.exports.tracks import encoded
from streamer.rtc.bitstream import h264_units, picture_size
from streamer.transcripts.subtitles import Cue

NAME = "tracks.mkv"

ATTACHED = {"transcript.json": "application/json", "events.jsonl": "application/x-ndjson"}
"""Files that go into it whole, where there are such."""

LAST_OF_SETS = 8
"""NAL units 7 and 8 of H264 are what decoding needs before any picture."""


def write_call_tracks(
    folder: Path, journal: Path, story: Story, voices: Sequence[tuple[str, str]], cues: Iterable[Cue]
) -> None:
    """Write the file.

    Args:
        folder: Where the voices are, and the file shall be.
        journal: Of the call.
        story: That it tells.
        voices: File and title of each voice, and of the rest.
        cues: Subtitles in order of time; there is no track for none.
    """
    cues = list(cues)
    with ExitStack() as opened:
        container = opened.enter_context(av.open(f"file:{folder / NAME}", "w", format="matroska"))
        sources: list[Packets] = []
        for name, title in voices:
            rate = soundfile.info(folder / name).samplerate
            flac = container.add_stream("flac", rate=rate, layout="mono", format="s16")
            flac.metadata["title"] = title
            sources.append(encoded(folder / name, flac, rate, 0.0))
        for (who, codec), track in sorted(story.tracks.items(), key=lambda one: (one[0][1] in PICTURES, one[1].first)):
            stream = _add(container, codec, track)
            if stream is not None:
                kind = "camera" if codec in PICTURES else "microphone"
                stream.metadata["title"] = f"{story.names.get(who, '')}, {kind}"
                sources.append(_packets(journal, story, who, codec, stream))
        if cues:
            sources.append(subtitle_packets(cues, add_subtitles(container), sized=False))
        for name, kind in ATTACHED.items():
            if (folder / name).is_file():
                container.add_attachment(name, kind, (folder / name).read_bytes())
        container.start_encoding()
        put(container, sources)


def _add(container: av.container.OutputContainer, codec: str, track: Track) -> av.stream.Stream | None:
    """Declare a track that nobody encodes for; None for one of which there is nothing that can be decoded."""
    if codec in PICTURES:
        if not track.key:
            return None
        if codec == "H264":
            # What describes the stream is in it: FFmpeg takes it out.
            sample = av.open(io.BytesIO(_whole(track.key, {})), format="h264")
            return container.add_stream_from_template(sample.streams.video[0])
        picture = container.add_stream("libvpx", rate=30)
        picture.width, picture.height = picture_size(codec, track.key) or (640, 480)
        picture.pix_fmt = "yuv420p"
        return picture
    if codec.lower() == "opus":
        return container.add_stream("libopus", rate=48_000, layout="stereo" if track.stereo else "mono")
    names = {"pcmu": "pcm_mulaw", "pcma": "pcm_alaw"}
    return container.add_stream(names[codec.lower()], rate=8000, layout="mono") if codec.lower() in names else None


def _packets(journal: Path, story: Story, who: str, codec: str, stream: av.stream.Stream) -> Packets:
    """Yield the packets of a track, from the first one that can be decoded on."""
    last, begun, sets = -1, codec not in PICTURES, dict[int, bytes]()
    for record in records(journal, Packet):
        assert isinstance(record, Packet)
        if (record.who, record.codec) != (who, codec):
            continue
        t = round((record.t - story.begun) * 1000)
        data = _whole(record.data, sets) if codec == "H264" else record.data
        begun |= record.key
        if not begun or t < 0:
            # Of pictures before the beginning a player would still need the first one.
            begun = begun and codec not in PICTURES
            continue
        last = t = max(t, last + 1)
        packet = av.Packet(data)
        packet.stream, packet.time_base = stream, Fraction(MILLISECONDS)
        packet.pts = packet.dts = t
        packet.is_keyframe = record.key
        yield t / 1000, packet


def _whole(data: bytes, sets: dict[int, bytes]) -> bytes:
    """Return an H264 picture with the parameter sets that it needs: some senders send them once.

    Args:
        data: As it came.
        sets: Those that came before, by their kind; grows.
    """
    units = h264_units(data)
    sets.update((kind, unit) for kind, unit in units if kind in (LAST_OF_SETS - 1, LAST_OF_SETS))
    kinds = {kind for kind, _ in units}
    if 5 in kinds:
        units = [item for item in sorted(sets.items()) if item[0] not in kinds] + units
    return b"".join(b"\x00\x00\x00\x01" + unit for _, unit in units)
