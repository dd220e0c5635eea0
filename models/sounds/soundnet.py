"""SoundNet: from the raw waveform to what sounds in it and what would be seen making it, convolutions only.

After SoundNet (Aytar, Vondrick, Torralba, NIPS 2016): eight convolutional layers over samples, taught without
labels by the distributions of other networks, one head a teacher; what stands after the fifth layer's pooling
serves other tasks. Two things differ, both for the sake of little data and one CPU core. The first layer's
filters come in pairs whose energies are summed (a filter bank that is learnt), so a phase is forgotten at once
and a step of 5 ms suffices; and layers 2 to 5 slide over the bank of filters as well as over time (as EnvNet
does, Tokozume and Harada 2017), so a pattern learnt at one pitch is known at another.

Time: 160 ms a frame after pool5. The heads answer for 0.96 s every 0.48 s, as the teacher of sounds does.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common.audio import SAMPLE_RATE

SOUNDS = 521
OBJECTS = 1000
FRAME = 2560
"""Samples in a frame of pool5."""
PATCH_FRAMES, PATCH_HOP = 6, 3
"""Frames of pool5 under one answer of the heads, and from one answer to the next."""

FILTERS = 64
TAPS, STRIDE = 320, 80
FLOOR = 1e-6
_CHANNELS = (32, 64, 128, 256)
_TOP = 384
_HIGH = 4
"""Rows of filters left after pool5."""

HEADS = ("conv6", "norm6", "conv7", "norm7", "sounds", "objects")
"""Layers that serve to teach the rest, and are not shipped."""

FEATURES = _CHANNELS[-1] * _HIGH
"""Size of a pool5 frame."""


@dataclass
class Answers:
    """What the two heads say, before sigmoid and softmax.

    Attributes:
        sounds: (B, P, 521) a logit each class of sound; several may be true at once.
        objects: (B, P, 1000) logits of one distribution over ImageNet's objects.
    """

    sounds: Tensor
    objects: Tensor


class FilterBank(nn.Module):
    """Layer 1: pairs of learnt filters over the waveform, their energy, pooled, on a logarithmic scale.

    They begin as mel-spaced pairs in quadrature (sine and cosine under one window), so that the first step of
    training already hears pitch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(quadrature_filters())
        self.norm = nn.BatchNorm1d(FILTERS)

    def forward(self, pcm: Tensor) -> Tensor:
        """Map (B, N) float32 in -1..1 -> (B, 1, 64, N // 160) float32."""
        pad = (TAPS - STRIDE) // 2
        windows = F.pad(pcm, (pad, pad)).unfold(1, TAPS, STRIDE)
        energy = (windows @ self.weight.t()).float().square()
        energy = energy.reshape(len(pcm), -1, 2, 2, FILTERS).sum(3).mean(2)
        return torch.as_tensor(self.norm(torch.log(energy + FLOOR).transpose(1, 2)))[:, None]


class SoundNet(nn.Module):
    """The network; B rows of any length from 0.96 s on."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = FilterBank()
        two, three, four, five = _CHANNELS
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(1, two, 5, stride=2, padding=2, bias=False),
                nn.Conv2d(two, three, 3, stride=2, padding=1, bias=False),
                nn.Conv2d(three, four, 3, stride=2, padding=1, bias=False),
                nn.Conv2d(four, five, 3, stride=(2, 1), padding=1, bias=False),
            ]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in _CHANNELS)
        self.conv6 = nn.Conv2d(_CHANNELS[-1], _TOP, (_HIGH, 3), padding=(0, 1), bias=False)
        self.norm6 = nn.BatchNorm2d(_TOP)
        self.conv7 = nn.Conv2d(_TOP, _TOP, 1, bias=False)
        self.norm7 = nn.BatchNorm2d(_TOP)
        self.sounds = nn.Linear(_TOP, SOUNDS)
        self.objects = nn.Linear(_TOP, OBJECTS)

    def pool5(self, pcm: Tensor) -> Tensor:
        """Run layers 1 to 5.

        Args:
            pcm: (B, N) float32 in -1..1, 16 kHz, N >= 2560.

        Returns:
            (B, 256, 4, N // 2560): channels, rows of the filter bank, frames of 160 ms.
        """
        x = self.bank(pcm[:, : pcm.shape[1] // FRAME * FRAME])
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.relu(norm(conv(x)))
        return F.max_pool2d(x, (1, 2))

    def features(self, pcm: Tensor) -> Tensor:
        """Return pool5 as one vector a frame of 160 ms: (B, N) -> (B, T, 1024)."""
        return self.pool5(pcm).flatten(1, 2).transpose(1, 2).float()

    def heads(self, pool5: Tensor) -> Answers:
        """Run layers 6 to 8: pool5 (B, 256, 4, T), T >= 6 -> answers for every 0.96 s, (T - 6) // 3 + 1 of them."""
        x = F.relu(self.norm6(self.conv6(pool5)))
        x = F.relu(self.norm7(self.conv7(x)))[:, :, 0]
        x = F.avg_pool1d(x, PATCH_FRAMES, PATCH_HOP).transpose(1, 2)
        return Answers(self.sounds(x).float(), self.objects(x).float())

    def forward(self, pcm: Tensor) -> Answers:
        """Map (B, N) float32 in -1..1, N >= 15360 -> what the heads say."""
        return self.heads(self.pool5(pcm))


def pooled(features: Tensor) -> Tensor:
    """Pool frames (B, T, C) to one vector a row (B, 2 * C): their mean, then their maximum."""
    return torch.cat([features.mean(1), features.amax(1)], dim=1)


def quadrature_filters() -> Tensor:
    """Make 64 cosines, then their sines, from 60 to 7600 Hz evenly on the mel scale: (128, 320) float32.

    Each is as long as its pitch's place in the bank needs to meet its neighbours, at most the whole 20 ms.
    """

    def mel(hertz: Tensor) -> Tensor:
        return 2595 * torch.log10(1 + hertz / 700)

    low, high = mel(torch.tensor([60.0, 7600.0]))
    edges = 700 * (10 ** (torch.linspace(float(low), float(high), FILTERS + 2) / 2595) - 1)
    centre, width = edges[1:-1, None], (edges[2:] - edges[:-2])[:, None]
    seconds = (torch.arange(TAPS) - (TAPS - 1) / 2)[None] / SAMPLE_RATE
    # A Hann window of length L is about 2 / L wide at half its height.
    length = (2 / width).clamp(max=TAPS / SAMPLE_RATE)
    window = torch.where(seconds.abs() < length / 2, 0.5 + 0.5 * torch.cos(2 * torch.pi * seconds / length), 0.0)
    window = window / window.square().sum(1, keepdim=True).sqrt()
    angle = 2 * torch.pi * centre * seconds
    return torch.cat([torch.cos(angle) * window, torch.sin(angle) * window])
