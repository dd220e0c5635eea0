"""What lies between a mouth and the separator: rooms, microphones, noise, bad levels, telephone lines.

What is linear is done to every talker alike, and the wanted voice is the voice as it arrives; what is not linear
(clipping, G.711) is done to the mixture alone. Opus needs no imitation: nearly all recordings went through it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.common.audio import SAMPLE_RATE
from models.train.data.datasets import FRAME
from models.train.data.reverb import Reverb

LOUD = 0.06
"""Root mean square of one talker before the scene's own level."""

FADE = 320
"""Samples of a talker's onset and end inside a crop."""

TAIL = SAMPLE_RATE // 2
"""Samples of a made-up room tail."""


def normal(sound: Tensor) -> Tensor:
    """Bring (B, N) to the level `LOUD`."""
    return sound / (sound.pow(2).mean(1, keepdim=True).sqrt() + 1e-3) * LOUD


def bernoulli(rows: int, p: float, device: torch.device) -> Tensor:
    """Draw 1 with probability p, else 0: (rows, 1)."""
    return (torch.rand(rows, 1, device=device) < p).float()


def decibels(rows: int, low: float, high: float, device: torch.device) -> Tensor:
    """Draw gains (rows, 1) from `low` to `high` dB."""
    return torch.pow(10.0, torch.empty(rows, 1, device=device).uniform_(low, high) / 20)


def gated(sound: Tensor, gate: Tensor) -> Tensor:
    """Keep sound (B, L * 640) where gate (B, L) is 1, with short fades."""
    fine = F.pad(gate.repeat_interleave(FRAME, 1)[:, None], (FADE // 2 + 1, FADE // 2), mode="replicate")[:, 0]
    sums = fine.double().cumsum(1)  # a running mean by differences: pooling over so many samples took most of a batch
    return sound * ((sums[:, FADE + 1 :] - sums[:, : -FADE - 1]) / (FADE + 1)).float()[:, : sound.shape[1]]


def curve(rows: int, points: int, spread: float, bins: int, device: torch.device) -> Tensor:
    """Smooth random gains (rows, bins), `spread` dB."""
    knots = torch.randn(rows, 1, points, device=device) * spread
    decibel = F.interpolate(knots, size=bins, mode="linear", align_corners=True)[:, 0]
    return torch.pow(10.0, decibel / 20)


class Surroundings:
    """One room and one microphone for each row; talkers stand in different places of it.

    Half of the rows have an uneven microphone, one in ten a narrow band (3.4 to 7 kHz). A third is in a simulated
    room of the bank (with none: in a tail of decaying noise), a tenth in a tail of decaying noise.

    Args:
        rows: Rows.
        length: Samples of a crop.
        talkers: Places wanted.
        device: Device.
        bank: Simulated rooms.
    """

    def __init__(self, rows: int, length: int, talkers: int, device: torch.device, bank: Reverb | None) -> None:
        self._length, self._size = length, length + TAIL
        bins = self._size // 2 + 1
        microphone = curve(rows, 12, 3.0, bins, device)
        microphone = torch.where(bernoulli(rows, 0.5, device) > 0, microphone, torch.ones_like(microphone))
        hertz = torch.linspace(0, SAMPLE_RATE / 2, bins, device=device)
        edge = torch.empty(rows, 1, device=device).uniform_(3400, 7000)
        narrow = torch.sigmoid((edge - hertz) / 60)
        self.response = microphone * torch.where(bernoulli(rows, 0.1, device) > 0, narrow, torch.ones_like(narrow))
        which = torch.rand(rows, 1, device=device)
        simulated = (which < 0.35).float() if bank is not None else torch.zeros_like(which)
        self._tailed = ((which >= 0.35) & (which < 0.45)).float() if bank is not None else (which < 0.3).float()
        self._decay = torch.empty(rows, 1, device=device).uniform_(0.1, 0.5)
        self._wet = torch.empty(rows, 1, device=device).uniform_(0.2, 0.9)
        direct = F.one_hot(torch.zeros(rows, dtype=torch.int64, device=device), TAIL).float()
        self._places = []
        responses = bank.places(rows, talkers) if bank is not None else None
        for i in range(talkers):
            place = direct
            if responses is not None:
                far = F.pad(responses[:, i], (0, TAIL - responses.shape[2]))
                place = torch.where(simulated > 0, far, place)
            self._places.append(torch.where(self._tailed > 0, self._tail(rows, device), place))

    def _tail(self, rows: int, device: torch.device) -> Tensor:
        seconds = torch.arange(TAIL, device=device) / SAMPLE_RATE
        tail = torch.randn(rows, TAIL, device=device) * torch.exp(-6.9 * seconds / self._decay)
        tail = tail / tail.pow(2).sum(1, keepdim=True).sqrt() * self._wet
        tail[:, 0] += 1.0
        return tail

    def heard(self, sound: Tensor, place: int) -> Tensor:
        """Return a talker (B, length) as the microphone hears them from one of the places."""
        size = self._size
        at = torch.fft.rfft(self._places[place], size) * curve(len(sound), 5, 1.5, size // 2 + 1, sound.device)
        wet = torch.fft.irfft(torch.fft.rfft(sound, size) * at * self.response, size)
        return torch.as_tensor(wet[:, : self._length])


def noise_like(sound: Tensor, recorded: Tensor) -> Tensor:
    """Draw noise (B, N) 10 to 45 dB below one talker, seldom none: coloured hiss, in a third of rows a recording.

    Args:
        sound: (B, N), gives the size only.
        recorded: (B, N) recorded noise at any level; zeros count as none.
    """
    rows, length = sound.shape
    bins = length // 2 + 1
    hiss = torch.fft.irfft(torch.fft.rfft(torch.randn_like(sound)) * curve(rows, 8, 8.0, bins, sound.device), length)
    there = (recorded.abs().amax(1, keepdim=True) > 0).float() * bernoulli(rows, 0.33, sound.device)
    noise = torch.where(there > 0, recorded, hiss)
    return normal(noise) * decibels(rows, -45, -10, sound.device) * bernoulli(rows, 0.8, sound.device)


def line(mix: Tensor) -> Tensor:
    """Do to mixtures (B, N) what a bad line does: one in twenty is clipped, one in twenty is G.711 (mu-law)."""
    rows, dev = len(mix), mix.device
    peak = mix.abs().amax(1, keepdim=True) + 1e-6
    limit = peak * torch.empty(rows, 1, device=dev).uniform_(0.25, 0.8)
    clipped = mix.clamp(-limit, limit)
    mix = torch.where(bernoulli(rows, 0.05, dev) > 0, clipped, mix)
    bounded = mix.clamp(-1, 1)
    squeezed = bounded.sign() * torch.log1p(255 * bounded.abs()) / torch.log(torch.tensor(256.0))
    steps = torch.round(squeezed * 127) / 127
    law = steps.sign() * (torch.pow(256.0, steps.abs()) - 1) / 255
    return torch.where(bernoulli(rows, 0.05, dev) > 0, law, mix)
