"""What the separator knows of voices: the prints of the wanted face and of another, brought to one vector."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.voiceprint.encoder import LENGTH, PRINT

CUE = 192


class VoiceCue(nn.Module):
    """The wanted face's print decides what to let through; the other's, where it is known, what not.

    Args:
        hidden: Width of the layer between.
    """

    def __init__(self, hidden: int = 256) -> None:
        super().__init__()
        self.hidden = nn.Linear(PRINT, hidden)
        self.out = nn.Linear(hidden, CUE)
        self.other = nn.Linear(PRINT, CUE, bias=False)
        nn.init.zeros_(self.other.weight)

    def forward(self, wanted: Tensor, other: Tensor) -> Tensor:
        """Return one vector for each pair of prints.

        Args:
            wanted: (B, 256) print of the wanted face, zeros where unknown.
            other: (B, 256) print of another face in the same picture, zeros where unknown.

        Returns:
            (B, 192); zeros where neither is known.
        """
        known = (wanted.abs().amax(-1, keepdim=True) > 0).to(wanted.dtype)
        voice = F.normalize(self.out(F.gelu(self.hidden(wanted))).float(), dim=-1) * LENGTH
        return torch.as_tensor(voice * known + self.other(other))
