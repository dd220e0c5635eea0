"""`earshot process` on the demo clip: how fast, and how well the two voices come apart. `python -m bench.process`."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from bench.page import publish, table
from bench.si_sdr import si_sdr
from bench.summary import ROOT
from models.common.audio import SAMPLE_RATE
from streamer.demo.clip import DemoClip, demo_clip

RUNS = 3


def projection_ratio(estimate: np.ndarray, target: np.ndarray, other: np.ndarray) -> float:
    """How much louder the target is in the estimate than the other, dB, by least squares."""
    a, b = np.linalg.lstsq(np.stack([target, other], axis=1), estimate, rcond=None)[0]
    return float(20 * np.log10(abs(a) / abs(b)))


def separation(clip: DemoClip, out: Path) -> str:
    """Table of the stretches in which both puppets talk, once both voices are known."""
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
    head = ["both talk", "face", "SI-SDR", "against the mixture", "own voice above the other"]
    return table(head, rows)


def timed(clip: DemoClip, out: Path, *flags: str) -> tuple[float, float]:
    """Wall and CPU seconds of a run, the median of some."""
    walls, cpus = [], []
    for _ in range(RUNS):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.monotonic()
        command = [sys.executable, "-m", "streamer", "process", str(clip.path), "--out", str(out), "--force", *flags]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        walls.append(time.monotonic() - started)
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
    return statistics.median(walls), statistics.median(cpus)


def main() -> None:
    clip = demo_clip()
    lasts = soundfile.info(clip.sources[0]).duration
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for name, flags in (("voices only", ["--no-observer"]), ("with heat maps, tags, captions", [])):
            wall, cpu = timed(clip, out, *flags)
            rows.append([name, f"{wall:.0f} s", f"{lasts / wall:.1f} x real time", f"{cpu / lasts:.2f}"])
        quality = separation(clip, out)
    text = table(["", "takes", "speed", "cores' time a second of recording"], rows)
    text += (
        f"\n\nThe demo clip: {lasts:.0f} s, 854x480, two faces; models loaded anew each time (median of {RUNS} runs)."
    )
    publish("process", "python -m bench.process", text)
    note = "The demo's puppets, whose lips follow the sound more closely than people's do. Real talkers: see the card."
    publish("separation", "python -m bench.process", quality + f"\n\n{note}")


if __name__ == "__main__":
    main()
