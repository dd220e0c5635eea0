"""What it gives to tune the separator to the voices of a recording: `python -m bench.tuning --data DIR --out FOLDER`.

Pairs of people whom nobody was trained on or chosen by (the list "test" of DIR, `models.train.data.datasets`) have a
conversation: each talks alone, then both at once, four times; alone for as long as `--alone` says in all. Each goes
through the first pass of `earshot process` once and through the second twice: as shipped, and tuned. With `--faces`
they are two photographs that speak, as in the demo, else sound alone. FOLDER keeps the figures of each pair, so that a
run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from scipy.signal import resample_poly

from bench.conversations import in_step, sound_of
from bench.page import publish, table
from bench.si_sdr import si_sdr
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.train.data.datasets import clips, source
from models.train.data.speakers import split_of
from streamer.demo.film import film
from streamer.demo.sound import RATE
from streamer.engine.engine import Engine
from streamer.engine.survey import Known
from streamer.engine.tuning import Tuning
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.recordings.recording import Recording
from streamer.recordings.steps import surveyed

SCENE = 5.0
"""Seconds of a stretch in which both talk."""

LEVELS = (0.0, -3.0, 3.0, 0.0)
"""dB of the first voice above the second in those stretches."""

LEVEL = 0.06
"""Root mean square of each voice."""


def people(data: Path, split: str, least: float) -> dict[str, F32]:
    """Return the speech of those who have as many seconds of it, by name."""
    found: dict[str, list[F32]] = {}
    for kind in ("librispeech", "speechocean762"):
        for clip in clips(data, source(kind)):
            if split_of(kind, clip.speaker) == split:
                found.setdefault(clip.speaker, []).append(clip.sound.astype(np.float32) / np.float32(32768))
    joined = {name: np.concatenate(parts) for name, parts in sorted(found.items())}
    long = {name: pcm for name, pcm in joined.items() if len(pcm) >= least * SAMPLE_RATE}
    return {name: (pcm * (LEVEL / np.sqrt(np.mean(np.square(pcm))))).astype(np.float32) for name, pcm in long.items()}


def conversation(first: F32, second: F32, alone: float) -> tuple[F32, list[int]]:
    """Return what both say (2, N): in turns, then at once, and again, and at which samples both begin."""
    rounds, size = len(LEVELS), round(alone * SAMPLE_RATE)
    turn, both = size // rounds, round(SCENE * SAMPLE_RATE)
    rows, begins, nothing = list[F32](), list[int](), np.zeros(turn, np.float32)
    for number, level in enumerate(LEVELS):
        own = slice(number * turn, (number + 1) * turn)
        rows += [np.stack([first[own], nothing]), np.stack([nothing, second[own]])]
        begins.append(sum(row.shape[1] for row in rows))
        said = slice(size + number * both, size + (number + 1) * both)
        rows.append(np.stack([first[said] * np.float32(10 ** (level / 20)), second[said]]))
    return np.concatenate(rows, axis=1), begins


def gained(folder: Path, voices: F32, begins: list[int], files: list[str]) -> list[list[float]]:
    """Return SI-SDR gained, dB, by stretch and voice."""
    mixture, found = voices.sum(axis=0).astype(np.float64), []
    pcm = [sound_of(folder / name, voices.shape[1]) for name in files]
    for at in begins:
        part = slice(at, at + round(SCENE * SAMPLE_RATE))
        wanted = [voice[part].astype(np.float64) for voice in voices]
        rows = zip(pcm, wanted, strict=True)
        found.append([in_step(said[part], voice) - si_sdr(mixture[part], voice) for said, voice in rows])
    return found


def files_of(folder: Path, voices: F32) -> list[str]:
    """Tell which file holds whose voice."""
    sounds = {path.name: sound_of(path, voices.shape[1]) for path in sorted(folder.glob("*-[0-9]*.wav"))}
    amounts = {name: voices @ pcm for name, pcm in sounds.items()}
    return [max(amounts, key=lambda name: float(amounts[name][number])) for number in range(len(voices))]


def separated(path: Path, info: MediaInfo, engine: Engine, known: Known) -> TemporaryDirectory[str]:
    """Go through the second pass."""
    folder = TemporaryDirectory()
    Recording(path, info, Path(folder.name), engine, None, known, None).run(lambda t: None)
    return folder


def recorded(folder: Path, voices: F32, faces: bool) -> Path:
    """Write the recording."""
    if faces:
        path = folder / "pair.mp4"
        film(path, resample_poly(voices.sum(axis=0), RATE // SAMPLE_RATE, 1).astype(np.float32), list(voices))
    else:
        path = folder / "pair.wav"
        soundfile.write(path, voices.sum(axis=0), SAMPLE_RATE, "FLOAT")
    return path


def measure(first: F32, second: F32, alone: float, faces: bool) -> dict[str, object]:
    """Measure one pair."""
    voices, begins = conversation(first, second, alone)
    clock = time.process_time
    with TemporaryDirectory() as folder:
        path = recorded(Path(folder), voices, faces)
        info, engine, began = inspect(path), Engine(), clock()
        known = surveyed(path, info, engine.survey(), lambda t: None)
        learnt = clock()
        with separated(path, info, engine, known) as shipped:
            once = clock()
            files = files_of(Path(shipped), voices)
            before = gained(Path(shipped), voices, begins, files)
        tuning_began = clock()
        tuning: Tuning = engine.tune(known)
        tuned = clock()
        with separated(path, info, engine, known) as folder_of_tuned:
            after = gained(Path(folder_of_tuned), voices, begins, files)
    alone_found = [sum(len(pcm) for _, pcm in runs) / SAMPLE_RATE for runs in known.settled.solo.values()]
    return {
        "before": before,
        "after": after,
        "text": tuning.text,
        "held": tuning.gain,
        "kept": tuning.kept,
        "alone": alone_found,
        "duration": voices.shape[1] / SAMPLE_RATE,
        "passes": once - began,
        "learning": learnt - began,
        "tuning": tuned - tuning_began,
    }


def row(name: str, found: dict[str, object]) -> list[str]:
    """Return a line of the table."""
    before, after = np.array(found["before"]), np.array(found["after"])
    return [
        name,
        " + ".join(f"{seconds:.0f}" for seconds in found["alone"]) + " s",  # type: ignore[attr-defined]
        f"{before.mean():+.2f} → {after.mean():+.2f} dB",
        f"{before.min():+.1f} → {after.min():+.1f} dB",
        f"{(after < before - 0.1).sum()}/{after.size}",
        "" if found["held"] is None else f"{found['held']:+.1f} dB",
        f"{found['tuning']:.0f} beside {found['passes']:.0f}",
    ]


HEAD = [
    "pair",
    "alone, as found",
    "SI-SDRi where both talk",
    "worst stretch",
    "worse than before",
    "gain on speech held back",
    "core-seconds of tuning, and of both passes",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--alone", type=float, default=20.0, help="seconds that each says alone")
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--from-pair", type=int, default=0, help="for several processes beside each other")
    parser.add_argument("--faces", action="store_true", help="who talks is seen")
    parser.add_argument("--publish", action="store_true", help="write the table into bench/README.md")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    speech = people(options.data, options.split, options.alone + SCENE * len(LEVELS))
    names = list(speech)
    pairs = list(zip(names[::2], names[1::2], strict=False))[options.from_pair : options.from_pair + options.pairs]
    found = {}
    for a, b in pairs:
        path = options.out / f"{a}-{b}-{options.alone:g}{'-faces' * options.faces}.json"
        if not path.exists():
            path.write_text(json.dumps(measure(speech[a], speech[b], options.alone, options.faces)))
        found[f"{a}, {b}"] = json.loads(path.read_text())
        print(*row(f"{a}, {b}", found[f"{a}, {b}"]), sep=" | ", flush=True)
    before, after = (np.concatenate([np.ravel(one[key]) for one in found.values()]) for key in ("before", "after"))
    text = table(HEAD, [row(name, one) for name, one in found.items()])
    text += (
        f"\n\nAll: {before.mean():+.2f} → {after.mean():+.2f} dB; below -1 dB {np.mean(before < -1):.0%} → "
        f"{np.mean(after < -1):.0%}; {np.mean(after < before - 0.1):.0%} of the stretches of {SCENE:.0f} s worse than "
        f"before (by 0.1 dB). {'Photographs that speak' if options.faces else 'Sound alone'}, both passes of `earshot "
        "process`; the tuning knows nothing of the stretches."
    )
    if options.publish:
        faces = "-faces" * options.faces
        command = f"python -m bench.tuning --data DIR --out FOLDER --pairs {len(pairs)}{' --faces' * options.faces}"
        publish(f"tuning{faces}", f"{command} --publish", text)
    else:
        print(text)


if __name__ == "__main__":
    main()
