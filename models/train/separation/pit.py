"""The comparison without eyes: a network of the same size that parts a mixture into two, trained permutation-free.

It is the separator with its lip and voice cues held at nothing and two masks at its end (Yu et al. 2017). It cannot
say whose voice is whose: in evaluation each wanted talker gets whichever of the two outputs fits better, which a
product could not know.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.common.running_mean import running_mean
from models.separation.separator import BINS, HORIZON, Separator, apply_mask, features
from models.separation.voice_cue import CUE
from models.train.data.mix import AcousticScene
from models.train.separation.loss import Loss, parts_of, spectrum, waveform
from models.train.separation.metrics import si_sdr

OUTPUTS = 2


class PitSeparator(Separator):
    """As `Separator`, but with `OUTPUTS` masks and no cue; `parts` in place of `forward`."""

    def __init__(self) -> None:
        super().__init__()
        del self.exchange, self.share  # both voices come from one row
        self.out = nn.Linear(512, OUTPUTS * 3 * BINS)

    def parts(self, X: Tensor) -> Tensor:
        """Part a mixture.

        Args:
            X: (B, 257, T) complex64.

        Returns:
            (B, OUTPUTS, 257, T) complex64.
        """
        rows, _, frames = X.shape
        power = X.abs().pow(2).mean(1)[..., None]
        x = self.input(features(X, running_mean(power, torch.ones_like(power), HORIZON)))
        nothing = x.new_zeros(rows, frames, 2 * self.lips.width)
        voice = x.new_zeros(rows, CUE)
        for i in range(len(self.lips_in)):
            x = self._take_in_cues(i, x, nothing, voice)
            for block in self._stack(i):
                x = block(x)
            if i == 1:
                x = x + self.recurrent(x)[0]
        masks = self.out(self._hidden(x)).float().chunk(OUTPUTS, dim=-1)
        return torch.stack([apply_mask(mask, X) for mask in masks], dim=1)


def pit_loss(Y: Tensor, scene: AcousticScene) -> Loss:
    """Return the loss of the better of two assignments: one output is the wanted voice, the other all other voices.

    Args:
        Y: (B, 2, 257, T).
        scene: What was to be parted.
    """
    rest = scene.others.sum(1)
    nobody = rest.abs().amax(1) == 0
    ways = []
    for first, second in ((0, 1), (1, 0)):
        wanted = parts_of(Y[:, first], scene.voice, scene.mix, scene.silent)
        other = parts_of(Y[:, second], rest, scene.mix, nobody)
        ways.append((wanted[0] + other[0], wanted[1], wanted[2]))
    better = ways[0][0] <= ways[1][0]
    each, snr, residual = (torch.where(better, a, b) for a, b in zip(*ways, strict=True))
    return Loss(each.mean() / 2, snr, residual)


@torch.no_grad()
def best_part(net: PitSeparator, scene: AcousticScene) -> Tensor:
    """Return the output (B, N) that is most like the wanted voice; of a silent face the quieter one."""
    Y = net.parts(spectrum(scene.mix))
    a, b = (waveform(Y[:, i], scene.mix.shape[1]) for i in range(OUTPUTS))
    likes = torch.where(
        scene.silent, b.pow(2).sum(1) - a.pow(2).sum(1), si_sdr(a, scene.voice) - si_sdr(b, scene.voice)
    )
    return torch.where((likes > 0)[:, None], a, b)
