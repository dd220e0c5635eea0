"""Voices of one microphone, each told by how it sounds and when it speaks; causal, a frame of 20 ms at a time.

Target speaker extraction (Žmolíková et al. 2023, "Neural Target Speech Extraction", arXiv:2301.13341) for all voices
at once: a row is one voice before one microphone. It may be known by a speaker embedding, by the probability that it
speaks now (of whatever detector: lips, voices, both), by both, or be what nobody else takes. Rows of one microphone
tell each other after every layer what they have come to, and share what none of them took.

Time: spectra of 40 ms every 20 ms; frame k ends at sample (k + 1) * 320. With a block of 20 ms the latency is 40 ms.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.common.running_mean import running_mean, running_mean_step
from models.common.stft import STFT, InverseSTFT
from models.separation.spectrum import apply_mask, features

HOP, WIN = 320, 640
"""Samples from one spectrum to the next, and of one: 20 and 40 ms."""

BINS = WIN // 2 + 1
PRINT = 192
"""Numbers of a speaker embedding."""

ACTIVITY = 2
"""Numbers that tell of activity: log odds over `ODDS` and 1, or zeros where nothing is known."""

ODDS = 4.0
"""Log odds that the layers see as 1."""

HORIZON = 250
"""Frames (5 s) after which the level of a mixture is forgotten."""

CUE = 96
"""Numbers that are made of a speaker embedding."""

WIDTH = 256
"""Channels."""


def analysis() -> STFT:
    """The transform that the network works on."""
    return STFT(WIN, HOP, WIN)


def synthesis() -> InverseSTFT:
    """Its inverse."""
    return InverseSTFT(WIN, HOP, WIN)


Memory = tuple[Tensor, Tensor]
"""Output and cell of an LSTM, each (1, B, width)."""


@dataclass
class ExtractorState:
    """Memory of all rows.

    Attributes:
        level: (B, 1) running mean of the mixture's power, and `count` (B, 1) of what it is made.
        hidden: (B, layers, width) last outputs of the recurrent layers, and `cell` their cells.
    """

    level: Tensor
    count: Tensor
    hidden: Tensor
    cell: Tensor


class CuedLayer(nn.Module):
    """Takes in what is known of the voice, remembers, and hears what the other rows have come to.

    Args:
        width: Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.scale_shift = nn.Linear(CUE, 2 * width)
        self.activity = nn.Linear(ACTIVITY, width, bias=False)
        self.exchange = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.exchange.weight)
        self.recurrent = nn.LSTM(width, width, batch_first=True)

    def forward(
        self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor, memory: Memory | None = None
    ) -> tuple[Tensor, Memory]:
        """Run any number of frames.

        Args:
            x: (B, T, width).
            cue: (B, CUE) what the voice sounds like.
            odds: (B, T, 2).
            beside: (B, B).
            memory: as the call before gave it; None at the beginning.

        Returns:
            (B, T, width) and the memory, twice (1, B, width).
        """
        y, memory = self.recurrent(self.cued(x, cue, odds), memory)
        return self.exchanged(x + y, beside), memory

    def cued(self, x: Tensor, cue: Tensor, odds: Tensor) -> Tensor:
        """Take in what is known of each voice."""
        scale, shift = self.scale_shift(cue)[:, None].chunk(2, dim=-1)
        return torch.as_tensor(self.norm(x) * (1 + scale) + shift + self.activity(odds))

    def exchanged(self, x: Tensor, beside: Tensor) -> Tensor:
        """Add to each row what the others of its microphone tell it."""
        told = self.exchange(x)
        return torch.as_tensor(x + (beside @ told.flatten(1)).view_as(told))


class Extractor(nn.Module):
    """The network.

    Args:
        width: Channels.
        layers: Of `CuedLayer`.
    """

    def __init__(self, width: int = WIDTH, layers: int = 3) -> None:
        super().__init__()
        self.input: nn.Module = nn.Linear(3 * BINS, width)
        self.print_in = nn.Linear(PRINT, CUE)
        self.layers = nn.ModuleList(CuedLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        out = nn.Linear(width, 4 * BINS)
        with torch.no_grad():  # half of the mixture to begin with; the rest to nobody
            out.weight *= 0.3
            out.bias[BINS : 2 * BINS] = 0.55
            out.bias[3 * BINS :] = -2.0
        self.out: nn.Module = out
        self.width = width

    def forward(self, X: Tensor, of: Tensor, prints: Tensor, odds: Tensor, beside: Tensor) -> Tensor:
        """Whole sequences.

        Args:
            X: (M, 321, T) complex64 mixtures.
            of: (B,) int64 mixture of each row.
            prints: (B, 192) speaker embeddings of length 1, zeros where unknown.
            odds: (B, T, 2) log odds that this voice speaks, and 1 where they are known; zeros where not.
            beside: (B, B) 1 where two rows are voices of the same microphone, else 0; zeros on the diagonal.

        Returns:
            (B, 321, T) complex64.
        """
        power = X.abs().pow(2).mean(1)[..., None]
        x = self.input(features(X, running_mean(power, torch.ones_like(power), HORIZON)))[of]
        cue, told = self._cues(prints, odds)
        return voices(self.out(self.norm(self.hidden(x, cue, told, beside))), X[of], beside)

    def hidden(self, x: Tensor, cue: Tensor, odds: Tensor, beside: Tensor) -> Tensor:
        """Run all layers on whole sequences: (B, T, width) -> the same."""
        for layer in self.layers:
            x, _ = layer(x, cue, odds, beside)
        return x

    def init_state(self, rows: int, device: torch.device | str | None = None) -> ExtractorState:
        """Make the state of `rows` rows before their first frame."""
        memory = torch.zeros(rows, len(self.layers), self.width, device=device)
        level = torch.zeros(rows, 1, device=device)
        return ExtractorState(level, level.clone(), memory, memory.clone())

    def step(self, X: Tensor, prints: Tensor, odds: Tensor, beside: Tensor, state: ExtractorState) -> Tensor:
        """One frame of each row, with the numbers that `forward` gives; the state moves on in place.

        Args:
            X: (B, 321, 1) complex64 mixture of each row.
            prints: (B, 192), as for `forward`.
            odds: (B, 1, 2).
            beside: (B, B).
            state: as `init_state` or the last step left it.

        Returns:
            (B, 321, 1) complex64.
        """
        power = X.abs().pow(2).mean(1)
        state.level, state.count = running_mean_step(power, torch.ones_like(power), state.level, state.count, HORIZON)
        x = self.input(features(X, state.level[:, None]))
        cue, told = self._cues(prints, odds)
        for i, layer in enumerate(self.layers):
            memory = state.hidden[None, :, i].contiguous(), state.cell[None, :, i].contiguous()
            x, (state.hidden[:, i], state.cell[:, i]) = layer(x, cue, told, beside, memory)
        return voices(self.out(self.norm(x)), X, beside)

    def _cues(self, prints: Tensor, odds: Tensor) -> tuple[Tensor, Tensor]:
        cue = torch.tanh(self.print_in(prints * PRINT**0.5))
        return cue, odds * odds.new_tensor([1 / ODDS, 1.0])


def voices(o: Tensor, X: Tensor, beside: Tensor) -> Tensor:
    """Masked mixtures, and to each row of a microphone its share of what they all left.

    Args:
        o: (B, T, 4 * 321): gate, real and imaginary part of the mask, claim.
        X: (B, 321, T) complex64 mixture of each row.
        beside: (B, B).

    Returns:
        (B, 321, T) complex64. A row that knows of no other claims nothing.
    """
    with torch.autocast(X.device.type, enabled=False):  # there are no complex numbers of 16 bits
        return _voices(o.float(), X, beside)


def _voices(o: Tensor, X: Tensor, beside: Tensor) -> Tensor:
    mask, claim = o[..., : 3 * BINS], o[..., 3 * BINS :].transpose(1, 2)
    Y = apply_mask(mask, X)
    together = beside + torch.eye(len(beside), device=beside.device)
    taken = torch.view_as_complex((together @ torch.view_as_real(Y).flatten(1)).view(*Y.shape, 2))
    claims = torch.exp(4 * torch.tanh(claim / 4))
    share = claims / (1 + (together @ claims.flatten(1)).view_as(claims))
    return torch.as_tensor(Y + (X - taken) * share * (beside.amax(1) > 0)[:, None, None])
