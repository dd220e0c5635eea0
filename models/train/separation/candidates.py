"""Networks that may take the place of `Extractor`: same questions, same answers, other layers in between.

`python -m models.train.separation.train --net NAME` trains one of them, for a race at equal processor time. The best
one's layers belong into `models.separation.network`; what was measured stands in RESULTS.md.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common.dilated import DilatedBlock
from models.separation.network import ACTIVITY, BINS, CUE, CuedLayer, Extractor, Memory

SEGMENT = 10
"""Frames of 20 ms in a segment of `SkimLayer`."""

EDGES = (0, 5, 9, 13, 17, 21, 26, 32, 40, 50, 62, 78, 98, 124, 156, 196, 246, BINS)
"""First bins of the bands, 25 Hz each, and what follows the last."""


class SkimLayer(CuedLayer):
    """As `CuedLayer`, but the LSTM begins each segment anew, from what two others remember of the segments before.

    Li et al. 2022, "SkiM: Skipping Memory LSTM for Low-Latency Real-Time Continuous Speech Separation",
    arXiv:2201.10800. Segments are run at once, so that training does not wait for the past.

    Args:
        width: Channels.
        last: Whether no layer follows that begins with what this one remembers.
    """

    def __init__(self, width: int, last: bool) -> None:
        super().__init__(width)
        count = 0 if last else 2
        self.memories = nn.ModuleList(nn.LSTM(width, width, batch_first=True) for _ in range(count))

    def forward(
        self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor, memory: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """As `CuedLayer.forward`, of whole sequences; `memory` is that of each segment, from the layer before."""
        rows, frames, width = x.shape
        count = -(-frames // SEGMENT)
        y = F.pad(self.cued(x, cue, odds), (0, 0, 0, count * SEGMENT - frames))
        y, last = self.recurrent(y.view(rows * count, SEGMENT, width), memory)
        x = x + y.reshape(rows, count * SEGMENT, width)[:, :frames]
        earlier = []
        for part, memory_of in zip(last, self.memories, strict=False):
            whole = part[0].view(rows, count, width)
            whole = F.pad(whole + memory_of(whole)[0], (0, 0, 1, 0))[:, :count]
            earlier.append(whole.reshape(1, rows * count, width))
        return self.exchanged(x, beside), (earlier[0], earlier[1]) if earlier else last


class Skim(Extractor):
    """Skipping memory."""

    def __init__(self) -> None:
        width = 224
        super().__init__(width, 0)
        self.layers = nn.ModuleList(SkimLayer(width, i == 2) for i in range(3))

    def hidden(self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor) -> Tensor:
        """Run all layers; each begins its segments with the memory of the one before."""
        memory = None
        for layer in self.layers:
            x, memory = layer(x, cue, odds, beside, memory)
        return x


class DilatedLayer(CuedLayer):
    """As `CuedLayer`, after a stack of dilated convolutions: the shipped separator's layers, cut down.

    Args:
        width: Channels, and `hidden` of the convolutions.
        depth: Convolutions, dilations 1, 2, 4, … frames.
    """

    def __init__(self, width: int, hidden: int, depth: int) -> None:
        super().__init__(width)
        self.blocks = nn.Sequential(*(DilatedBlock(width, hidden, 2**i) for i in range(depth)))

    def forward(
        self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor, memory: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """As `CuedLayer.forward`, of whole sequences."""
        return super().forward(self.blocks(x), cue, odds, beside, memory)


class Dilated(Extractor):
    """Three stacks of four convolutions and an LSTM each."""

    def __init__(self) -> None:
        width = 192
        super().__init__(width, 0)
        self.layers = nn.ModuleList(DilatedLayer(width, 2 * width, 4) for _ in range(3))


class BandLayer(nn.Module):
    """An LSTM over time that all bands share, then a mixing of bands in groups of channels.

    Args:
        width: Channels of a band.
        hidden: Of the LSTM.
        groups: Of channels; each is mixed over all bands by itself.
        mixed: Width of that mixing.
    """

    def __init__(self, width: int, hidden: int, groups: int = 4, mixed: int = 192) -> None:
        super().__init__()
        size = (len(EDGES) - 1) * width // groups
        self.norm = nn.LayerNorm(width)
        self.scale_shift = nn.Linear(CUE, 2 * width)
        self.activity = nn.Linear(ACTIVITY, width, bias=False)
        self.recurrent, self.back = nn.LSTM(width, hidden, batch_first=True), nn.Linear(hidden, width)
        self.norm_bands = nn.LayerNorm(width)
        self.narrow = nn.Parameter(torch.randn(groups, size, mixed) * size**-0.5)
        self.widen = nn.Parameter(torch.randn(groups, mixed, size) * 0.3 * mixed**-0.5)
        self.exchange = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.exchange.weight)
        self.groups = groups

    def forward(self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor) -> Tensor:
        """Whole sequences: x (B, bands, T, width) -> the same; see `Extractor.forward` for the rest."""
        rows, bands, frames, width = x.shape
        scale, shift = self.scale_shift(cue)[:, None, None].chunk(2, dim=-1)
        y = self.norm(x) * (1 + scale) + shift + self.activity(odds)[:, None]
        x = x + self.back(self.recurrent(y.flatten(0, 1))[0]).view_as(x)
        part = width // self.groups
        z = self.norm_bands(x).view(rows, bands, frames, self.groups, part).permute(3, 0, 2, 1, 4)
        z = torch.bmm(F.gelu(torch.bmm(z.reshape(self.groups, rows * frames, bands * part), self.narrow)), self.widen)
        x = x + z.view(self.groups, rows, frames, bands, part).permute(1, 3, 2, 0, 4).reshape_as(x)
        told = self.exchange(x)
        return torch.as_tensor(x + (beside @ told.flatten(1)).view_as(told))


class Bands(Extractor):
    """Grouped band-split (after Luo and Yu 2023, "Music Source Separation with Band-split RNN", arXiv:2209.15174).

    Args:
        width: Channels of a band.
        layers: Of `BandLayer`.
        repeats: How often they are run, with the same weights (as in Swift-Net).
    """

    def __init__(self, width: int = 48, layers: int = 3, repeats: int = 1) -> None:
        super().__init__(width, 0)
        self.layers = nn.ModuleList(BandLayer(width, 96) for _ in range(layers))
        assert isinstance(self.out, nn.Linear)
        self.input, self.out = _BandsIn(width), _BandsOut(width, self.out.bias)
        self.repeats = repeats

    def hidden(self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor) -> Tensor:
        """Run all layers."""
        for _ in range(self.repeats):
            for layer in self.layers:
                x = layer(x, cue, odds, beside)
        return x


class _BandsIn(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.bands = nn.ModuleList(nn.Linear(3 * (end - begin), width) for begin, end in pairwise(EDGES))

    def forward(self, x: Tensor) -> Tensor:
        """Part features (M, T, 3 * 321) into bands: (M, bands, T, width)."""
        parts = torch.split(x.reshape(*x.shape[:2], 3, BINS), [end - begin for begin, end in pairwise(EDGES)], dim=3)
        return torch.stack([band(part.flatten(2)) for band, part in zip(self.bands, parts, strict=True)], dim=1)


class _BandsOut(nn.Module):
    def __init__(self, width: int, bias: Tensor) -> None:
        super().__init__()
        self.bands = nn.ModuleList(nn.Linear(width, 4 * (end - begin)) for begin, end in pairwise(EDGES))
        self.bias = nn.Parameter(bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        """Join bands (B, bands, T, width) to (B, T, 4 * 321)."""
        parts = [band(x[:, i]).view(len(x), x.shape[2], 4, -1) for i, band in enumerate(self.bands)]
        return torch.cat(parts, dim=3).flatten(2) + self.bias


NETWORKS: dict[str, Callable[[], Extractor]] = {
    "lstm": Extractor,
    "skim": Skim,
    "dilated": Dilated,
    "bands": Bands,
    "shared": functools.partial(Bands, 64, 1, 3),
}
"""By name: plain LSTMs, skipping memory, dilated convolutions, bands, bands with shared weights."""
