"""Face-conditioned separator: a mixture's spectrum in, the spectrum of one face's voice out, causal.

After Looking to Listen (Ephrat et al. 2018): lips and mixture joined in one network that ends in a complex
mask. Here it runs live, so every layer is causal, and a voice print (as in VoiceFilter, Wang et al. 2019)
stands in when the lips say little. Rows are (session, face) pairs; two faces before one microphone tell each other
what they take for their own. `forward` takes whole sequences, for training; `step` takes one block of 20 ms and gives
the same numbers.

Time: spectrum frame k ends at sample (k+1)*160. Lip frame j is used for spectrum frames 4j .. 4j+3, so it
should be the mouth as seen about 40 ms before block 2j begins; training shifted lips by -80 .. +120 ms
around that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import streaming
from models.common.dilated import DilatedBlock, Rings
from models.common.running_mean import running_mean, running_mean_step
from models.separation.lip_encoder import LipEncoder, LipState
from models.separation.partner import places_of, rows_at, with_share_of_rest
from models.separation.spectrum import apply_mask, features
from models.separation.voice_cue import CUE, VoiceCue

BINS = 257
FRAMES = 2
"""Spectrum frames of 10 ms in a step."""

LIP_FRAMES = 4
"""Spectrum frames to a video frame."""

HORIZON = 500
"""Spectrum frames (5 s) after which the level of a mixture is forgotten."""

Core = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""Features (K, FRAMES, 3 * BINS), lips (K, 2 * 96), voice (K, 192), past (K, 2 * blocks, FRAMES * hidden), recurrent
(K, width), beside (K,) -> mask (K, FRAMES, 4 * BINS), fresh (K, blocks, FRAMES * hidden), recurrent (K, width)."""


Run = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""The same for T blocks at once, with the memory of all rows and the steps they have run instead of `past`."""


@dataclass
class SeparatorState:
    """Memory of all rows.

    Attributes:
        level: (B, 1) running mean of the mixture's power, and `count` (B, 1) of what it is made.
        steps: (B,) int64 steps run.
        past: (B, slots, FRAMES * hidden) the blocks' past.
        recurrent: (B, width) last output of the recurrent layer.
    """

    level: Tensor
    count: Tensor
    steps: Tensor
    past: Tensor
    recurrent: Tensor


class Separator(nn.Module):
    """The network.

    Args:
        width: channels between blocks.
        hidden: channels of the dilated convolutions.
        stacks: stacks of blocks; each begins by taking in lips and voice print and ends by taking in what the row of
            the other face has come to; before that the second has a recurrent layer.
        depth: blocks a stack, dilations 1, 2, 4, … frames.
    """

    def __init__(self, width: int = 256, hidden: int = 512, stacks: int = 3, depth: int = 7) -> None:
        super().__init__()
        self.lips = LipEncoder()
        self.voice: nn.Module = VoiceCue()
        self.input = nn.Linear(3 * BINS, width)
        dilations = [2**i for _ in range(stacks) for i in range(depth)]
        self.blocks = nn.ModuleList(DilatedBlock(width, hidden, d) for d in dilations)
        self.lips_in = nn.ModuleList(nn.Linear(width + 2 * self.lips.width, width) for _ in range(stacks))
        self.voice_in = nn.ModuleList(nn.Linear(CUE, 2 * width) for _ in range(stacks))
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.exchange = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(stacks))
        for layer in self.exchange.parameters():
            nn.init.zeros_(layer)
        self.norm = nn.LayerNorm(width)
        self.out_hidden = nn.Linear(width, 512)
        self.out, self.share = nn.Linear(512, 3 * BINS), nn.Linear(512, BINS)
        nn.init.zeros_(self.share.weight)
        nn.init.constant_(self.share.bias, -2.0)
        self.width, self.depth = width, depth
        self.rings = Rings(dilations, FRAMES, hidden)

    def init_state(self, batch: int, device: torch.device | str | None = None) -> SeparatorState:
        """Return the state of `batch` rows before their first block."""

        def zeros(*size: int) -> Tensor:
            return torch.zeros(batch, *size, device=device)

        steps = torch.zeros(batch, dtype=torch.int64, device=device)
        return SeparatorState(zeros(1), zeros(1), steps, self.rings.memory(batch, device), zeros(self.width))

    def forward(
        self,
        X: Tensor,
        lips: Tensor,
        visible: Tensor,
        other: Tensor,
        other_visible: Tensor,
        voice: Tensor,
        beside: Tensor,
    ) -> Tensor:
        """Run whole sequences.

        Args:
            X: (B, 257, T) complex64 mixture.
            lips: (B, L, 4) of the wanted face, L >= T / 4.
            visible: (B, L, 1) of 0 and 1.
            other: (B, L, 4) lips of another face in the same picture.
            other_visible: (B, L, 1); zeros where there is no other face.
            voice: (B, 192) what is known of the voices, as `voice` gives it.
            beside: (B,) int64 which of these rows is the other face, of which something must be known; -1 for none.

        Returns:
            (B, 257, T) complex64.
        """
        frames = X.shape[2]
        power = X.abs().pow(2).mean(1)[..., None]
        x = self.input(features(X, running_mean(power, torch.ones_like(power), HORIZON)))
        pair = [self.lips(lips, visible), self.lips(other, other_visible)]
        seen = torch.cat(pair, dim=-1).repeat_interleave(LIP_FRAMES, dim=1)[:, :frames]
        for i in range(len(self.lips_in)):
            x = self._take_in_cues(i, x, seen, voice)
            for block in self._stack(i):
                x = block(x)
            if i == 1:
                x = x + self.recurrent(x)[0]
            x = x + self.exchange[i](rows_at(x, beside))
        return self._voices(self._mask(x).float(), X, beside)

    def core(
        self, x: Tensor, lips: Tensor, voice: Tensor, past: Tensor, recurrent: Tensor, beside: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run all layers for one step of K rows, without any state: see `Core` for the shapes."""
        rows = x.shape[0]
        past = past.view(rows, 2 * len(self.blocks), FRAMES, -1)
        seen = lips[:, None].expand(-1, FRAMES, -1)
        x = self.input(x)
        fresh: list[Tensor] = []
        for i in range(len(self.lips_in)):
            x = self._take_in_cues(i, x, seen, voice)
            for block in self._stack(i):
                n = len(fresh)
                x, y = block.step(x, past[:, n], past[:, len(self.blocks) + n])
                fresh.append(y.reshape(rows, -1))
            if i == 1:
                outputs, recurrent = self._recurrent_step(x, recurrent)
                x = x + outputs
            x = x + self.exchange[i](rows_at(x, beside))
        return self._mask(x), torch.stack(fresh, dim=1), recurrent

    def step_rows(
        self,
        X: Tensor,
        lips: Tensor,
        voice: Tensor,
        state: SeparatorState,
        rows: Tensor,
        beside: Tensor,
        core: Core | None = None,
    ) -> Tensor:
        """Run one block of K rows; their state moves on in place, all other rows stay.

        Args:
            X: (K, 257, 2) complex64.
            lips: (K, 192) embeddings of the wanted and the other face, as `cues` gives them.
            voice: (K, 192) what is known of the voices, as `voice` gives it.
            state: of all rows.
            rows: (K,) int64, each at most once.
            beside: (K,) int64 at which place of `rows` the other face is, -1 for none.
            core: what runs the layers, if not this module itself.

        Returns:
            (K, 257, 2) complex64.
        """
        x = self._features(X, state, rows)
        past, places = self.rings.read(state.past, rows, state.steps[rows])
        mask, fresh, recurrent = (core or self.core)(x, lips, voice, past, state.recurrent[rows], beside)
        self.rings.write(state.past, places, fresh)
        state.recurrent[rows] = recurrent
        state.steps[rows] += 1
        return self._voices(mask, X, beside)

    def run_rows(
        self, X: Tensor, lips: Tensor, voice: Tensor, state: SeparatorState, rows: Tensor, beside: Tensor, run: Run
    ) -> Tensor:
        """Run T blocks of K rows in one go, else as `step_rows`.

        Args:
            X: (K, 257, 2 * T) complex64.
            lips: (K, T, 192).
            voice: (K, 192), the same for all blocks.
            state: of all rows.
            rows: (K,).
            beside: (K,).
            run: what runs the layers.

        Returns:
            (K, 257, 2 * T) complex64.
        """
        x = self._features(X, state, rows)
        seen = lips.repeat_interleave(FRAMES, dim=1)
        past, steps = state.past[rows], state.steps[rows]
        mask, state.past[rows], state.recurrent[rows] = run(x, seen, voice, past, steps, state.recurrent[rows], beside)
        state.steps[rows] += lips.shape[1]
        return self._voices(mask, X, beside)

    @staticmethod
    def _features(X: Tensor, state: SeparatorState, rows: Tensor) -> Tensor:
        """Return `features` of the next frames, and move the level on."""
        power = X.abs().pow(2).mean(1)
        level, count, one = state.level[rows], state.count[rows], torch.ones_like(state.level[rows])
        levels = []
        for t in range(power.shape[1]):
            level, count = running_mean_step(power[:, t, None], one, level, count, HORIZON)
            levels.append(level)
        state.level[rows], state.count[rows] = level, count
        return features(X, torch.stack(levels, dim=1))

    def cues(self, state: LipState, rows: Tensor, other: Tensor, absent: Tensor) -> Tensor:
        """Return lip embeddings now in force.

        Args:
            state: of all rows.
            rows: (K,) int64 wanted faces.
            other: (K,) int64 row of another face in the same picture, -1 for none.
            absent: (96,) as `lips.absent()` gives it: stands for a face never seen.

        Returns:
            (K, 192).
        """
        seen = (state.frames > 0)[:, None]
        wanted = torch.where(seen[rows], state.embedding[rows], absent)
        there = seen[other] & (other >= 0)[:, None]
        return torch.cat([wanted, torch.where(there, state.embedding[other], absent)], dim=1)

    def step(
        self,
        X: Tensor,
        lips: Tensor,
        voice: Tensor,
        state: SeparatorState,
        run: Tensor,
        reset: Tensor,
        other: Tensor,
    ) -> tuple[Tensor, SeparatorState]:
        """Run one block of every row, with masks.

        Args:
            X: (B, 257, 2) complex64.
            lips: (B, 192) embeddings, as `cues` gives them.
            voice: (B, 192), as `voice` gives it.
            state: as `init_state` or the last `step` gave it; it moves on in place.
            run: (B,) bool, rows that take part; the others keep their state and give zeros.
            reset: (B,) bool, rows that forget everything before this block.
            other: (B,) int64 row of the other face, -1 for none; it counts where both run.

        Returns:
            (B, 257, 2) complex64 and the state after the block.
        """
        streaming.reset_rows(state, streaming.rows_where(reset))
        rows, Y = streaming.rows_where(run), torch.zeros_like(X)
        if len(rows):
            Y[rows] = self.step_rows(X[rows], lips[rows], voice[rows], state, rows, places_of(other[rows], rows))
        return Y, state

    def _stack(self, i: int) -> list[DilatedBlock]:
        stack = list(self.blocks)[i * self.depth : (i + 1) * self.depth]
        return [block for block in stack if isinstance(block, DilatedBlock)]

    def _take_in_cues(self, i: int, x: Tensor, seen: Tensor, voice: Tensor) -> Tensor:
        scale, shift = self.voice_in[i](voice)[:, None].chunk(2, dim=-1)
        cue = F.gelu(self.lips_in[i](torch.cat([x, seen], dim=-1)))
        return torch.as_tensor(x + cue * (1 + scale) + shift)

    def _hidden(self, x: Tensor) -> Tensor:
        return F.gelu(self.out_hidden(self.norm(x)))

    def _mask(self, x: Tensor) -> Tensor:
        hidden = self._hidden(x)
        return torch.cat([self.out(hidden), self.share(hidden)], dim=-1)

    @staticmethod
    def _voices(o: Tensor, X: Tensor, beside: Tensor) -> Tensor:
        mask, share = o[..., : 3 * BINS], o[..., 3 * BINS :]
        return with_share_of_rest(apply_mask(mask, X), X, torch.sigmoid(share).transpose(1, 2), beside)

    def _recurrent_step(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """Run as nn.GRU, without its fixed cost: x (K, S, width), h (K, width) -> (K, S, width), (K, width)."""
        weight_in, weight_again, bias_in, bias_again = gru_weights(self.recurrent)
        inward = F.linear(x, weight_in, bias_in)
        outputs = []
        for t in range(x.shape[1]):
            a_reset, a_keep, a_new = inward[:, t].chunk(3, dim=-1)
            b_reset, b_keep, b_new = F.linear(h, weight_again, bias_again).chunk(3, dim=-1)
            keep = torch.sigmoid(a_keep + b_keep)
            new = torch.tanh(a_new + torch.sigmoid(a_reset + b_reset) * b_new)
            h = new + keep * (h - new)
            outputs.append(h)
        return torch.stack(outputs, dim=1), h


def gru_weights(gru: nn.GRU) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return weights of a one-layer GRU: from the input (3W, in), from its output (3W, W), both biases (3W,)."""
    first, again, bias_first, bias_again = gru.parameters()
    return first, again, bias_first, bias_again
