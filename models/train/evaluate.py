"""How well weights separate people never trained on: `python -m models.train.evaluate --data DIR --weights A B`.

Read English by held-out speakers of LibriSpeech and speechocean762 (which the prototype never heard either), in
crops of 4 s, -5, 0 or 5 dB against each other; lips are made up, except for `real lips`, where the wanted voice is
a held-out clip of the filmed talker. The print comes from 4 s of other speech. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from models.separate import Separator
from models.train.datasets import FRAME, RATE, held_out, speech, with_lips
from models.train.mix import LOUD, Scene, made_up_lips, normal, spoil_lips
from models.train.separate import SHIPPED, separate, waveform

CROP = 4 * RATE // FRAME * FRAME
CUES = {"both": (1, 1), "lips": (1, 0), "voice": (0, 1)}
SETS = ("librispeech", "speechocean762")
ROWS = 8  # scenes run at once

Figures = dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Person:
    """What is known of one held-out talker.

    Attributes:
        sound: (64000,) what is mixed.
        enrolment: (M,) other speech.
        lips: (100, 4) of `sound`, None if it was not filmed.
    """

    sound: Tensor
    enrolment: Tensor
    lips: Tensor | None = None


def people(folder: Path) -> list[Person]:
    """Held-out talkers with at least 7 s of speech: enrolment first, what is mixed after it."""
    found = []
    for name in SETS:
        by_speaker: dict[str, list[np.ndarray[tuple[int], np.dtype[np.int16]]]] = {}
        for clip in speech(folder, name):
            if held_out(clip.speaker):
                by_speaker.setdefault(clip.speaker, []).append(clip.sound)
        for parts in by_speaker.values():
            sound = torch.from_numpy(np.concatenate(parts).astype(np.float32) / 32768)
            if len(sound) >= 7 * RATE:
                first = min(4 * RATE, len(sound) - CROP)
                found.append(Person(sound[first : first + CROP], sound[:first]))
    return found


def filmed(folder: Path, count: int) -> list[Person]:
    """Held-out clips of the filmed talker, two joined to a crop; the next clip is the enrolment."""
    clips = [clip for clip in with_lips(folder) if held_out(clip.speaker) and len(clip.sound) >= 48_000]
    found = []
    for i in range(min(count, len(clips) // 3)):
        a, b, c = clips[3 * i : 3 * i + 3]
        assert a.lips is not None and b.lips is not None
        sound = np.concatenate([a.sound, b.sound])[:CROP].astype(np.float32) / 32768
        lips = np.concatenate([a.lips - a.lips.mean(0), b.lips - b.lips.mean(0)])[: CROP // FRAME]
        enrolment = torch.from_numpy(c.sound.astype(np.float32) / 32768)
        found.append(Person(torch.from_numpy(sound), enrolment, torch.from_numpy(lips)))
    return found


def scenes(wanted: list[Person], others: list[list[Person]], gains: Tensor, silent: bool) -> Iterator[Scene]:
    """Batches of scenes; each wanted face beside some others who talk all the time.

    Args:
        wanted: Whose voice is to come out.
        others: Those beside each of them; all lists of one length.
        gains: (scenes,) dB by which the others are quieter.
        silent: Whether the wanted face says nothing.
    """
    for k in range(0, len(wanted), ROWS):
        group, beside = wanted[k : k + ROWS], others[k : k + ROWS]
        a = normal(torch.stack([p.sound for p in group]))
        gain = torch.pow(10.0, -gains[k : k + ROWS, None] / 20)
        rest = [normal(torch.stack([b[n].sound for b in beside])) * gain for n in range(len(beside[0]))]
        talks = torch.full((len(group), CROP // FRAME, 1), 0.0 if silent else 1.0)
        seen = torch.ones_like(talks)
        lips = made_up_lips(a)
        for i, person in enumerate(group):
            if person.lips is not None:
                lips[i] = person.lips
        lips = spoil_lips(lips, talks)
        other = spoil_lips(made_up_lips(rest[0]), seen) if rest else torch.zeros_like(lips)
        a = a * (0.0 if silent else 1.0)
        mix = a + sum(rest, torch.zeros_like(a)) + 1e-3 * LOUD * torch.randn_like(a)
        count = torch.full((len(group),), float(len(rest) + (not silent)))
        size = min(len(p.enrolment) for p in group)
        enrolment = normal(torch.stack([p.enrolment[:size] for p in group]))
        quiet = torch.full((len(group),), silent)
        other_seen = seen if rest else 0 * seen
        known = torch.ones(len(group), 1)
        yield Scene(mix, a, lips, seen, other, other_seen, enrolment, known, count, quiet)


def decibel(x: Tensor, y: Tensor) -> Tensor:
    """Energy of x (B, N) over that of y, dB."""
    return 10 * torch.log10((x.pow(2).sum(-1) + 1e-9) / (y.pow(2).sum(-1) + 1e-9))


def si_sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale-invariant signal-to-distortion ratio, dB: (B, N) twice -> (B,)."""
    gain = (estimate * reference).sum(-1, keepdim=True) / (reference.pow(2).sum(-1, keepdim=True) + 1e-9)
    return decibel(gain * reference, estimate - gain * reference)


def measure(out: Tensor, scene: Scene, figures: Figures) -> None:
    """Add the figures of one batch: out (B, N)."""

    def put(name: str, values: Tensor) -> None:
        figures.setdefault(name, []).extend(values.tolist())

    if bool(scene.silent[0]):
        put("left over dB", decibel(out, scene.mix))
        return
    voice, rest = scene.voice, scene.mix - scene.voice
    put("scale", (out * voice).sum(-1) / voice.pow(2).sum(-1))
    if float(scene.talkers[0]) == 1:
        put("SI-SDR dB", si_sdr(out, voice))
        put("SNR dB", decibel(voice, out - voice))
        put("worst SI-SDR dB", si_sdr(out, voice).min()[None])
        return
    put("SI-SDRi dB", si_sdr(out, voice) - si_sdr(scene.mix, voice))
    put("SNRi dB", decibel(voice, out - voice) - decibel(voice, rest))
    put("wrong %", 100.0 * (si_sdr(out, rest) > si_sdr(out, voice)).float())


@torch.no_grad()
def evaluate(net: Separator, folder: Path, count: int) -> dict[tuple[str, str, str], float]:
    """All figures of one network.

    Args:
        net: The network, float32.
        folder: Data.
        count: Scenes of each kind.

    Returns:
        (scene, cues, figure) -> mean; `worst` figures are minima.
    """
    rng, everybody, star = np.random.default_rng(0), people(folder), filmed(folder, count)
    torch.manual_seed(0)
    wanted = [everybody[i % len(everybody)] for i in range(count)]
    beside = [
        [everybody[j] for j in rng.permutation([j for j in range(len(everybody)) if j != i % len(everybody)])]
        for i in range(count)
    ]
    gains = torch.from_numpy(rng.choice([-5.0, 0.0, 5.0], count)).float()
    kinds = {
        "two talkers": scenes(wanted, [b[:1] for b in beside], gains, False),
        "two, real lips": scenes(star, [b[:1] for b in beside[: len(star)]], gains[: len(star)], False),
        "three talkers": scenes(wanted, [b[:2] for b in beside], torch.zeros(count), False),
        "alone": scenes(wanted, [[] for _ in wanted], gains, False),
        "silent face": scenes(wanted, [b[:1] for b in beside], gains, True),
    }
    table = {}
    for kind, batches in kinds.items():
        results: dict[str, Figures] = {cue: {} for cue in CUES}
        for scene in batches:
            for cue, (seen, known) in CUES.items():
                told = dataclasses.replace(
                    scene,
                    visible=scene.visible * seen,
                    other_visible=scene.other_visible * seen,
                    known=scene.known * known,
                )
                out = waveform(separate(net, told, None), CROP)
                measure(out, told, results[cue])
        for cue, figures in results.items():
            for name, values in figures.items():
                reduce = np.min if name.startswith("worst") else np.mean
                table[kind, cue, name] = float(reduce(values))
    return table


def load(path: Path) -> Separator:
    """Network with weights from a file."""
    net = Separator()
    net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return net.eval()


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", default=[SHIPPED])
    parser.add_argument("--scenes", type=int, default=40, help="of each kind")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = [evaluate(load(path), options.data, options.scenes) for path in options.weights]
    print("| scene | cues | figure | " + " | ".join(path.stem for path in options.weights) + " |")
    print("|---|---|---|" + "---|" * len(tables))
    for key in tables[0]:
        print(f"| {' | '.join(key)} | " + " | ".join(f"{table[key]:.2f}" for table in tables) + " |")


if __name__ == "__main__":
    main()
