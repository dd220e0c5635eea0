"""Who talks when within ten seconds, for up to three people, two of them at once: pyannote's segmentation 3.0.

Band-pass filters, two convolutions, four bidirectional LSTM layers and three linear ones give each frame a probability
for every set of people who may be talking. Which of the three is who holds only within one window. Plaquet and Bredin
2023, "Powerset multi-class cross entropy loss for neural speaker diarization", arXiv:2310.13025; the filters are those
of Ravanelli and Bengio 2018, "Speaker recognition from raw waveform with SincNet", arXiv:1808.00158, stored as taps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights
from models.common.audio import SAMPLE_RATE

WINDOW = 10 * SAMPLE_RATE
"""Samples of the windows the network was trained on."""

STEP, FIELD = 270, 991
"""Samples from one frame to the next, and that one frame of the convolutions covers."""

SETS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
"""Who of the three is talking, for each of the network's outputs."""

POOL = 3
HIDDEN = 128  # cells of an LSTM layer and direction, and width of a linear layer


class Segmentation(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_in = nn.InstanceNorm1d(1, affine=True)
        self.convs = nn.ModuleList(
            [nn.Conv1d(1, 80, 251, 10, bias=False), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)],
        )
        self.norms = nn.ModuleList(nn.InstanceNorm1d(channels, affine=True) for channels in (80, 60, 60))
        self.lstm = nn.LSTM(60, HIDDEN, 4, batch_first=True, bidirectional=True)
        self.linears = nn.ModuleList([nn.Linear(2 * HIDDEN, HIDDEN), nn.Linear(HIDDEN, HIDDEN)])
        self.classify = nn.Linear(HIDDEN, len(SETS))

    def forward(self, pcm: Tensor) -> Tensor:
        """Run.

        Args:
            pcm: (B, N) at 16 kHz, N >= 991 + 270.

        Returns:
            (B, 1 + (N - 991) // 270, 7) probabilities of `SETS`.
        """
        x = self.norm_in(pcm[:, None])
        for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = conv(x)
            x = F.leaky_relu(norm(F.max_pool1d(x.abs() if i == 0 else x, POOL)))
        x, _ = self.lstm(x.transpose(1, 2))
        for linear in self.linears:
            x = F.leaky_relu(linear(x))
        return torch.as_tensor(self.classify(x).softmax(-1))


def load_segmentation() -> Segmentation:
    """Load the shipped weights.

    Raises:
        FileNotFoundError: they are not there.
    """
    return weights.filled(Segmentation(), weights.FOLDER / "segmentation.safetensors")
