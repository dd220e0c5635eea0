"""Linear classifiers on frozen features: how much of a clip's class a feature holds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Weight decays tried; the best on the development clips counts, for every row of a table alike."""


@dataclass
class LinearProbe:
    """A classifier with its input's standardisation folded in.

    Attributes:
        weight: (classes, features).
        bias: (classes,).
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Map (M, features) -> logits (M, classes)."""
        return x @ self.weight.t() + self.bias


@dataclass
class Score:
    """How a classifier does on the development clips, shares of 1.

    Attributes:
        accuracy: of all clips.
        macro: mean over classes of the accuracy in each.
        each: accuracy of each class.
    """

    accuracy: float
    macro: float
    each: list[float]


def fit_linear(x: Tensor, wanted: Tensor, strength: float, several: bool = False, steps: int = 60) -> LinearProbe:
    """Fit a logistic regression by L-BFGS on standardised features.

    Args:
        x: (M, features).
        wanted: (M, classes), shares of 1; with `several` each class is a question of its own.
        strength: weight decay.
        several: whether classes may be true at once.
        steps: iterations at most.
    """
    mean, spread = x.mean(0), x.std(0) + 1e-4
    z = (x - mean) / spread
    weight = torch.zeros(wanted.shape[1], x.shape[1], requires_grad=True)
    bias = torch.zeros(wanted.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        given = z @ weight.t() + bias
        if several:
            fault = F.binary_cross_entropy_with_logits(given, wanted) * wanted.shape[1]
        else:
            fault = F.cross_entropy(given, wanted)
        total = fault + strength * weight.square().sum() / 2
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    folded = (weight / spread).detach()
    return LinearProbe(folded, bias.detach() - folded @ mean)


def score(given: Tensor, label: Tensor) -> Score:
    """Score logits (M, classes) against (M,) labels."""
    right = given.argmax(1) == label
    each = [right[label == k].float().mean().item() for k in range(given.shape[1])]
    return Score(right.float().mean().item(), sum(each) / len(each), each)
