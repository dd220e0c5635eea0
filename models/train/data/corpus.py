"""The training corpus: everybody's speech end to end in memory (a GPU's, if there is one): a batch is one gather."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F32, I16
from models.common.audio import SAMPLE_RATE
from models.train.data.datasets import FRAME, LIPS, SOURCES, Clip, Licence, Source, clips, noises
from models.train.data.speakers import SPLITS, Split, split_of

_LONGEST = 60.0
"""Seconds of one person that count when people are drawn."""

_SHORTEST = 2.4
"""Seconds of one person that are worth a place."""


class Corpus:
    """People, each a stretch of one long sound.

    Args:
        device: Where the corpus is kept.

    Attributes:
        sound: (N,) int16, and `lips` (N / 640, 4).
        start: (people,) first video frame of each, `frames` (people,) how many, `real` (people,) whether filmed.
        probability: (people,) how often each is drawn.
        noise: (M,) int16 recorded noise; empty if there is none.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._sound: list[I16] = []
        self._lips: list[F32] = []
        self._start: list[int] = []
        self._frames: list[int] = []
        self._set: list[str] = []
        self._real: list[bool] = []
        self._at = 0
        self.sound = self.noise = torch.zeros(0, dtype=torch.int16, device=device)
        self.lips = torch.zeros(0)
        self.start = self.frames = self.real = torch.zeros(0, dtype=torch.int64)
        self.probability = torch.zeros(0)

    def add(self, kind: str, sound: I16, lips: F32 | None) -> None:
        """Lay down one person's speech, whole video frames of it."""
        frames = len(sound) // FRAME
        self._sound.append(sound[: frames * FRAME])
        self._lips.append(np.zeros((frames, LIPS), np.float32) if lips is None else lips[:frames])
        self._start.append(self._at)
        self._frames.append(frames)
        self._set.append(kind)
        self._real.append(lips is not None)
        self._at += frames

    def add_noise(self, sounds: list[I16]) -> None:
        """Lay down recorded noise."""
        if sounds:
            self.noise = torch.from_numpy(np.concatenate(sounds)).to(self.device)

    def close(self, share: dict[str, float]) -> None:
        """Move everything to the device; `share` says how often each set is drawn."""
        self.sound = torch.from_numpy(np.concatenate(self._sound)).to(self.device)
        self.lips = torch.from_numpy(np.concatenate(self._lips)).to(self.device)
        self.start = torch.tensor(self._start, device=self.device)
        self.frames = torch.tensor(self._frames, device=self.device)
        self.real = torch.tensor(self._real, device=self.device)
        weight = np.minimum(self._frames, _LONGEST * SAMPLE_RATE / FRAME)
        total = {kind: sum(w for w, k in zip(weight, self._set, strict=True) if k == kind) for kind in share}
        probability = [share[k] * w / total[k] for w, k in zip(weight, self._set, strict=True)]
        self.probability = torch.tensor(probability, dtype=torch.float32, device=self.device)
        self._sound, self._lips = [], []

    def people(self, count: int) -> Tensor:
        """Draw people: (count,) int64."""
        return torch.multinomial(self.probability, count, replacement=True)

    def draw(self, people: Tensor, frames: int, speed: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a random stretch of each person, repeated where there is too little.

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

    def draw_noise(self, rows: int, length: int) -> Tensor:
        """Draw stretches of recorded noise: (rows, length), of zeros if there is none."""
        if len(self.noise) == 0:
            return torch.zeros(rows, length, device=self.device)
        first = torch.randint(0, len(self.noise), (rows, 1), device=self.device)
        at = (first + torch.arange(length, device=self.device)) % len(self.noise)
        return self.noise[at].float() / 32768


def load_corpora(folder: Path, device: torch.device, licence: Licence, seed: int = 0) -> dict[Split, Corpus]:
    """Load a corpus for each list of speakers.json, with pauses of up to 0.35 s between utterances.

    Args:
        folder: Data; the sets that `licence` asks for must be there.
        device: Where to keep it.
        licence: Which sets.
        seed: Of the pauses.
    """
    used = [source for source in SOURCES if source.share(licence) > 0]
    with ThreadPoolExecutor(max_workers=len(used)) as pool:  # decoding 8 h of Opus holds a GPU up for minutes
        every = list(pool.map(lambda source: clips(folder, source), used))
    noise, corpora = noises(folder, licence), {}
    for split in SPLITS:
        rng, corpus, share = np.random.default_rng(seed), Corpus(device), {}
        for source, found in zip(used, every, strict=True):
            if _add_speakers(
                corpus, source, [clip for clip in found if split_of(source.name, clip.speaker) == split], rng
            ):
                share[source.name] = source.share(licence)
        corpus.add_noise(noise)
        corpus.close({kind: part / sum(share.values()) for kind, part in share.items()})
        corpora[split] = corpus
    return corpora


def _add_speakers(corpus: Corpus, source: Source, found: list[Clip], rng: np.random.Generator) -> bool:
    """Add each speaker of a set; of GRID all clips, since they are one man. False if nobody was long enough."""
    by_speaker: dict[str, list[Clip]] = {}
    for clip in found:
        by_speaker.setdefault("" if source.name == "grid_s1_train" else clip.speaker, []).append(clip)
    laid = False
    for parts in by_speaker.values():
        sounds, lips = [], []
        for clip in parts:
            # Lips have no pauses: a mouth at rest would have to be made up.
            pause = 0 if source.lips else int(rng.uniform(0, 0.35) * SAMPLE_RATE)
            sounds += [clip.sound, np.zeros(pause, np.int16)]
            if clip.lips is not None:
                lips.append(clip.lips - clip.lips.mean(0))
        sound = np.concatenate(sounds)
        if len(sound) >= _SHORTEST * SAMPLE_RATE:
            corpus.add(source.name, sound, np.concatenate(lips) if lips else None)
            laid = True
    return laid
