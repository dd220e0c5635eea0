"""Train the mouth (models/portrait/mouth.py).

    python -m models.train.portrait.train --cache CACHE --out FILE --minutes N

CACHE is what models.train.portrait.data made. Minutes are of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.common.arrays import I64
from models.portrait.log_mel import BANDS
from models.portrait.mouth import AHEAD, COMPONENTS, FRAMES, HIDDEN, LOWER, POINTS, UPPER, WIDTH, MouthNet
from models.train.portrait.augment import levelled, spoilt
from models.train.portrait.data import READER, SILENT, SPEEDS, Rows, held_out, stored

BATCH = 32
RATE = 4e-3
RIDGE = 1e-3
DECAY = 0.99
"""Of the averaged weights, a batch."""


def basis(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (80,) and components (COMPONENTS, 80), each times its standard deviation, of shapes (N, 80)."""
    mean = points.mean(0)
    values, vectors = torch.linalg.eigh((points - mean).T @ (points - mean) / len(points))
    return mean, (vectors * values.clamp_min(0).sqrt()).T.flip(0)[:COMPONENTS]


def closed(points: Tensor) -> Tensor:
    """Return the mean (80,) of the tenth of shapes (N, 80) whose lips are least apart."""
    shapes = points.view(-1, POINTS, 2)
    gap = shapes[:, LOWER, 1] - shapes[:, UPPER, 1]
    return points[gap <= gap.quantile(0.1)].mean(0)


def foretell(net: MouthNet, stock: Stock) -> None:
    """Fit what the GRU is given, and the part of the output that takes it as it is, in closed form.

    With centred contexts X and amounts Y, ridge regression gives B = (X'X + r I)^-1 X'Y of rank COMPONENTS; for more
    directions than that, Y is widened by the amounts one to four steps before and after. The sums are those along the
    left singular vectors of B, each of deviation 1.
    """
    rows, targets = [], []
    for pick in torch.split(torch.arange(len(stock.there)), 64):
        bands = levelled(stock_bands(stock, pick.numpy()))
        around = net.around(bands.reshape(len(bands), -1, FRAMES * BANDS), net.begin(len(bands)).past)[:, AHEAD - 1 :]
        truth, there = real(stock, pick.numpy())
        spread = net.components.pow(2).sum(1)
        amounts = (truth.flatten(2) - net.mean) @ net.components.T / spread
        beside = [amounts.roll(by, 1) for by in (0, -1, 1, -2, 2, -4, 4)]
        rows.append(around[there > 0])
        targets.append(torch.cat(beside, 2)[there > 0])
    x, y = torch.cat(rows), torch.cat(targets)
    mean, count = x.mean(0), len(x)
    x = x - mean
    inner = x.T @ x / count + RIDGE * torch.eye(x.shape[1])
    weights = torch.linalg.solve(inner, x.T @ (y - y.mean(0)) / count)
    directions = torch.linalg.svd(weights, full_matrices=False)[0][:, :WIDTH]
    directions = directions / (x @ directions).std(0)
    sums = x @ directions
    own = torch.linalg.lstsq(sums, y[:, :COMPONENTS] - y[:, :COMPONENTS].mean(0)).solution
    net.context.weight.copy_(directions.T)
    net.context.bias.copy_(-mean @ directions)
    net.output.weight.zero_()
    net.output.weight[:, HIDDEN:] = own.T
    net.output.bias.copy_(y[:, :COMPONENTS].mean(0))


def loss_of(made: Tensor, real: Tensor, there: Tensor) -> Tensor:
    """Return how far shapes (B, T, 40, 2) are from real ones, of steps that are `there` (B, T): points and opening."""

    def mean(x: Tensor) -> Tensor:
        return (x * there).sum() / there.sum().clamp_min(1)

    gap = (made - real)[..., LOWER, 1] - (made - real)[..., UPPER, 1]
    change = torch.diff(gap, dim=1, prepend=gap[:, :1])
    return mean((made - real).abs().mean((2, 3))) + 2 * mean(gap.abs()) + 0.5 * mean(change.abs())


def batches(rows: int, random: np.random.Generator) -> Iterator[I64]:
    """Yield indices without end, each row once before any comes again."""
    while True:
        order = random.permutation(rows)
        for first in range(0, rows - BATCH + 1, BATCH):
            yield order[first : first + BATCH]


class Stock:
    """Rows of all speeds, as one.

    Args:
        parts: Of each speed.
        kept: Numbers of the rows that are taken of each.

    Attributes:
        bands: (N, T * 4, 40).
        points: (N, T, 80).
        there: (N, T), 0 behind a row's end.
    """

    def __init__(self, parts: list[Rows], kept: I64) -> None:
        most = max(part.points.shape[1] for part in parts)

        def joined(name: str, factor: int, rest: float) -> Tensor:
            found = []
            for part in parts:
                rows = getattr(part, name)[kept]
                behind = ((0, 0), (0, most * factor - rows.shape[1]), (0, 0))
                found.append(np.pad(rows, behind, constant_values=rest))
            return torch.from_numpy(np.concatenate(found))

        self.bands, self.points = joined("bands", FRAMES, SILENT), joined("points", 1, 0.0)
        steps = np.concatenate([part.steps[kept] for part in parts])
        self.there = (torch.arange(most) < torch.from_numpy(steps)[:, None]).float()


def made(net: MouthNet, bands: Tensor) -> Tensor:
    """Return shapes (B, T - 4, 40, 2), from the first moment on, of bands (B, T * 4, 40) whose level is taken away."""
    amounts, _ = net(bands.reshape(len(bands), -1, FRAMES * BANDS), net.begin(len(bands)))
    return net.points(amounts[:, AHEAD - 1 :])


def real(stock: Stock, pick: I64 | slice) -> tuple[Tensor, Tensor]:
    """Return the shapes beside them, and which of them are to count: those whose sound is known 0.2 s on."""
    late = AHEAD - 1
    points, there = stock.points[pick][:, :-late], stock.there[pick][:, late:]
    return points.reshape(*points.shape[:2], POINTS, 2), there


def report(net: MouthNet, stock: Stock) -> str:
    """Return the mean error of opening and points on rows as they were said, and the correlation of openings."""
    found = made(net, levelled(stock.bands.float()))
    truth, there = real(stock, slice(None))
    a, b = found[there > 0], truth[there > 0]
    gaps = [x[:, LOWER, 1] - x[:, UPPER, 1] for x in (a, b)]
    error, alike = float((gaps[0] - gaps[1]).abs().mean()), float(torch.corrcoef(torch.stack(gaps))[0, 1])
    return f"opening {error:.4f} r {alike:.3f} points {float((a - b).norm(dim=-1).mean()):.4f}"


def train(net: MouthNet, reader: Stock, kept: Stock, out: Path, minutes: float, resume: bool) -> None:
    """Train; every half minute what it is then is stored, and where to go on from."""
    average, state, random = deepcopy(net), out.with_suffix(".state"), np.random.default_rng(0)
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], RATE, weight_decay=0.01)
    number, before = 0, 0.0
    if resume and state.exists():
        number, before, weights, averaged, steps = torch.load(state)
        net.load_state_dict(weights)
        average.load_state_dict(averaged)
        optimiser.load_state_dict(steps)
    began, said = time.process_time() - 60 * before, before
    for pick in batches(len(reader.there), random):
        minute = (time.process_time() - began) / 60
        if minute >= said + 0.5 or minute >= minutes:
            said = minute
            with torch.no_grad():
                print(f"{minute:5.1f} min {number:6d} {report(average, kept)}", flush=True)
            save_file({name: value.half().contiguous() for name, value in average.state_dict().items()}, out)
            torch.save((number, minute, *(x.state_dict() for x in (net, average, optimiser))), state)
        if minute >= minutes:
            return
        number += 1
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(number / 50, 0.5 * (1 + float(np.cos(np.pi * minute / minutes))))
        bands = stock_bands(reader, pick)
        truth, there = real(reader, pick)
        loss = loss_of(made(net, levelled(bands)), truth, there)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters(), strict=True):
                a.lerp_(b, max(1 - DECAY, 1 / number))


def stock_bands(stock: Stock, pick: I64) -> Tensor:
    """Return bands of rows, half of them as they were said, half as of other voices in other rooms."""
    bands = stock.bands[pick].float()
    half = len(bands) // 2
    return torch.cat([bands[:half], spoilt(bands[half:])])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--resume", action="store_true", help="go on where a run with these options was stopped")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    parts = [stored(options.cache, f"{READER}-{k}") for k in range(len(SPEEDS))]
    every = np.arange(len(parts[0].steps))
    test = np.array([held_out(int(i)) for i in every])
    reader, kept = Stock(parts, every[~test]), Stock(parts[:1], every[test])
    net = MouthNet()
    shapes = reader.points[reader.there > 0]
    net.mean.copy_(shapes.mean(0))
    net.components.copy_(basis(shapes)[1])
    net.rest.copy_(closed(shapes))
    with torch.no_grad():
        foretell(net, Stock(parts[:1], every[~test]))
        print("in closed form:", report(net, kept), flush=True)
    net.context.requires_grad_(False)
    train(net, reader, kept, options.out, options.minutes, options.resume)


if __name__ == "__main__":
    main()
