"""Dilated depthwise convolution blocks whose past lives in a ring, so that a step copies only what it reads.

A block of dilation d needs its own activations of d and 2d frames ago. Shifting a buffer of 2d frames
every step would move 1.5 MB a row for the separator; a ring of 2d frames costs two reads and one write.
Frames come in steps of S (2 in the separator, 1 in the lip encoder), so ring slots hold S frames; when S
divides d both taps are whole slots.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DilatedBlock(nn.Module):
    """Residual block: norm, widen, three-tap dilated depthwise convolution, norm, narrow.

    Args:
        width: channels in and out.
        hidden: channels of the convolution.
        dilation: frames d between the three taps, at t-2d, t-d and t.
    """

    def __init__(self, width: int, hidden: int, dilation: int) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.taps = nn.Parameter(torch.randn(3, hidden) * 0.4)
        self.taps_bias = nn.Parameter(torch.zeros(hidden))
        self.norm_out = nn.LayerNorm(hidden)
        self.narrow = nn.Linear(hidden, width)
        nn.init.normal_(self.narrow.weight, std=0.02)
        self.dilation = dilation

    def inner(self, x: Tensor) -> Tensor:
        """Return activations the taps read: x (…, width) -> (…, hidden)."""
        return F.gelu(self.widen(self.norm_in(x)), approximate="tanh")

    def outer(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the result from the input x (…, width) and the convolution's output z (…, hidden)."""
        return torch.as_tensor(x + self.narrow(self.norm_out(F.gelu(z, approximate="tanh"))))

    def forward(self, x: Tensor) -> Tensor:
        """Run whole sequences: x (B, T, width) -> (B, T, width)."""
        y, d, length = self.inner(x), self.dilation, x.shape[1]
        y = F.pad(y, (0, 0, 2 * d, 0))
        taps = self.taps.to(y.dtype)  # under autocast y is bfloat16, and a float32 factor would widen it
        z = y[:, :length] * taps[0] + y[:, d : d + length] * taps[1]
        return self.outer(x, z + y[:, 2 * d : 2 * d + length] * taps[2] + self.taps_bias.to(y.dtype))

    def step(self, x: Tensor, older: Tensor, old: Tensor) -> tuple[Tensor, Tensor]:
        """Run S frames of K rows.

        Args:
            x: (K, S, width).
            older: (K, S, hidden) activations of 2d frames ago.
            old: (K, S, hidden) activations of d frames ago; where d < S (d = 1, S = 2) the step before.

        Returns:
            Result (K, S, width) and the activations (K, S, hidden) to remember.
        """
        y = self.inner(x)
        if self.dilation % x.shape[1]:
            old = torch.cat([old[:, -1:], y[:, :-1]], dim=1)
        return self.outer(x, older * self.taps[0] + old * self.taps[1] + y * self.taps[2] + self.taps_bias), y


class Rings(nn.Module):
    """Where each block's past lies in one memory, given how many steps a row has run.

    Args:
        dilations: of the blocks in order; each must be 1 or a multiple of `frames`.
        frames: S, frames a step (1 or 2).
        hidden: channels of the convolutions.
    """

    start: Tensor
    length: Tensor
    halfway: Tensor

    def __init__(self, dilations: Sequence[int], frames: int, hidden: int) -> None:
        super().__init__()
        if any(d % frames and (d, frames) != (1, 2) for d in dilations):
            raise ValueError(f"dilations {list(dilations)} do not fit steps of {frames} frames")
        lengths = [max(1, 2 * d // frames) for d in dilations]
        self.slots, self.width, self.blocks = sum(lengths), frames * hidden, len(lengths)
        tables = {
            "start": [sum(lengths[:i]) for i in range(len(lengths))],
            "length": lengths,
            "halfway": [d // frames for d in dilations],
        }
        for name, values in tables.items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def memory(self, rows: int, device: torch.device | str | None = None) -> Tensor:
        """Return empty memory (rows, slots, S * hidden)."""
        return torch.zeros(rows, self.slots, self.width, device=device)

    def read(self, memory: Tensor, rows: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Fetch the past of every block.

        Args:
            memory: (B, slots, S * hidden).
            rows: (K,) int64 row numbers.
            steps: (K,) int64 steps those rows have run.

        Returns:
            past (K, 2 * blocks, S * hidden): first what lies 2d back for each block, then what lies d
            back; and the places (K * blocks,) at which `write` must put the new activations.
        """
        at = steps[:, None]
        first = (rows * self.slots)[:, None] + self.start
        older = first + at % self.length
        old = first + (at + self.halfway) % self.length
        flat = memory.view(-1, self.width)
        past = flat.index_select(0, torch.cat([older, old], dim=1).view(-1))
        return past.view(len(rows), 2 * self.blocks, self.width), older.view(-1)

    def write(self, memory: Tensor, places: Tensor, fresh: Tensor) -> None:
        """Remember new activations (K, blocks, S * hidden) in place of the oldest."""
        memory.view(-1, self.width).index_copy_(0, places, fresh.reshape(-1, self.width))
