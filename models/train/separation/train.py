"""Train the separator.

    python -m models.train.separation.train --data DIR --out FILE --minutes 9 --whole 27 [--resume]

Runs on a GPU if there is one, the data resident on it, in slices of `--minutes` out of `--whole` (which sets the
learning rate's course; on a CPU minutes of processor time). FILE.ckpt holds all that the next slice needs, FILE.jsonl
the curve, FILE.prints and FILE.dev-prints everybody's voice prints, FILE the averaged weights (fp16) with the best
figures so far on the development speakers. `--start none` begins from nothing; `--licence permissive` uses free sources
alone. `--net pit` trains the comparison without eyes (models/train/separation/pit.py).
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.separation.partner import LAYERS
from models.separation.runtime import WEIGHTS
from models.separation.separator import Separator
from models.train.data.corpus import load_corpora
from models.train.data.mix import AcousticScene, make_scene
from models.train.data.prints import stored_prints
from models.train.data.reverb import load_bank
from models.train.separation.loss import Loss, loss_of, spectrum
from models.train.separation.pit import PitSeparator, pit_loss
from models.voiceprint.encoder import load_voice_encoder

CHECK_EVERY = 180.0
"""Seconds between looks at the development speakers."""

CHECK_SCENES, CHECK_ROWS = 96, 8
WARM = 60
"""Steps over which the learning rate rises."""


def last_repeated(x: Tensor) -> Tensor:
    """Add one more video frame, since the centred spectrum has one frame more than the crop."""
    return torch.cat([x, x[:, -1:]], dim=1)


def separate(net: Separator, scene: AcousticScene, precision: torch.dtype | None) -> Tensor:
    """Return the spectrum of the wanted voice, with the matrix products in `precision` (None: float32)."""
    with torch.autocast(scene.mix.device.type, precision or torch.bfloat16, enabled=precision is not None):
        lips, seen = last_repeated(scene.lips), last_repeated(scene.visible)
        other, other_seen = last_repeated(scene.other), last_repeated(scene.other_visible)
        voice = net.voice(scene.print * scene.known, scene.other_print * scene.other_known)
        return torch.as_tensor(net(spectrum(scene.mix), lips, seen, other, other_seen, voice, scene.beside))


def loss_on(net: Separator, scene: AcousticScene, precision: torch.dtype | None) -> Loss:
    """Return the loss of either kind of network."""
    if not isinstance(net, PitSeparator):
        return loss_of(separate(net, scene, precision), scene)
    with torch.autocast(scene.mix.device.type, precision or torch.bfloat16, enabled=precision is not None):
        parts = net.parts(spectrum(scene.mix))
    return pit_loss(parts, scene)


@torch.no_grad()
def average(mean: Separator, net: Separator, step: int) -> None:
    """Average the weights of the last few hundred steps."""
    keep = min(0.997, (1 + step) / (10 + step))
    for slow, fast in zip(mean.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)


def save(path: Path, net: Separator) -> None:
    """Write weights as fp16; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    save_file({k: v.half().contiguous() for k, v in net.state_dict().items()}, temporary)
    temporary.replace(path)


def summary(seen: list[tuple[AcousticScene, Loss]]) -> dict[str, float]:
    """Return means over some batches: loss, dB by number of talkers, dB left of a silent face; NaN is left out."""
    snr = torch.cat([loss.snr for _, loss in seen])
    residual = torch.cat([loss.residual for _, loss in seen])
    talkers = torch.cat([scene.talkers for scene, _ in seen])
    figures = {f"snr_{n}": snr[talkers == n].nanmean().item() for n in (1, 2, 3)}
    figures["silent"] = residual.nanmean().item()
    figures["loss"] = sum(loss.total.item() for _, loss in seen) / len(seen)
    return {k: round(v, 3) for k, v in figures.items() if math.isfinite(v)}


class SeparatorTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_float32_matmul_precision("high")
        torch.manual_seed(options.seed)
        self.net = self._new().to(self.device)
        self.mean = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), options.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.spent, self.best = 0, 0.0, math.inf
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            self._take_up()
        self.precision = None if options.float32 else torch.bfloat16
        self.bank = load_bank(options.reverb, self.device) if options.reverb else None
        corpora = load_corpora(options.data, self.device, options.licence, options.seed)
        self.corpus, self.dev = corpora["train"], corpora["dev"]
        encoder = load_voice_encoder().to(self.device)
        where = options.out.with_suffix(".prints"), options.out.with_suffix(".dev-prints")
        self.prints = stored_prints(where[0], self.corpus, encoder, self.bank)
        self.dev_prints = stored_prints(where[1], self.dev, encoder, self.bank)
        if options.compile:
            for block in self.net.blocks:
                block.compile()

    def _new(self) -> Separator:
        net = PitSeparator() if self.options.net == "pit" else Separator()
        if self.options.start != "none":
            past = {k: v.float() for k, v in load_file(self.options.start).items()}
            # What the comparison has not, or in another shape; its last layer begins from nothing.
            strange = ("out.", *LAYERS) if self.options.net == "pit" else ()
            past = {name: value for name, value in past.items() if not name.startswith(strange)}
            net.load_state_dict({**net.state_dict(), **past})
        return net

    def _take_up(self) -> None:
        past = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(past["net"])
        self.mean.load_state_dict(past["mean"])
        self.optimiser.load_state_dict(past["optimiser"])
        self.step, self.spent, self.best = past["step"], past["spent"], past.get("best", math.inf)
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

    def _rate(self) -> float:
        progress = min(1.0, self.spent / (self.options.whole * 60))
        warm = min(1.0, (self.step + 1) / WARM)
        return float(self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01))

    def train_step(self) -> tuple[AcousticScene, Loss]:
        """Train on one batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        with torch.no_grad():
            scene = make_scene(self.corpus, self.prints, self.options.rows, self.options.frames, self.bank)
        loss = loss_on(self.net, scene, self.precision)
        self.optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.grad is not None], 5.0)
        if bool(torch.isfinite(size)):
            self.optimiser.step()
            average(self.mean, self.net, self.step)
        self.step += 1
        return scene, loss

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Return figures of the averaged weights on the development speakers, always the same scenes."""
        seen = []
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(0)
            for _ in range(CHECK_SCENES // CHECK_ROWS):
                scene = make_scene(self.dev, self.dev_prints, CHECK_ROWS, 2 * self.options.frames, self.bank)
                seen.append((scene, loss_on(self.mean, scene, self.precision)))
        return summary(seen)

    def note(self, kind: str, figures: dict[str, float]) -> None:
        """Add a line to the curve."""
        line = {"kind": kind, "step": self.step, "minutes": round(self.spent / 60, 2), **figures}
        with self.options.out.with_suffix(".jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)

    def keep_if_better(self) -> None:
        """Look at the development speakers; write weights if they were never better, and the checkpoint always."""
        figures = self.validate()
        self.note("dev", figures)
        if figures["loss"] < self.best:
            self.best = figures["loss"]
            save(self.options.out, self.mean)
        self.save()

    def run(self) -> None:
        """Train one slice."""
        if self.step == 0 and self.options.start != "none":
            figures = self.validate()
            self.best = figures["loss"]
            self.note("dev", figures)
        # On a CPU processor time, so that a run beside other work, or one held for a while, is not cut short.
        clock = time.monotonic if self.device.type == "cuda" else time.process_time
        begin, already = clock(), self.spent
        looked, until = begin, min(self.options.whole * 60, already + self.options.minutes * 60)
        seen: list[tuple[AcousticScene, Loss]] = []
        while self.spent < until:
            seen.append(self.train_step())
            now = clock()
            self.spent = already + now - begin
            if len(seen) == self.options.log_every:
                self.note("train", summary(seen))
                seen = []
            if now - looked > CHECK_EVERY:
                self.keep_if_better()
                looked = clock()
        self.keep_if_better()


def options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, required=True, help="of this slice")
    parser.add_argument("--whole", type=float, required=True, help="minutes of all slices together")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--start", default=str(WEIGHTS), help="weights to begin from, or none")
    parser.add_argument("--licence", choices=("permissive", "all"), default="permissive")
    parser.add_argument("--reverb", type=Path, help="bank that models.train.data.reverb wrote")
    parser.add_argument("--net", choices=("separator", "pit"), default="separator")
    parser.add_argument("--rows", type=int, default=8, help="crops a batch; 64 on a GPU")
    parser.add_argument("--frames", type=int, default=60, help="video frames of 40 ms a crop")
    parser.add_argument("--rate", type=float, default=2.5e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log-every", type=int, default=25, help="steps a line of the curve")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks: worth it on a GPU")
    return parser


def main() -> None:
    """Run the command line."""
    SeparatorTrainer(options().parse_args()).run()


if __name__ == "__main__":
    main()
