"""What a mouth is doing, as 96 numbers a video frame: the separator's cue for *when* a face talks.

Input are four lip numbers in eye-distance units (12 * inner opening, 12 * outer opening, 12 * width, 12 *
lower lip below the nose) at 25 frames a second. Only their motion counts: a running mean is taken away,
and the differences are given beside it. A frame whose lips are not visible gives zeros and a cleared flag.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.common.dilated import DilatedBlock, Rings
from models.common.running_mean import running_mean, running_mean_step

LIPS = 4
HORIZON = 250
"""Lip frames (10 s) after which the running mean forgets."""

_LIMIT = 6.0

LipCore = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass
class LipState:
    """Memory of all rows.

    Attributes:
        mean: (B, 4) running mean of the lips, and `count` (B, 1) of what it is made.
        last: (B, 4) lips of the frame before, and `last_visible` (B, 1) whether there were any.
        frames: (B,) int64 frames taken in.
        past: (B, slots, hidden) the blocks' past.
        embedding: (B, width) the newest result; means nothing while frames = 0.
    """

    mean: Tensor
    count: Tensor
    last: Tensor
    last_visible: Tensor
    frames: Tensor
    past: Tensor
    embedding: Tensor


class LipEncoder(nn.Module):
    """Causal encoder of lip motion.

    Args:
        width: size of the embedding.
        hidden: channels of the dilated convolutions.
        dilations: video frames between taps, one block each.
    """

    def __init__(self, width: int = 96, hidden: int = 192, dilations: Sequence[int] = (1, 2, 4, 8)) -> None:
        super().__init__()
        self.input = nn.Linear(2 * LIPS + 1, width)
        self.blocks = nn.ModuleList(DilatedBlock(width, hidden, d) for d in dilations)
        self.width, self.hidden, self.dilations = width, hidden, tuple(dilations)
        self.rings = Rings(self.dilations, 1, hidden)

    def init_state(self, batch: int, device: torch.device | str | None = None) -> LipState:
        """Return the state of rows that have seen no lips."""

        def zeros(*size: int) -> Tensor:
            return torch.zeros(batch, *size, device=device)

        frames = torch.zeros(batch, dtype=torch.int64, device=device)
        memory = self.rings.memory(batch, device)
        return LipState(zeros(LIPS), zeros(1), zeros(LIPS), zeros(1), frames, memory, zeros(self.width))

    def forward(self, lips: Tensor, visible: Tensor) -> Tensor:
        """Run whole sequences.

        Args:
            lips: (B, T, 4).
            visible: (B, T, 1) of 0 and 1.

        Returns:
            (B, T, width).
        """
        lips = torch.where(visible > 0, lips, 0.0)
        before = torch.cat([torch.zeros_like(visible[:, :1]), visible[:, :-1]], dim=1)
        change = torch.diff(lips, dim=1, prepend=lips[:, :1]) * before
        x = self.input(self._features(lips - running_mean(lips, visible, HORIZON), change, visible))
        for block in self.blocks:
            x = block(x)
        return torch.as_tensor(x)

    @property
    def memory(self) -> int:
        """Frames after which nothing is left of what was seen before."""
        return 2 * sum(self.dilations) + 1

    def absent(self) -> Tensor:
        """Return the embedding (width,) of a face that has not been visible for as long as the encoder remembers."""
        nothing = self.input.weight.new_zeros(1, self.memory, LIPS)
        return torch.as_tensor(self(nothing, nothing[..., :1])[0, -1])

    def core(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Run all layers for one frame of K rows, without any state.

        Args:
            x: (K, 9) features.
            past: (K, 2 * blocks, hidden) as `Rings.read` gives it.

        Returns:
            Embedding (K, width) and activations (K, blocks, hidden) to remember.
        """
        x = self.input(x)[:, None]
        fresh = []
        for i, block in enumerate(self.blocks):
            assert isinstance(block, DilatedBlock)
            x, y = block.step(x, past[:, i, None], past[:, len(self.blocks) + i, None])
            fresh.append(y)
        return x[:, 0], torch.cat(fresh, dim=1)

    def step(self, lips: Tensor, visible: Tensor, state: LipState, rows: Tensor, core: LipCore | None = None) -> None:
        """Take in one video frame for K rows; their state moves on in place, with the new embedding.

        Args:
            lips: (K, 4); ignored where not visible.
            visible: (K,) bool.
            state: of all rows.
            rows: (K,) int64, each at most once.
            core: what runs the layers, if not this module itself.
        """
        w = visible[:, None].float()
        lips = torch.where(visible[:, None], lips, 0.0)
        mean, count = running_mean_step(lips, w, state.mean[rows], state.count[rows], HORIZON)
        change = (lips - state.last[rows]) * state.last_visible[rows]
        past, places = self.rings.read(state.past, rows, state.frames[rows])
        embedding, fresh = (core or self.core)(self._features(lips - mean, change, w), past)
        self.rings.write(state.past, places, fresh)
        state.mean[rows], state.count[rows], state.last[rows], state.last_visible[rows] = mean, count, lips, w
        state.frames[rows] += 1
        state.embedding[rows] = embedding

    @staticmethod
    def _features(centred: Tensor, change: Tensor, visible: Tensor) -> Tensor:
        x = torch.cat([centred, change * 2], dim=-1).clamp(-_LIMIT, _LIMIT)
        return torch.cat([x * visible, visible], dim=-1)
