"""Teach the voice network: from voice prints to the face embedding of whoever speaks.

    python -m models.train.speech2face.train --data DIR --judge WHEEL --cache DIR --out FILE

Voice encoders and face embedding stay as they are. The linear way is ridge regression; the hidden layer is several
small networks side by side, each of which learns, from other random weights, what the linear way leaves over: to come
near the own face, and nearer to it than to the faces of the others in the batch (van den Oord et al. 2018,
arXiv:1807.03748, on squared distances). Gender and age are logistic regressions on what `judge` sees in the pictures.
Takes a minute of one core once prints and embeddings are in the cache.
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
from models.speech2face.network import AGES, WIDTH, VoiceToFace
from models.train.speech2face.data import Material, material
from models.voiceprint import campplus

SEED = 0

SPREAD = 1e-3
"""Least deviation of a number of a print: some of the second print's are nearly always zero."""


@dataclass(frozen=True)
class Recipe:
    """What was chosen by cross-validation.

    Attributes:
        ridge: of the linear way, in units of a print's square.
        second: what the numbers of the second print count, beside the first's.
        members: networks side by side.
        steps: of each.
        batch: people a step.
        rate: of learning, the highest.
        decay: of weights.
        contrast: weight of the second loss.
        warmth: squared distance that is one unit of likelihood.
        noise: deviation added to prints.
        drop: share of a print's numbers that are left out.
        reach: how much farther from the mean face guesses lie than is best on average.
    """

    ridge: float = 2.0
    second: float = 0.4
    members: int = 4
    steps: int = 150
    batch: int = 256
    rate: float = 2e-3
    decay: float = 0.05
    contrast: float = 0.1
    warmth: float = 0.1
    noise: float = 0.3
    drop: float = 0.2
    reach: float = 2.5


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
    net = VoiceToFace(WIDTH).requires_grad_(False)
    net.middle.copy_((weight[:, None] * voice).sum(0) / weight.sum())
    net.spread.copy_(voice.std(0).clamp(min=SPREAD))
    net.spread[campplus.SIZE :] /= recipe.second
    net.mean_face.copy_(faces.mean(0))
    net.reach.fill_(recipe.reach)
    x, y = net.scaled(voice), faces - net.mean_face
    strength = recipe.ridge * x.square().sum(1).mean() * torch.eye(x.shape[1])
    weighted = x.T * weight
    net.linear.weight.copy_(torch.linalg.solve(weighted @ x + strength, weighted @ y[who]).T)
    _teach_members(net, x, y, who, recipe)
    female = torch.from_numpy(material.female[train]).float()[who]
    _logistic(net.gender, x, torch.stack([female], dim=1), weight)
    group = np.searchsorted(AGES, material.years[train], side="right")
    _logistic(net.age, x, F.one_hot(torch.from_numpy(group), len(AGES) + 1).float()[who], weight)
    return net.eval()


def _teach_members(net: VoiceToFace, x: Tensor, y: Tensor, who: Tensor, recipe: Recipe) -> None:
    """Fill the hidden layer, a part for each member."""
    size = net.hidden.out_features // recipe.members
    for member in range(recipe.members):
        torch.manual_seed(SEED + member)
        part = nn.Sequential(nn.Linear(x.shape[1], size), nn.GELU(), nn.Linear(size, y.shape[1], bias=False))
        _teach(part, net.linear.weight, x, y, who, recipe)
        own = slice(member * size, (member + 1) * size)
        first, last = part[0], part[2]
        assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
        net.hidden.weight[own], net.hidden.bias[own] = first.weight.detach(), first.bias.detach()
        net.out.weight[:, own] = last.weight.detach() / recipe.members


def _teach(part: nn.Module, linear: Tensor, x: Tensor, y: Tensor, who: Tensor, recipe: Recipe) -> None:
    optimizer = torch.optim.AdamW(part.parameters(), recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=recipe.steps)
    variance = y.square().sum(1).mean()
    for _ in range(recipe.steps):
        # One stretch of each person in the batch.
        order = torch.randperm(len(x))[: 2 * recipe.batch]
        order = order[_firsts(who[order])][: recipe.batch]
        heard = F.dropout(x[order] + recipe.noise * torch.randn(len(order), x.shape[1]), recipe.drop)
        guess, true = part(heard) + heard @ linear.T, y[who[order]]
        near = F.cross_entropy(-torch.cdist(guess, true).square() / recipe.warmth, torch.arange(len(order)))
        loss = (guess - true).square().sum(1).mean() / variance + recipe.contrast * near
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _firsts(values: Tensor) -> Tensor:
    """Where each value stands first."""
    _, first = np.unique(values.numpy(), return_index=True)
    return torch.from_numpy(np.sort(first))


def _logistic(layer: nn.Linear, x: Tensor, share: Tensor, weight: Tensor, decay: float = 1e-3) -> None:
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
        total = torch.as_tensor((weight * each).sum() / weight.sum() + decay * x.shape[1] * layer.weight.square().sum())
        total.backward()
        return total

    optimizer.step(loss)
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
