"""Sounds to teach SoundNet with: recordings drawn at random, altered, laid over one another.

DIR holds `sound/urbansound8k_folds_1_2_3`, `speech/NAME` and `noise/nonspeech100` (an .ogg and a .json each).
Folds 1 and 2 may be trained on; fold 3 shares no recording with them and is the development set. A twelfth of
the people (`held_out`) and every sixth noise stay out as well.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor

from models.common.arrays import I16, I64, Strings
from models.common.audio import SAMPLE_RATE

URBAN = "urbansound8k_folds_1_2_3"
CLASSES = (
    "air conditioner",
    "car horn",
    "children playing",
    "dog bark",
    "drilling",
    "engine",
    "gun shot",
    "jackhammer",
    "siren",
    "street music",
)
SPEECH, NOTHING = len(CLASSES), -1
"""Kinds of source beside the ten classes: somebody speaking; nothing that a picture could show."""

CLIP = 4 * SAMPLE_RATE
SETS = ("librispeech", "speechocean762", "intent", "commands")


@dataclass(frozen=True)
class Urban:
    """Labelled clips of 4 s.

    Attributes:
        sound: (M, 64000) int16.
        label: (M,) 0..9.
        fold: (M,) 1..3.
        source: (M,) the recording each was cut from.
    """

    sound: I16
    label: I64
    fold: I64
    source: Strings


def batches(sound: I16, rows: int = 16) -> Iterator[Tensor]:
    """Yield clips (M, N) int16 as float32 in -1..1, some rows at a time."""
    for first in range(0, len(sound), rows):
        yield torch.from_numpy(sound[first : first + rows]).float() / 32768


def held_out(speaker: str) -> bool:
    """Return whether a speaker is kept for the development set."""
    return zlib.crc32(speaker.encode()) % 12 == 0


def urban_sounds(folder: Path) -> Urban:
    """Load all labelled clips."""
    sound, index = _read(folder / "sound" / URBAN)
    fold = np.array([int(one["speaker"].split("/")[0][4:]) for one in index])
    label = np.array([int(one["speaker"].split("/class")[1]) for one in index])
    source = np.array([one["file"].split("-")[0] for one in index])
    return Urban(sound.reshape(-1, CLIP), label, fold, source)


def joined_speech(folder: Path, held: bool = False, minutes: float = 30) -> I16:
    """Join speech end to end, (N,) int16: of those who may be trained on, or of those held out.

    Args:
        folder: DIR.
        held: which of the two.
        minutes: read of each set at most (decoding all of it takes longer than it is worth).
    """
    parts = []
    for name in SETS:
        sound, index = _read(folder / "speech" / name, int(minutes * 60) * SAMPLE_RATE)
        index = [o for o in index if o["start"] + o["samples"] <= len(sound)]
        parts += [sound[o["start"] : o["start"] + o["samples"]] for o in index if held_out(o["speaker"]) == held]
    return np.concatenate(parts)


def joined_noise(folder: Path, held: bool = False) -> I16:
    """Join unlabelled noises end to end, (N,) int16; every sixth is held out."""
    sound, index = _read(folder / "noise" / "nonspeech100")
    chosen = [o for i, o in enumerate(index) if (i % 6 == 5) == held]
    return np.concatenate([sound[o["start"] : o["start"] + o["samples"]] for o in chosen])


def _read(path: Path, most: int = -1) -> tuple[I16, list[dict[str, Any]]]:
    sound, rate = soundfile.read(path.with_suffix(".ogg"), frames=most, dtype="int16")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path}: need {SAMPLE_RATE} Hz, got {rate}")
    return sound, json.loads(path.with_suffix(".json").read_text())


@dataclass
class Mixture:
    """Altered and mixed sound.

    Attributes:
        sound: (B, N) float32 in -1..1.
        share: (B, 11) how much of the energy is of each class, speech last; sums to 1 or less.
    """

    sound: Tensor
    share: Tensor


class Mixer:
    """Draws mixtures without end.

    Args:
        folder: DIR.
        seed: of what is drawn.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        urban = urban_sounds(folder)
        kept = urban.fold < 3
        self._urban, self._label = urban.sound[kept], urban.label[kept]
        by_class = np.bincount(self._label, minlength=len(CLASSES))
        # Halfway between a draw a clip and a draw a class: rare classes need more than their due.
        weight = by_class[self._label] ** -0.5
        self._probability = weight / weight.sum()
        self._speech, self._noise = joined_speech(folder), joined_noise(folder)
        self._random = np.random.default_rng(seed)

    def draw(self, rows: int, samples: int) -> Mixture:
        """Draw some mixtures.

        Args:
            rows: B.
            samples: N.
        """
        sound, share = torch.zeros(rows, samples), torch.zeros(rows, len(CLASSES) + 1)
        for row in range(rows):
            one, kind = self._layer(samples, (0.76, 0.14, 0.06))
            kinds = [(kind, 1.0)]
            while self._random.random() < 0.4 and len(kinds) < 3:
                other, kind = self._layer(samples, (0.6, 0.3, 0.1))
                gain = 10 ** (self._random.uniform(-18, 3) / 20)
                one = one + other * gain
                kinds.append((kind, gain**2))
            whole = sum(energy for _, energy in kinds)
            for kind, energy in kinds:
                if kind != NOTHING:
                    share[row, kind] += energy / whole
            sound[row] = self._at_some_level(one)
        return Mixture(sound, share)

    def _layer(self, samples: int, probabilities: tuple[float, float, float]) -> tuple[Tensor, int]:
        """Draw one source (N,), RMS 0.1 or silent, and its kind; `probabilities` of a labelled clip, speech, noise."""
        r = self._random
        # Half of the sounds are bent out of shape: the teacher says what they have become.
        wild = r.random() < 0.5
        speed = float(np.exp(r.uniform(-0.6, 0.6) if wild else r.uniform(-0.2, 0.2)))
        need, kind = int(samples * speed) + 2, NOTHING
        which = r.choice(4, p=(*probabilities, 1 - sum(probabilities)))
        if which == 0:
            clip = r.choice(len(self._label), p=self._probability)
            first = r.integers(CLIP - need + 1) if need < CLIP else 0
            kind, part = int(self._label[clip]), self._urban[clip, first : first + need]
        elif which == 3:
            return equalised(made_up(samples, r), r), NOTHING
        else:
            joined = self._speech if which == 1 else self._noise
            first = r.integers(len(joined) - need)
            kind, part = SPEECH if which == 1 else NOTHING, joined[first : first + need]
        wave = torch.from_numpy(part.astype(np.float32) / 32768)[None, None]
        wave = F.interpolate(wave, samples, mode="linear", align_corners=True)[0, 0]
        if wild and r.random() < 0.3:
            wave = wave.flip(0)
        if r.random() < 0.15:
            begin, end = sorted(r.integers(0, samples, 2))
            wave[begin:end] = 0
        return equalised(wave, r, 7.0 if wild else 4.0), kind

    def _at_some_level(self, wave: Tensor) -> Tensor:
        r = self._random
        level = r.uniform(-100, -65) if r.random() < 0.04 else r.uniform(-48, -10)
        size = float(wave.square().mean().sqrt())
        return (wave * (10 ** (level / 20) / max(size, 1e-5))).clamp(-1, 1)


def equalised(wave: Tensor, random: np.random.Generator, spread: float = 4.0) -> Tensor:
    """Filter (N,) with a smooth random curve of `spread` dB, to RMS 0.1 (silence stays)."""
    # Transforms of sizes with large prime factors are several times slower.
    size = -(-len(wave) // 4000) * 4000
    X = torch.fft.rfft(wave, size)
    hertz = np.linspace(0, SAMPLE_RATE / 2, len(X))
    points = np.array([0, 120, 300, 800, 2000, 4500, 8000])
    decibel = np.interp(np.log(hertz + 60), np.log(points + 60), random.normal(0, spread, len(points)))
    wave = torch.fft.irfft(X * torch.from_numpy(10 ** (decibel / 20)).float(), size)[: len(wave)]
    level = float(wave.square().mean().sqrt())
    return torch.as_tensor(wave * (0.1 / level if level > 1e-4 else 1.0))


def made_up(samples: int, random: np.random.Generator) -> Tensor:
    """Make up (N,) of coloured noise or of a few gliding tones, whole or in bursts."""
    if random.random() < 0.5:
        X = torch.fft.rfft(torch.from_numpy(random.normal(size=samples)).float())
        wave = torch.fft.irfft(X / torch.arange(1, len(X) + 1) ** random.uniform(0, 1), samples)
    else:
        time = torch.arange(samples) / SAMPLE_RATE
        wave = torch.zeros(samples)
        pitch, glide = np.exp(random.uniform(np.log(80), np.log(3000))), random.uniform(-0.6, 0.6)
        for harmonic in range(1, random.integers(2, 8)):
            phase = 2 * np.pi * harmonic * pitch * (time + glide * time.square() / 2)
            wave += torch.sin(phase) * random.uniform(0, 1) / harmonic
    if random.random() < 0.5:
        rate, duty = random.uniform(0.5, 12), random.uniform(0.1, 0.8)
        wave = wave * ((torch.arange(samples) * (rate / SAMPLE_RATE)) % 1 < duty)
    return torch.as_tensor(wave)
