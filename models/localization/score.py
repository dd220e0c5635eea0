"""How surely something to be seen makes the sound: silence, sound from elsewhere and music over a still say no."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from models.common.arrays import F32
from models.localization.attention import MEANING

CLUES = (
    "synchrony where attention is",
    "likeness where attention is",
    "highest synchrony",
    "share of attention on faces",
    "motion where attention is",
    "most motion",
    "level of the sound",
)
"""What is weighed, beside the meaning of the sound."""


def clues(sync: F32, meaning: F32, attention: F32, faces: float, moved: F32, level: float) -> F32:
    """Work out the numbers of `CLUES`.

    Args:
        sync: Synchrony (14, 14).
        meaning: Likeness (14, 14).
        attention: (14, 14), sums to 1.
        faces: 0..1.
        moved: Mean size of motion, (14, 14), compressed as in `models.localization.motion`.
        level: dB of full scale.

    Returns:
        (7,), each about -2..2.
    """
    return np.array(
        [
            (attention * sync).sum() / 4,
            (attention * meaning).sum() / 4,
            sync.max() / 4,
            faces,
            (attention * moved).sum(),
            moved.max(),
            np.clip((level + 50) / 20, -2, 2),
        ],
        np.float32,
    )


class SourceClassifier(nn.Module):
    """Logit that there is a source, from the clues and from what the sound means."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(len(CLUES) + MEANING, 24), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weigh (B, 7 + 64) -> (B,)."""
        logit: Tensor = self.out(self.hidden(x).relu())[:, 0]
        return logit
