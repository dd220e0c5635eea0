"""`earshot process` on the demo clip: how fast, and how well the two voices come apart. `python -m bench.process`."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from bench.page import publish, table
from bench.si_sdr import si_sdr
from bench.summary import ROOT
from models.common.audio import SAMPLE_RATE
from models.speech.transcriber import has_second_reader
from streamer.demo.clip import DemoClip, demo_clip

RUNS = 3

DEFAULT = "both passes, tuned to the voices between them (the default)"

WITHOUT_SECOND_READER = (
    "import sys; sys.modules['faster_whisper'] = None; sys.argv[0] = 'earshot'; "
    "from streamer.__main__ import main; main()"
)
"""Program that runs the command line as if the extra `languages` were not installed."""


def projection_ratio(estimate: np.ndarray, target: np.ndarray, other: np.ndarray) -> float:
    """How much louder the target is in the estimate than the other, dB, by least squares."""
    a, b = np.linalg.lstsq(np.stack([target, other], axis=1), estimate, rcond=None)[0]
    return float(20 * np.log10(abs(a) / abs(b)))


def separation(clip: DemoClip, out: Path) -> list[list[str]]:
    """Rows of the stretches in which both puppets talk, once both voices are known."""
    sources = [soundfile.read(path, dtype="float64")[0] for path in clip.sources]
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    boxes = {event["id"]: event["box"] for event in events if event["type"] == "face"}
    # Left portrait first, as the sources are.
    ids = sorted(boxes, key=lambda id: boxes[id][0])[:2]
    voices = [soundfile.read(out / f"face-{id}.wav", dtype="float64")[0] for id in ids]
    rows = []
    for turn in (turn for turn in clip.schedule if len(turn.speakers) == 2):
        part = slice(int(turn.start * SAMPLE_RATE), int(turn.end * SAMPLE_RATE))
        for i, name in enumerate(("left", "right")):
            target, other, voice = sources[i][part], sources[1 - i][part], voices[i][part]
            before, after = si_sdr(target + other, target), si_sdr(voice, target)
            ratio = projection_ratio(voice, target, other)
            gained = f"{after - before:+.1f} dB"
            rows.append([f"{turn.start:.0f}-{turn.end:.0f} s", name, f"{after:.1f} dB", gained, f"{ratio:.1f} dB"])
    return rows


@dataclass(frozen=True)
class Took:
    """Seconds that a run took.

    Attributes:
        wall: From its start to its end.
        work: Without loading models and writing exports.
        cpu: Of all processors.
    """

    wall: float
    work: float
    cpu: float


def timed(clip: DemoClip, out: Path, flags: Sequence[str], second_reader: bool = False) -> Took:
    """Run `earshot process` some times, and return the run whose wall time is the median."""
    took = []
    for _ in range(RUNS):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        how = ["-m", "streamer"] if second_reader else ["-c", WITHOUT_SECOND_READER]
        command = [sys.executable, *how, "process", str(clip.path), "--out", str(out), "--force", *flags]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        wall, now = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
        work = sum(map(float, re.findall(r" (?:in|after|and) ([\d.]+) s", said)))
        took.append(Took(wall, work, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime))
    return sorted(took, key=lambda one: one.wall)[RUNS // 2]


def main() -> None:
    clip = demo_clip()
    lasts = soundfile.info(clip.sources[0]).duration
    rows: list[list[str]] = []

    def row(name: str, took: Took, before: Took | None = None) -> None:
        """Add a row; of what comes on top of another run only the difference."""
        wall, work, cpu = (
            getattr(took, what) - (0 if before is None else getattr(before, what)) for what in ("wall", "work", "cpu")
        )
        speed = f"{lasts / wall:.1f} x real time" if before is None else "-"
        without = f"{lasts / work:.1f} x real time" if before is None else "-"
        rows.append([name, f"{'' if before is None else '+'}{wall:.0f} s", speed, f"{cpu / lasts:.2f}", without])

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        row("voices only", timed(clip, out, ["--one-pass", "--no-observer"]))
        one = timed(clip, out, ["--one-pass"])
        row("with heat maps, tags, captions", one)
        if has_second_reader("moonshine"):
            row("a second reading on top", timed(clip, out, ["--one-pass"], second_reader=True), one)
        row("a second pass on top", timed(clip, out, ["--no-adapt"]), one)
        before = separation(clip, out)
        row(DEFAULT, timed(clip, out, []))
        quality = [[*after, row[3]] for after, row in zip(separation(clip, out), before, strict=True)]
    head = ["", "takes", "speed", "cores' time a second of recording", "speed without loading"]
    text = table(head, rows)
    text += (
        f"\n\nThe demo clip: {lasts:.0f} s, 854x480, two faces, all exports; models loaded anew each time (median of "
        f"{RUNS} runs)."
    )
    publish("process", "python -m bench.process", text)
    note = "The demo's puppets: their lips are made by the talking portrait, not filmed. Real talkers: see the card."
    head = ["both talk", "face", "SI-SDR", "against the mixture", "own voice above the other", "gain with `--no-adapt`"]
    publish("separation", "python -m bench.process", table(head, quality) + f"\n\n{note}")


if __name__ == "__main__":
    main()
