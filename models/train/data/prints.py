"""Voice prints of everybody in a corpus, made once: the encoder is not trained, so a batch only looks them up."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.train.data.corpus import Corpus
from models.train.data.microphone import bernoulli, decibels, normal
from models.train.data.reverb import Reverb, convolve
from models.voiceprint.encoder import LENGTH, PRINT, VoiceEncoder

SPEEDS = (0.9, 1.0, 1.1)
"""How fast, and high, a talker may be played: a changed voice needs a print of its own."""
SNIPPETS = 6
"""Prints of each person at each speed."""

MOST = 3
"""Prints that are averaged, as a call averages what it hears."""

_FRAMES = 40
"""Video frames of a snippet: one window of the encoder."""

_ROWS = 192


class Prints:
    """Prints of the people of one corpus.

    Args:
        stored: (people, speeds, snippets, 256) float16, each of length 8.
    """

    def __init__(self, stored: Tensor) -> None:
        self.stored = stored

    def draw(self, people: Tensor, speed: Tensor) -> Tensor:
        """Draw a print of each, from one to three snippets: people (B,), speed (B,) index into `SPEEDS` -> (B, 256)."""
        rows, dev = len(people), people.device
        some = torch.randint(0, SNIPPETS, (rows, MOST), device=dev)
        taken = self.stored[people[:, None], speed[:, None], some].float()
        used = torch.arange(MOST, device=dev) <= torch.randint(0, MOST, (rows, 1), device=dev)
        return F.normalize((taken * used[..., None]).sum(1), dim=-1) * LENGTH


@torch.no_grad()
def make_prints(corpus: Corpus, encoder: VoiceEncoder, bank: Reverb | None) -> Prints:
    """Make prints as a call learns them: half in a room, all in hiss, a quarter with somebody else behind."""
    people = torch.arange(len(corpus.start), device=corpus.device).repeat_interleave(SNIPPETS)
    stored = torch.zeros(len(corpus.start), len(SPEEDS), SNIPPETS, PRINT, dtype=torch.float16, device=corpus.device)
    for i, speed in enumerate(SPEEDS):
        made = [encoder.enrol(_overheard(corpus, some, speed, bank)).half() for some in torch.split(people, _ROWS)]
        stored[:, i] = torch.cat(made).view(-1, SNIPPETS, PRINT)
    return Prints(stored)


def stored_prints(path: Path, corpus: Corpus, encoder: VoiceEncoder, bank: Reverb | None) -> Prints:
    """Do as `make_prints`, kept in a file for the next slice of a run.

    Raises:
        ValueError: The file is of other people.
    """
    if not path.exists():
        torch.save(make_prints(corpus, encoder, bank).stored.cpu(), path)
    stored = torch.load(path, map_location=corpus.device, weights_only=True)
    if len(stored) != len(corpus.start):
        raise ValueError(f"{path} holds prints of {len(stored)} people, not of these {len(corpus.start)}: delete it")
    return Prints(stored)


def _overheard(corpus: Corpus, people: Tensor, speed: float, bank: Reverb | None) -> Tensor:
    rows, dev = len(people), corpus.device
    same = torch.full((rows,), speed, device=dev)
    sound = normal(corpus.draw(people, _FRAMES, same)[0])
    if bank is not None:
        wet = convolve(sound, bank.places(rows, 1)[:, 0])
        sound = normal(torch.where(bernoulli(rows, 0.5, dev) > 0, wet, sound))
    leak = normal(corpus.draw(corpus.people(rows), _FRAMES, same)[0])
    leak = leak * decibels(rows, -22, -8, dev) * bernoulli(rows, 0.25, dev)
    hiss = torch.pow(10.0, torch.empty(rows, 1, device=dev).uniform_(-4, -2.3))
    return sound + leak + torch.randn_like(sound) * hiss
