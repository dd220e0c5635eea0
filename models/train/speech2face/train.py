"""Teach the voice network: from voice prints to the face embedding of whoever speaks.

    python -m models.train.speech2face.train --data DIR --judge WHEEL --cache DIR --out FILE

Voice encoders and face embedding stay as they are. Ridge regression, weighted so that every person counts once; gender
and age are logistic regressions on what `judge` sees in the pictures. Seconds, once prints and embeddings are in the
cache.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from models.common.arrays import Bools
from models.speech2face.network import AGES, VoiceToFace
from models.train.speech2face.data import Material, material
from models.voiceprint import campplus

GENDER_DECAY, AGE_DECAY = 0.03, 0.45
"""Of the logistic regressions' weights: with less, people never heard are answered too surely."""

SPREAD = 1e-3
"""Least deviation of a number of a print: some of the second print's are nearly always zero."""


@dataclass(frozen=True)
class Recipe:
    """What was chosen by cross-validation.

    Attributes:
        ridge: of the regression, in units of a print's square.
        second: what the numbers of the second print count, beside the first's.
        reach: how much farther from the mean face guesses lie than is nearest on average: as far as faces do.
    """

    ridge: float = 2.0
    second: float = 0.4
    reach: float = 3.0


def fit(material: Material, train: Bools, recipe: Recipe | None = None) -> VoiceToFace:
    """Teach a network.

    Args:
        material: prints, faces and judgements of N people.
        train: (N,) which of them are heard and seen.
        recipe: how.
    """
    recipe = recipe or Recipe()
    rows = train[material.who]
    who = torch.from_numpy(np.searchsorted(np.flatnonzero(train), material.who[rows]))
    voice = torch.from_numpy(material.prints[rows]).float()
    faces = torch.from_numpy(material.faces[train]).float()
    weight = 1 / torch.bincount(who)[who].float()
    net = VoiceToFace().requires_grad_(False)
    net.middle.copy_((weight[:, None] * voice).sum(0) / weight.sum())
    net.spread.copy_(voice.std(0).clamp(min=SPREAD))
    net.spread[campplus.SIZE :] /= recipe.second
    net.mean_face.copy_(faces.mean(0))
    net.reach.fill_(recipe.reach)
    x, y = net.scaled(voice), faces - net.mean_face
    strength = recipe.ridge * x.square().sum(1).mean() * torch.eye(x.shape[1])
    weighted = x.T * weight
    net.linear.weight.copy_(torch.linalg.solve(weighted @ x + strength, weighted @ y[who]).T)
    female = torch.from_numpy(material.female[train]).float()[who]
    _logistic(net.gender, x, female[:, None], weight, GENDER_DECAY)
    group = np.searchsorted(AGES, material.years[train], side="right")
    _logistic(net.age, x, F.one_hot(torch.from_numpy(group), len(AGES) + 1).float()[who], weight, AGE_DECAY)
    return net.eval()


def _logistic(layer: nn.Linear, x: Tensor, share: Tensor, weight: Tensor, decay: float) -> None:
    """Fit probabilities to shares (B, C), by L-BFGS."""
    layer.requires_grad_(True)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        guess = layer(x)
        if share.shape[1] == 1:
            each = F.binary_cross_entropy_with_logits(guess, share, reduction="none")[:, 0]
        else:
            each = F.cross_entropy(guess, share, reduction="none")
        total = torch.as_tensor((weight * each).sum() / weight.sum() + decay * layer.weight.square().sum())
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    layer.requires_grad_(False)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--data", "--judge", "--cache", "--out"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = material(options.data, options.judge, options.cache)
    net = fit(found, np.ones(len(found.people), bool))
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, options.out)


if __name__ == "__main__":
    main()
