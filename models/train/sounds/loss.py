"""How far SoundNet's answers are from its teachers': KL divergences."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WARMTH = 4.0
"""Temperature of the softmax; YAMNet's logits of one sound spread by about 6.5."""


def sigmoid_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Sum the KL divergences of 521 yes-or-no distributions: (..., 521) logits both -> (...)."""
    wanted = torch.sigmoid(teacher)
    self_entropy = F.binary_cross_entropy(wanted, wanted, reduction="none")
    cross = F.binary_cross_entropy_with_logits(student, wanted, reduction="none")
    return (cross - self_entropy).sum(-1)


def softmax_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the KL divergence of one warm distribution over all classes, times the squared temperature; -> (...)."""
    # Next to silence YAMNet's logits run to hundreds, which would leave a single class.
    wanted = F.log_softmax(teacher.clamp(-30, 8) / WARMTH, dim=-1)
    given = F.log_softmax(student / WARMTH, dim=-1)
    return (wanted.exp() * (wanted - given)).sum(-1) * WARMTH**2


def object_divergence(student: Tensor, wanted: Tensor) -> Tensor:
    """Return the KL divergence from what is seen: (B, P, 1000) logits, (B, 1000) sums to 1 or is 0 -> (B,)."""
    given = F.log_softmax(student.mean(1), dim=-1)
    divergence = (torch.xlogy(wanted, wanted) - wanted * given).sum(-1)
    return divergence * (wanted.sum(-1) > 0.5)


def hearing(student: Tensor, teacher: Tensor) -> Tensor:
    """Add both divergences from the teacher of sounds, (..., 521) logits -> (...)."""
    return sigmoid_divergence(student, teacher) + softmax_divergence(student, teacher)
