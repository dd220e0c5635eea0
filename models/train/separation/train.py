"""Trains the separator of `models.separation.network`; may be held or stopped at any moment and taken up again.

    python -m models.train.data.stems --data DIR --out STEMS
    python -m models.train.separation.train --stems STEMS --out FILE --minutes 60 --whole 1200 [--resume]

Runs on a GPU if there is one, the stems resident on it, in slices of `--minutes` out of `--whole`, which sets when the
learning rate falls (on a CPU minutes of processor time). FILE.ckpt holds all that the next slice needs and is written
every two minutes, FILE.jsonl the curve, FILE the averaged weights (fp16) with the best loss so far on the development
speakers. `--start WEIGHTS` goes on from weights alone, where the checkpoint is lost.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.common import weights
from models.separation.network import WIDTH, Extractor, analysis
from models.train.data.draw import Batch, draw
from models.train.data.stems import load_stems
from models.train.separation.candidates import NETWORKS
from models.train.separation.loss import Loss, loss_of
from models.train.separation.probe import look

SAVE_EVERY = 120.0
"""Seconds between checkpoints."""

WARM = 60
"""Steps over which the learning rate rises."""

REST = 0.3
"""Last share of a run in which the learning rate falls."""

KEEP = 0.998
"""What stays of the averaged weights in a step, after the first few hundred."""

EASY = 15 * 60.0
"""Seconds of training over which scenes get as hard as they are to be."""


def rate_at(step: int, progress: float) -> float:
    """Learning rate over the highest: a rise over `WARM` steps, level, a fall over the last `REST` of the run.

    A run of unknown length can go on from any point of the level part (Hu et al. 2024, "MiniCPM", arXiv:2404.06395,
    warmup-stable-decay).
    """
    return min(1.0, (step + 1) / WARM) * min(1.0, max(0.02, (1 - progress) / REST))


@torch.no_grad()
def average(mean: nn.Module, net: nn.Module, step: int) -> None:
    """Move the averaged weights towards those of the network."""
    keep = min(KEEP, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - keep)


def save(path: Path, net: nn.Module) -> None:
    """Write weights as fp16; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    save_file({k: v.half().contiguous() for k, v in net.state_dict().items()}, temporary)
    temporary.replace(path)


def summary(seen: list[tuple[Tensor, Loss]]) -> dict[str, float]:
    """Means over some batches: loss, dB by number of voices, dB left of the silent; what is nothing is left out."""
    voices = torch.cat([v for v, _ in seen])
    snr = torch.cat([loss.snr for _, loss in seen])
    figures = {f"snr_{n}": snr[voices == n].nanmean().item() for n in (1, 2, 3)}
    figures["silent"] = torch.cat([loss.residual for _, loss in seen]).nanmean().item()
    figures["loss"] = sum(loss.total.item() for _, loss in seen) / len(seen)
    return {k: round(v, 3) for k, v in figures.items() if math.isfinite(v)}


class SeparatorTrainer:
    """One training run.

    Args:
        options: As `models.train.separation.train` has them.
        make: Makes the network.
    """

    def __init__(self, options: argparse.Namespace, make: Callable[[], nn.Module] = Extractor) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_float32_matmul_precision("high")
        torch.manual_seed(options.seed)
        self.net = make().to(self.device)
        if options.start:
            self.net.load_state_dict(weights.tensors(options.start))
        self.mean = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), options.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.spent, self.best = 0, 0.0, math.inf
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            self._take_up()
        self.stems = load_stems(options.stems, "train", self.device)
        self.dev = load_stems(options.stems, "dev", self.device)
        self.analysis = analysis().to(self.device)
        self._rows = torch.Generator().manual_seed(options.seed + self.step)

    def _take_up(self) -> None:
        past = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(past["net"])
        self.mean.load_state_dict(past["mean"])
        self.optimiser.load_state_dict(past["optimiser"])
        self.step, self.spent, self.best = past["step"], past["spent"], past["best"]
        # Not the same numbers again: the scenes must go on, not repeat.
        torch.manual_seed(self.options.seed + self.step)

    def save(self) -> None:
        """Write all that is needed to go on."""
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "best": self.best,
        }
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def scene(self) -> Batch:
        """Draw a batch: of two voices in three of four, of three or four in the others."""
        ease = max(0.0, 1 - self.spent / EASY)
        some = int(torch.randint(0, 8, (), generator=self._rows))
        voices = 2 if some < 6 or ease > 0.5 else 3 if some < 7 else 4
        return draw(self.stems, max(1, self.options.rows // voices), voices, self.options.blocks, ease)

    def train_step(self) -> tuple[Tensor, Loss]:
        """One batch: how many voices each row's mixture has, and the loss."""
        progress = self.spent / (self.options.whole * 60)
        for group in self.optimiser.param_groups:
            group["lr"] = self.options.rate * rate_at(self.step, progress)
        batch = self.scene()
        X = self.analysis(batch.mix)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.options.bfloat16):
            Y = self.net(X, batch.of, batch.prints, batch.odds, batch.beside)
        loss = loss_of(Y, self.analysis(batch.voice), X[batch.of])
        self.optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        size = nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        if bool(torch.isfinite(size)):
            self.optimiser.step()
            average(self.mean, self.net, self.step)
        self.step += 1
        return batch.voices, loss

    def note(self, kind: str, figures: dict[str, float]) -> None:
        """Add a line to the curve."""
        line = {"kind": kind, "step": self.step, "minutes": round(self.spent / 60, 2), **figures}
        with self.options.out.with_suffix(".jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)

    def validate(self) -> None:
        """Look at the development speakers; write weights if they were never better, and the checkpoint always."""
        figures = look(self.mean, self.dev, self.options.check)
        self.note("dev", figures)
        if figures["loss"] < self.best:
            self.best = figures["loss"]
            save(self.options.out, self.mean)
        self.save()

    def run(self) -> None:
        """Train one slice."""
        # On a CPU processor time, so that a run beside other work, or one held for a while, is not cut short.
        clock = time.monotonic if self.device.type == "cuda" else time.process_time
        begin, already = clock(), self.spent
        looked, saved = begin, time.monotonic()
        until = min(self.options.whole * 60, already + self.options.minutes * 60)
        seen: list[tuple[Tensor, Loss]] = []
        while self.spent < until:
            seen.append(self.train_step())
            now = clock()
            self.spent = already + now - begin
            if len(seen) == self.options.log_every:
                self.note("train", summary(seen))
                seen = []
            if now - looked > self.options.look_every * 60:
                self.validate()
                looked, saved = clock(), time.monotonic()
            elif time.monotonic() - saved > SAVE_EVERY:
                self.save()
                saved = time.monotonic()
        self.validate()


def options() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stems", type=Path, required=True, help="what models.train.data.stems wrote")
    parser.add_argument("--out", type=Path, required=True, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, required=True, help="of this slice")
    parser.add_argument("--whole", type=float, required=True, help="minutes of all slices together")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    parser.add_argument("--start", type=Path, help="weights to begin from where there is no checkpoint")
    parser.add_argument("--rows", type=int, default=16, help="voices a batch; 128 on a GPU")
    parser.add_argument("--blocks", type=int, default=150, help="blocks of 20 ms a crop")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--net", choices=NETWORKS, default="lstm", help="another network, for a race")
    parser.add_argument("--width", type=int, default=WIDTH, help="channels of the network; fewer are for tests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--check", type=int, default=16, help="development scenes of each kind")
    parser.add_argument("--look-every", type=float, default=4.0, help="minutes between looks at them")
    parser.add_argument("--log-every", type=int, default=25, help="steps a line of the curve")
    parser.add_argument("--bfloat16", action="store_true", help="products in bfloat16: on a GPU")
    return parser


def main() -> None:
    """Train one slice."""
    torch.set_num_threads(1)
    given = options().parse_args()
    SeparatorTrainer(given, NETWORKS[given.net] if given.width == WIDTH else lambda: Extractor(given.width)).run()


if __name__ == "__main__":
    main()
