"""Train the mouth (models/portrait/mouth.py).

    python -m models.train.portrait.train --cache CACHE --out FILE --minutes N

CACHE is what models.train.portrait.data made. One reader was filmed, so a first network learns his lips from what the
recogniser for captions hears (frames that say little of whose voice it is, and may look ahead); it then makes up lips
for hundreds of people who were not filmed, and the mouth learns from both. Minutes are of processor time.
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
from models.portrait.mouth import AHEAD, COMPONENTS, FRAMES, LOWER, POINTS, UPPER, MouthNet
from models.train.portrait.augment import levelled, spoilt
from models.train.portrait.data import READER, SILENT, SPEEDS, VOICES, WORDS, Rows, held_out, stored

BATCH = 32
RATE = 2e-3
DECAY = 0.998
"""Of the averaged weights, a batch."""


class Teacher(nn.Module):
    """Lips of what was recognised: a GRU in both directions."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WORDS)
        self.input = nn.Linear(WORDS, 96)
        self.gru = nn.GRU(96, 96, batch_first=True, bidirectional=True)
        self.output = nn.Linear(192, COMPONENTS)
        self.dropout = nn.Dropout(0.4)

    def forward(self, words: Tensor) -> Tensor:
        """Return amounts (B, T, COMPONENTS) of frames (B, T, 288)."""
        x = torch.relu(self.input(self.dropout(self.norm(words))))
        return torch.as_tensor(self.output(self.dropout(self.gru(x)[0])))


def basis(points: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (80,) and components (COMPONENTS, 80), each times its standard deviation, of shapes (N, 80)."""
    mean = points.mean(0)
    _, size, rows = torch.linalg.svd(points - mean, full_matrices=False)
    return mean, rows[:COMPONENTS] * (size[:COMPONENTS, None] / len(points) ** 0.5)


def closed(points: Tensor) -> Tensor:
    """Return the mean (80,) of the tenth of shapes (N, 80) whose lips are least apart."""
    shapes = points.view(-1, POINTS, 2)
    gap = shapes[:, LOWER, 1] - shapes[:, UPPER, 1]
    return points[gap <= gap.quantile(0.1)].mean(0)


def loss_of(made: Tensor, real: Tensor, there: Tensor) -> Tensor:
    """Return how far shapes (B, T, 40, 2) are from real ones, of steps that are `there` (B, T): points and opening."""

    def mean(x: Tensor) -> Tensor:
        return (x * there).sum() / there.sum().clamp_min(1)

    gap = (made - real)[..., LOWER, 1] - (made - real)[..., UPPER, 1]
    change = torch.diff(gap, dim=1, prepend=gap[:, :1])
    return mean((made - real).abs().mean((2, 3))) + mean(gap.abs()) + 0.5 * mean(change.abs())


def batches(rows: int, size: int, random: np.random.Generator) -> Iterator[I64]:
    """Yield indices without end, each row once before any comes again."""
    while True:
        order = random.permutation(rows)
        for first in range(0, rows - size + 1, size):
            yield order[first : first + size]


class Stock:
    """Rows of all speeds of a set, as one."""

    def __init__(self, parts: list[Rows], kept: list[I64]) -> None:
        most = max(part.words.shape[1] for part in parts)

        def joined(name: str, factor: int, rest: float = 0.0) -> Tensor:
            found = []
            for part, keep in zip(parts, kept, strict=True):
                rows = getattr(part, name)[keep]
                found.append(np.pad(rows, ((0, 0), (0, most * factor - rows.shape[1]), (0, 0)), constant_values=rest))
            return torch.from_numpy(np.concatenate(found))

        self.bands, self.words, self.points = joined("bands", FRAMES, SILENT), joined("words", 1), joined("points", 1)
        steps = np.concatenate([part.steps[keep] for part, keep in zip(parts, kept, strict=True)])
        self.there = (torch.arange(most) < torch.from_numpy(steps)[:, None]).float()


def shifted(amounts: Tensor, points: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Bring the network's answers beside the moments that they are for."""
    late = AHEAD - 1
    return amounts[:, late:], points[:, : points.shape[1] - late], there[:, late:]


def teach(teacher: Teacher, net: MouthNet, stock: Stock, epochs: int, random: np.random.Generator) -> None:
    """Train the first network on the filmed reader."""
    optimiser = torch.optim.AdamW(teacher.parameters(), RATE, weight_decay=0.01)
    count = epochs * (len(stock.there) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=count)
    for _, pick in zip(range(count), batches(len(stock.there), BATCH, random), strict=False):
        made = net.points(teacher(stock.words[pick].float()))
        loss = loss_of(made, stock.points[pick].view(made.shape), stock.there[pick])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


def heard(net: MouthNet, bands: Tensor) -> Tensor:
    """Return the amounts of bands (B, T * 4, 40) whose level is taken away."""
    amounts, _ = net(bands.reshape(len(bands), -1, FRAMES * BANDS))
    return torch.as_tensor(amounts)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--resume", action="store_true", help="go on where a run with these options was stopped")
    parser.add_argument("--epochs", type=int, default=8, help="of the first network")
    parser.add_argument("--made-up", type=float, default=0.25, help="share of rows of people who were not filmed")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    numbers = range(len(SPEEDS))
    parts = [stored(options.cache, f"{READER}-{k}") for k in numbers]
    every = np.arange(len(parts[0].steps))
    test = np.array([held_out(int(i)) for i in every])
    reader, kept = Stock(parts, [every[~test]] * len(parts)), Stock(parts[:1], [every[test]])
    net, teacher = MouthNet(), Teacher()
    mean, components = basis(reader.points[reader.there > 0])
    net.mean.copy_(mean)
    net.components.copy_(components)
    net.rest.copy_(closed(reader.points[reader.there > 0]))
    # What the recogniser hears of him is known at his own speed only.
    teach(teacher, net, Stock(parts[:1], [every[~test]]), options.epochs, random)
    teacher.eval()
    with torch.no_grad():
        shapes = net.points(teacher(kept.words.float()))
        print("teacher", report(shapes, kept), flush=True)
        voices = stored(options.cache, f"{VOICES}-0")
        others = Stock([voices], [np.arange(len(voices.steps))])
        others.points = torch.cat(
            [net.points(teacher(some.float())).flatten(2) for some in torch.split(others.words, 64)]
        )
    train(net, reader, others, kept, options, random)


def train(
    net: MouthNet, reader: Stock, others: Stock, kept: Stock, options: argparse.Namespace, random: np.random.Generator
) -> None:
    """Train the mouth on both; what it is after each minute is stored, and where to go on from."""
    average, state = deepcopy(net), options.out.with_suffix(".state")
    optimiser = torch.optim.AdamW(net.parameters(), RATE, weight_decay=0.01)
    many = round(BATCH * options.made_up)
    mine, theirs = batches(len(reader.there), BATCH - many, random), batches(len(others.there), max(many, 1), random)
    number, before = 0, 0.0
    if options.resume and state.exists():
        number, before, weights, averaged, steps = torch.load(state)
        net.load_state_dict(weights)
        average.load_state_dict(averaged)
        optimiser.load_state_dict(steps)
    began, said = time.process_time() - 60 * before, before
    while (gone := (time.process_time() - began) / 60 / options.minutes) < 1:
        number += 1
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(number / 100, 0.5 * (1 + np.cos(np.pi * gone)))
        loss = torch.zeros(())
        for stock, picks, size in ((reader, mine, BATCH - many), (others, theirs, many)):
            if size:
                pick = next(picks)
                bands = stock.bands[pick].float()
                # Half of what the filmed reader says stays as it was said.
                clean = size // 2 if stock is reader else 0
                bands = torch.cat([bands[:clean], spoilt(bands[clean:])])
                amounts = heard(net, levelled(bands))
                amounts, points, there = shifted(amounts, stock.points[pick], stock.there[pick])
                made = net.points(amounts)
                loss = loss + size / BATCH * loss_of(made, points.view(made.shape), there)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            for a, b in zip(average.parameters(), net.parameters(), strict=True):
                a.lerp_(b, max(1 - DECAY, 1 / number))
        minute = (time.process_time() - began) / 60
        if minute > said + 1:
            said = minute
            amounts, points, there = shifted(heard(average, levelled(kept.bands.float())), kept.points, kept.there)
            print(f"{minute:5.1f} min {number:6d}", report_of(average.points(amounts), points, there), flush=True)
            store(average, options.out)
            torch.save((number, minute, *(x.state_dict() for x in (net, average, optimiser))), state)
    store(average, options.out)


def store(net: MouthNet, path: Path) -> None:
    """Write the weights, fp16."""
    save_file({name: value.half().contiguous() for name, value in net.state_dict().items()}, path)


def report(shapes: Tensor, stock: Stock) -> str:
    """Say how far shapes (N, T, 40, 2) are from a stock's."""
    return report_of(shapes, stock.points, stock.there)


def report_of(shapes: Tensor, points: Tensor, there: Tensor) -> str:
    """Return the mean error of opening and points, and the correlation of openings."""
    real = points.view(*points.shape[:2], POINTS, 2)[there > 0]
    made = shapes.detach()[there > 0]
    gaps = [x[:, LOWER, 1] - x[:, UPPER, 1] for x in (made, real)]
    error = float((gaps[0] - gaps[1]).abs().mean())
    alike = float(torch.corrcoef(torch.stack(gaps))[0, 1])
    return f"opening {error:.4f} r {alike:.3f} points {float((made - real).norm(dim=-1).mean()):.4f}"


if __name__ == "__main__":
    main()
