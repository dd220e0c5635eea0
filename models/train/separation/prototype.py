"""The separator with the prototype's voice encoder, to compare with: it was trained along with the separator.

`scripts/convert_prototype.py` makes the weights of ../shared/research fit; the separators shipped before 2026-11-28 are
of this kind too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common.dilated import DilatedBlock
from models.separation.separator import Separator
from models.train.data.datasets import RATE
from models.train.separation.loss import spectrum
from models.train.data.mix import Scene
from models.train.separation.train import last_repeated
from models.separation.voice_cue import CUE

LENGTH, MELS, BINS = 8.0, 64, 257
ENROLMENT_LEVEL = 0.06  # root mean square


class AroundBlock(DilatedBlock):
    """A block whose taps lie at t-d, t and t+d: speech to learn a voice from is there as a whole."""

    def forward(self, x: Tensor) -> Tensor:
        """Whole sequences: x (B, T, width) -> (B, T, width)."""
        d, length = self.dilation, x.shape[1]
        y = F.pad(self.inner(x), (0, 0, d, d))
        taps = torch.stack([y[:, i * d : i * d + length] for i in range(3)], dim=-2)
        return self.outer(x, (taps * self.taps).sum(-2) + self.taps_bias)


class PrototypeVoice(nn.Module):
    """Attentive pooling over dilated convolutions."""

    def __init__(self) -> None:
        import torchaudio

        super().__init__()
        self.input = nn.Linear(MELS, CUE)
        self.blocks = nn.ModuleList(AroundBlock(CUE, 2 * CUE, d) for d in (1, 2, 4, 8, 16))
        self.attention = nn.Linear(CUE, CUE)
        self.output = nn.Linear(2 * CUE, CUE)
        self.filters: Tensor
        filters = torchaudio.functional.melscale_fbanks(BINS, 50.0, 7600.0, MELS, RATE, None, "htk")
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, pcm: Tensor) -> Tensor:
        """Prints: pcm (B, N) at 16 kHz -> (B, 192), each of length 8."""
        pcm = pcm / (pcm.pow(2).mean(1, keepdim=True).sqrt() + 3e-3) * ENROLMENT_LEVEL
        mel = torch.log(spectrum(pcm).abs().pow(2).transpose(1, 2) @ self.filters + 1e-4)
        x = self.input((mel - mel.mean(1, keepdim=True)) / 3)
        for block in self.blocks:
            x = block(x)
        weight = torch.softmax(self.attention(x), dim=1)
        mean = (weight * x).sum(1)
        spread = ((weight * (x - mean[:, None]).pow(2)).sum(1) + 1e-4).sqrt()
        return F.normalize(self.output(torch.cat([mean, spread], dim=1)), dim=-1) * LENGTH


class Prototype(Separator):
    """The network of `Separator`, which hears whose voice is wanted in `PrototypeVoice`'s way."""

    def __init__(self) -> None:
        super().__init__()
        self.voice = PrototypeVoice()

    def separate(self, scene: Scene) -> Tensor:
        """Spectra (B, 257, T) of the wanted voices in scenes that bring enrolment speech.

        Raises:
            ValueError: The scene has none.
        """
        if scene.enrolment is None:
            raise ValueError("the prototype makes its own prints: the scene needs enrolment speech")
        X = spectrum(scene.mix)
        faces = (scene.lips, scene.visible, scene.other, scene.other_visible)
        voice = self.voice(scene.enrolment) * scene.known
        return torch.as_tensor(self(X, *map(last_repeated, faces), voice, torch.full_like(scene.beside, -1)))
