"""A journal as a call leaves it, made in a moment: flashes and beeps at each full second of the recording."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from streamer.recordings.calls.journal import MAGIC, Begun, Heard, Packet, Record, Told, packed

BEGUN = 1_800_000_000.0
SIZE = (160, 120)


def beep(t: np.ndarray) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * 1000 * t) * (t % 1.0 < 0.2)


@functools.cache
def sounds(begin: float, seconds: float) -> tuple[tuple[float, bytes], ...]:
    """Opus packets of 20 ms, the first at `begin`; a beep for the first 0.2 s of each second."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.time_base = Fraction(1, 48_000)
    made = []
    for n in range(round(seconds * 50)):
        pcm = beep(begin + n / 50 + np.arange(960) / 48_000)
        frame = av.AudioFrame.from_ndarray((pcm * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, n * 960, Fraction(1, 48_000)
        made += [(begin + n / 50, bytes(packet)) for packet in encoder.encode(frame)]
    return tuple(made)


@functools.cache
def pictures(codec: str, begin: float, seconds: float) -> tuple[tuple[float, bytes, bool], ...]:
    """25 pictures a second, white for the first 0.2 s of each second."""
    encoder = av.CodecContext.create({"VP8": "libvpx", "H264": "libx264"}[codec], "w")
    encoder.width, encoder.height, encoder.pix_fmt = *SIZE, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {"deadline": "realtime"} if codec == "VP8" else {"tune": "zerolatency", "preset": "ultrafast"}
    made = []
    for n in range(round(seconds * 25)):
        planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
        planes[: SIZE[1]] = 235 if (begin + n / 25) % 1.0 < 0.199 else 16
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = n, Fraction(1, 25)
        made += [(begin + n / 25, bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    return tuple(made)


def sent(who: str, codec: str, begin: float, seconds: float) -> list[Record]:
    """What somebody sends from `begin` on, seconds of the recording, as packets."""
    made: list[Record] = [Packet(BEGUN + t, who, "opus", data) for t, data in sounds(begin, seconds)]
    made += [Packet(BEGUN + t, who, codec, data, key) for t, data, key in pictures(codec, begin, seconds)]
    return made


def heard(who: str, begin: float, seconds: float, *voices: int) -> list[Record]:
    """The same as the models hear it; of all that each voice has a quarter."""
    made: list[Record] = []
    for n in range(round(seconds * 50)):
        pcm = (beep(begin + n / 50 + np.arange(320) / 16_000) * 32767).astype("<i2")
        part = (pcm // 4).astype("<i2").tobytes()
        made.append(Heard(BEGUN + begin + n / 50, who, pcm.tobytes(), dict.fromkeys(voices, part)))
    return made


def told(at: float, /, **message: Any) -> Told:
    return Told(BEGUN + at, json.dumps(message))


def room(t: float, **people: str | tuple[str, dict[int, str]]) -> Told:
    """Who is in the room, by id: the name, and names of faces."""
    here = []
    for id, called in people.items():
        name, faces = called if isinstance(called, tuple) else (called, {})
        here.append({"id": id, "name": name, "faces": {str(face): given for face, given in faces.items()}})
    return told(t, type="room", room={"participants": here, "hands": []})


def faces(t: float, who: str, *ids: int, speaking: float = 0.9) -> Told:
    face = {"name": None, "speaking": speaking, "lips_visible": True, "voice": "known", "voice_confidence": 0.8}
    seen = [face | {"id": id, "box": [0.25 * n, 0.0, 0.25, 0.5]} for n, id in enumerate(ids)]
    return told(t + 0.2, type="faces", participant=who, t=BEGUN + t, faces=seen, voices=[])


def caption(who: str, line: int, face: int | None, text: str, start: float, end: float, final: bool = True) -> Told:
    said = {"participant": who, "face": face, "id": line, "text": text, "final": final}
    return told(end, type="caption", start=BEGUN + start, end=BEGUN + end, **said)


def written(path: Path, parts: Iterable[Record], *last: Record) -> Path:
    """Write a journal, in order of time but for what comes last."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = [Begun(BEGUN, "room1"), *sorted(parts, key=lambda record: record.t), *last]
    path.write_bytes(MAGIC + b"".join(map(packed, ordered)))
    return path
