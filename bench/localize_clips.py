"""Whether filmed talkers are found by their sound: `python -m bench.localize_clips FOLDER…`.

FOLDER holds videos, each of one talker with sound. Every clip is played, a map every 200 ms, once with its own sound
and once with that of another talker: nothing to be seen makes that. Of the moments with sound as loud as the clip's
own, within 20 dB, it counts how many are lit, and of these how many on the face that a detector finds: by the localizer
alone, and by `earshot process`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from bench.page import publish, table, verdict
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.detect import FaceDetector
from models.localization.box import Box
from models.localization.runtime import Localizer
from models.vision.image_runtime import fit

SUFFIXES = (".mpg", ".mp4", ".mov", ".mkv", ".webm")
MAP_EVERY, FIRST = 0.2, 1.4
QUIETER = 20.0
"""dB below the loudest 0.6 s, from which a moment counts as silent."""

LIT, FALSE = 0.6, 0.05
"""Share of moments with a source to be lit at least; of those without at most."""

WIDER = 0.25
"""Of a face's box, by which it may be missed: a detector's boxes leave chin and hair out."""


Place = tuple[float, float] | None


@dataclass
class Clip:
    """A clip.

    Attributes:
        path: of the file.
        pictures: times in seconds, and pictures (224, 224, 3).
        sound: (N,) at 16 kHz.
        faces: of the picture at each of the times, box of the largest face.
    """

    path: Path
    pictures: list[tuple[float, U8]] = field(default_factory=list)
    sound: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    faces: list[Box | None] = field(default_factory=list)


def read(path: Path, detector: FaceDetector) -> Clip:
    """Read a video; every fifth picture is searched for faces."""
    clip, parts = Clip(path), []
    face: Box | None = None
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
            if isinstance(frame, av.AudioFrame):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                continue
            if not isinstance(frame, av.VideoFrame) or frame.time is None:
                continue
            rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            if len(clip.pictures) % 5 == 0:
                face = largest(rgb, detector) or face
            clip.pictures.append((frame.time, fit(rgb)))
            clip.faces.append(face)
    start = clip.pictures[0][0] if clip.pictures else 0.0
    clip.pictures = [(t - start, rgb) for t, rgb in clip.pictures]
    clip.sound = np.concatenate(parts).astype(np.float32) if parts else clip.sound
    return clip


def largest(rgb: U8, detector: FaceDetector) -> Box | None:
    """Return the box of the largest face, widened, as fractions."""
    height, width = rgb.shape[:2]
    scale = min(1.0, 640 / max(height, width))
    small = cv2.resize(rgb, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    boxes = [found.box for found in detector.whole(np.asarray(small, np.uint8))]
    if not boxes:
        return None
    x, y, w, h = max(boxes, key=lambda box: box[2] * box[3])
    high, wide = small.shape[:2]
    return (x - WIDER * w) / wide, (y - WIDER * h) / high, (1 + 2 * WIDER) * w / wide, (1 + 2 * WIDER) * h / high


def moments(localizer: Localizer, clip: Clip, sound: F32) -> list[tuple[float, Place]]:
    """Play a clip with some sound; return when there was a map and what place it shows."""
    state, heard, due, found = localizer.open(), 0, FIRST, []
    block = SAMPLE_RATE // 50
    for t, rgb in clip.pictures:
        localizer.see(state, t, rgb)
        while heard + block <= min(len(sound), (t + 0.04) * SAMPLE_RATE):
            localizer.hear(state, heard / SAMPLE_RATE, sound[heard : heard + block])
            heard += block
        if t >= due and t <= len(sound) / SAMPLE_RATE:
            due += MAP_EVERY
            found.append((t, localizer.locate([state])[0].peak))
    return found


def processed(clips: list[Clip], sounds: list[F32]) -> list[list[tuple[float, Place]]]:
    """Let `earshot process` find places in clips with some sounds; return the same as `moments` of each."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{i:03d}.mkv") for i in range(len(clips))]
        for path, clip, sound in zip(paths, clips, sounds, strict=True):
            with_sound(path, clip, sound)
        options = ["--one-pass", "--no-overlay", "--no-tracks", "--speech", "none", "--out", f"{folder}/out"]
        command = [sys.executable, "-m", "streamer", "process", *map(str, paths), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = []
        for path in paths:
            lines = Path(folder, "out", path.stem, "events.jsonl").read_text("utf-8").splitlines()
            events = [event for event in map(json.loads, lines) if event["type"] == "localization"]
            found.append([(e["t"], tuple(e["peak"]) if e["peak"] else None) for e in events if e["t"] >= FIRST])
        return found


def with_sound(path: Path, clip: Clip, sound: F32) -> None:
    """Write a clip's pictures as they are, with another sound as long as they."""
    with av.open(str(clip.path)) as source, av.open(str(path), "w") as target:
        video = source.streams.video[0]
        pictures = target.add_stream_from_template(video)
        audio = target.add_stream("pcm_s16le", SAMPLE_RATE, layout="mono")
        whole = np.resize(sound, round((clip.pictures[-1][0] + 0.04) * SAMPLE_RATE))
        frame = av.AudioFrame.from_ndarray((whole * 32767).astype(np.int16)[None], "s16", "mono")
        frame.rate = SAMPLE_RATE
        first: int | None = None
        for packet in source.demux(video):
            if packet.dts is not None and packet.pts is not None:
                first = packet.pts if first is None else first
                packet.dts, packet.pts, packet.stream = packet.dts - first, packet.pts - first, pictures
                target.mux(packet)
        target.mux(audio.encode(frame))
        target.mux(audio.encode(None))


def audible(found: list[tuple[float, Place]], sound: F32) -> list[tuple[float, Place]]:
    """Return those of the moments at which there is sound."""
    loudest = max(level(sound, at / 10) for at in range(6, max(7, 10 * len(sound) // SAMPLE_RATE)))
    return [(t, place) for t, place in found if level(sound, t) > loudest - QUIETER]


def level(sound: F32, t: float) -> float:
    """Return dB of the 0.6 s before a time."""
    end = round(t * SAMPLE_RATE)
    return 10 * float(np.log10(np.mean(sound[max(0, end - 9600) : max(end, 1)] ** 2) + 1e-12))


def on(peak: tuple[float, float], box: Box | None) -> bool:
    """Return whether a place lies in a box."""
    return box is not None and box[0] <= peak[0] <= box[0] + box[2] and box[1] <= peak[1] <= box[1] + box[3]


def score(
    clips: list[Clip], own: list[list[tuple[float, Place]]], other: list[list[tuple[float, Place]]]
) -> tuple[list[str], float, float]:
    """Return cells of the table, and the shares of moments that are lit, and that are wrongly."""
    lit = right = 0
    for clip, found in zip(clips, own, strict=True):
        times = np.array([t for t, _ in clip.pictures])
        for t, place in found:
            if place is not None:
                lit += 1
                right += on(place, clip.faces[int(np.abs(times - t).argmin())])
    count, without = sum(map(len, own)), sum(map(len, other))
    false = sum(place is not None for found in other for _, place in found)
    never = sum(all(place is None for _, place in found) for found in own)
    shares = lit / max(count, 1), false / max(without, 1)
    cells = [f"{lit} of {count} ({shares[0]:.0%})", f"{right} of {lit}", str(never)]
    return [*cells, f"{false} of {without} ({shares[1]:.0%})"], *shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    folders: list[Path] = parser.parse_args().folders
    cv2.setNumThreads(1)
    localizer, detector = Localizer(), FaceDetector()
    rows, shown, wrong = [], 0.0, 0.0
    for folder in folders:
        clips = [read(path, detector) for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
        own = [clip.sound for clip in clips]
        # Far enough along the list to be somebody else.
        other = [np.resize(own[(i + len(own) // 2) % len(own)], len(sound)) for i, sound in enumerate(own)]
        ways = [("localizer", [[moments(localizer, *pair) for pair in zip(clips, sounds, strict=True)]
                                      for sounds in (own, other)])]  # fmt: skip
        ways.append(("`earshot process`", [processed(clips, sounds) for sounds in (own, other)]))
        for way, found in ways:
            heard = [
                [audible(*pair) for pair in zip(part, sounds, strict=True)]
                for part, sounds in zip(found, (own, other), strict=True)
            ]
            cells, shown, wrong = score(clips, *heard)
            rows.append([folder.name, str(len(clips)), way, *cells])
    head = ["folder", "clips", "by", "moments lit", "on the face", "clips never lit", "lit by another's voice"]
    text = table(head, rows)
    text += f"\n\nAims: {LIT:.0%} of the moments lit, at most {FALSE:.0%} by another's voice: "
    text += f"of the last row {'kept' if shown >= LIT else '**not kept**'}, {verdict(wrong, FALSE)}."
    publish("localize_clips", "python -m bench.localize_clips FOLDER…", text)


if __name__ == "__main__":
    main()
