"""Speech and lips to train the separator on, and who is kept apart.

DIR holds `speech/NAME.ogg` with `speech/NAME.json` (speaker, start, samples of each clip) and `av/grid_s1_train`
with 40 lip points a video frame. Everybody's clips are laid end to end, with short pauses, into one tape that
stays in memory (on a GPU: on the card), so that a batch is one gather.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import torch
from torch import Tensor

RATE = 16_000
FRAME = 640  # samples in a video frame of 40 ms
LIPS = 4

SPEECH = {"librispeech": 0.40, "speechocean762": 0.24, "intent": 0.14, "commands": 0.10}
"""Sets and how often a talker is drawn from each; what is left goes to the talker with real lips."""

WITH_LIPS = "grid_s1_train"
_LONGEST = 60.0  # seconds of one person that count when people are drawn

I16 = npt.NDArray[np.int16]
F32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """One utterance.

    Attributes:
        speaker: Who; one clip a speaker where the set does not say.
        sound: Shape (N,), int16, 16 kHz.
        lips: Shape (N // 640, 4), or None where there is no picture.
    """

    speaker: str
    sound: I16
    lips: F32 | None = None


def held_out(name: str) -> bool:
    """Whether a speaker (of GRID: a clip) is kept for the development set and never trained on."""
    return zlib.crc32(name.encode()) % 12 == 0


def lip_numbers(points: F32) -> F32:
    """The four lip numbers of models/lip_encoder.py.

    Args:
        points: Shape (T, 40, 2): outer lip 0-19, inner lip 20-39, nose tip as origin, eye distance 1.

    Returns:
        Shape (T, 4).
    """
    inner, outer = points[:, 25, 1] - points[:, 35, 1], points[:, 5, 1] - points[:, 15, 1]
    wide, low = points[:, 10, 0] - points[:, 0, 0], points[:, 5, 1]
    return np.asarray(12 * np.stack([inner, outer, wide, low], axis=1), dtype=np.float32)


def speech(folder: Path, name: str) -> list[Clip]:
    """All clips of one set without pictures."""
    sound, rate = soundfile.read(folder / "speech" / f"{name}.ogg", dtype="int16")
    if rate != RATE:
        raise ValueError(f"{name}: need {RATE} Hz, got {rate}")
    index = json.loads((folder / "speech" / f"{name}.json").read_text())
    return [Clip(one["speaker"], sound[one["start"] : one["start"] + one["samples"]]) for one in index]


def with_lips(folder: Path) -> list[Clip]:
    """All clips of the talker whose lips were filmed; `speaker` is the clip's own name."""
    sound, rate = soundfile.read(folder / "av" / f"{WITH_LIPS}.ogg", dtype="int16")
    if rate != RATE:
        raise ValueError(f"{WITH_LIPS}: need {RATE} Hz, got {rate}")
    delta = np.load(folder / "av" / f"{WITH_LIPS}_lips.npz")["delta"]
    clips = []
    for one in json.loads((folder / "av" / f"{WITH_LIPS}.json").read_text()):
        frames = min(one["frames"], one["samples"] // FRAME)
        part = delta[one["frame"] : one["frame"] + frames].astype(np.float64)
        lips = lip_numbers((np.cumsum(part, axis=0) / 2000).astype(np.float32).reshape(frames, 40, 2))
        clips.append(Clip(one["clip"], sound[one["start"] : one["start"] + frames * FRAME], lips))
    return clips


class Tape:
    """Everybody who may be trained on, each a stretch of one long tape.

    Args:
        device: Where the tape is kept.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sound: list[I16] = []
        self._lips: list[F32] = []
        self._start: list[int] = []
        self._frames: list[int] = []
        self._set: list[str] = []
        self._at = 0
        self.sound = torch.zeros(0)
        self.lips = torch.zeros(0)
        self.start = self.frames = self.real = torch.zeros(0, dtype=torch.int64)
        self.chance = torch.zeros(0)

    def add(self, kind: str, sound: I16, lips: F32 | None) -> None:
        """Lay down one person's speech, whole video frames of it."""
        frames = len(sound) // FRAME
        self._sound.append(sound[: frames * FRAME])
        self._lips.append(np.zeros((frames, LIPS), np.float32) if lips is None else lips[:frames])
        self._start.append(self._at)
        self._frames.append(frames)
        self._set.append(kind)
        self._at += frames

    def close(self, share: dict[str, float]) -> None:
        """Move everything to the device; `share` says how often each set is drawn."""
        self.sound = torch.from_numpy(np.concatenate(self._sound)).to(self.device)
        self.lips = torch.from_numpy(np.concatenate(self._lips)).to(self.device)
        self.start = torch.tensor(self._start, device=self.device)
        self.frames = torch.tensor(self._frames, device=self.device)
        self.real = torch.tensor([kind == WITH_LIPS for kind in self._set], device=self.device)
        weight = np.minimum(self._frames, _LONGEST * RATE / FRAME)
        total = {kind: sum(w for w, k in zip(weight, self._set, strict=True) if k == kind) for kind in share}
        chance = [share[k] * w / total[k] for w, k in zip(weight, self._set, strict=True)]
        self.chance = torch.tensor(chance, dtype=torch.float32, device=self.device)
        self._sound, self._lips = [], []

    def people(self, count: int) -> Tensor:
        """Draw people: (count,) int64."""
        return torch.multinomial(self.chance, count, replacement=True)

    def draw(self, people: Tensor, frames: int, speed: Tensor) -> tuple[Tensor, Tensor]:
        """A random stretch of each person, repeated where there is too little.

        Args:
            people: (B,) as `people` gives them.
            frames: Video frames wanted.
            speed: (B,) about 1; above 1 is faster and higher.

        Returns:
            Sound (B, frames * 640) and lips (B, frames, 4).
        """
        have = self.frames[people]
        spare = (have - frames * speed - 1).clamp(min=0)
        first = (torch.rand(len(people), device=self.device) * (spare + 1)).floor()
        at = torch.arange(frames, device=self.device) * speed[:, None] + first[:, None]
        lips = self.lips[self.start[people, None] + at.long() % have[:, None]]
        at = torch.arange(frames * FRAME, device=self.device) * speed[:, None] + first[:, None] * FRAME
        whole = at.long()
        base, size = self.start[people, None] * FRAME, have[:, None] * FRAME
        near, far = self.sound[base + whole % size], self.sound[base + (whole + 1) % size]
        return torch.lerp(near.float(), far.float(), at - whole) / 32768, lips


def training_tape(folder: Path, device: torch.device, seed: int = 0) -> Tape:
    """All who are not held out, with pauses of up to 0.35 s between their utterances."""
    rng, tape = np.random.default_rng(seed), Tape(device)
    for name in SPEECH:
        by_speaker: dict[str, list[I16]] = {}
        for clip in speech(folder, name):
            if not held_out(clip.speaker):
                pause = np.zeros(int(rng.uniform(0, 0.35) * RATE), np.int16)
                by_speaker.setdefault(clip.speaker, []).extend([clip.sound, pause])
        for parts in by_speaker.values():
            sound = np.concatenate(parts)
            if len(sound) >= 2.4 * RATE:
                tape.add(name, sound, None)
    clips = [clip for clip in with_lips(folder) if not held_out(clip.speaker)]
    lips = [clip.lips for clip in clips if clip.lips is not None]
    tape.add(WITH_LIPS, np.concatenate([clip.sound for clip in clips]), np.concatenate(lips))
    tape.close({**SPEECH, WITH_LIPS: 1 - sum(SPEECH.values())})
    return tape
