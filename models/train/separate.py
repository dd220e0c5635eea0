"""Trains the separator: `python -m models.train.separate --data DIR --out FILE --minutes N [--resume]`.

Continues the weights given by `--start` (the shipped ones). Everything that a later run needs to go on is in
FILE.ckpt, the curve in FILE.jsonl, averaged weights (fp16) in FILE. Runs on a GPU if there is one.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.separate import Separator
from models.train.datasets import training_tape
from models.train.mix import Scene, make_scene

FFT, HOP, WIN = 512, 160, 400
SHIPPED = Path(__file__).parents[1] / "weights" / "separate.safetensors"
SAVE_EVERY = 180.0  # seconds
CLIP_SNR = 1e-3  # noise over signal below which nothing is gained: 30 dB


def spectrum(sound: Tensor) -> Tensor:
    """(B, N) -> (B, 257, 1 + N // 160) complex64, in the phase convention of models/stft.py."""
    window = torch.hamming_window(WIN, device=sound.device)
    return torch.stft(sound, FFT, HOP, WIN, window, center=True, return_complex=True)


def waveform(X: Tensor, length: int) -> Tensor:
    """Inverse of `spectrum`."""
    window = torch.hamming_window(WIN, device=X.device)
    return torch.istft(X, FFT, HOP, WIN, window, center=True, length=length)


def last_repeated(x: Tensor) -> Tensor:
    """One more video frame, since the centred spectrum has one frame more than the crop."""
    return torch.cat([x, x[:, -1:]], dim=1)


def separate(net: Separator, scene: Scene, precision: torch.dtype | None) -> Tensor:
    """Spectrum of the wanted voice, with the matrix products in `precision` (None: float32)."""
    kind = scene.mix.device.type
    with torch.autocast(kind, precision or torch.bfloat16, enabled=precision is not None):
        mel = net.voice.log_mel(scene.enrolment)
        voice = net.voice(mel) * scene.known
        lips, seen = last_repeated(scene.lips), last_repeated(scene.visible)
        other, other_seen = last_repeated(scene.other), last_repeated(scene.other_visible)
        return torch.as_tensor(net(spectrum(scene.mix), lips, seen, other, other_seen, voice))


@dataclass
class Loss:
    """Parts of the loss.

    Attributes:
        total: What is minimised.
        snr: (B,) dB, scale and all; NaN where the face is silent.
        residual: (B,) dB of the output below the mixture; NaN where the face talks.
    """

    total: Tensor
    snr: Tensor
    residual: Tensor


def loss_of(Y: Tensor, scene: Scene) -> Loss:
    """Signal-to-noise ratio, compressed spectrum, silence.

    The ratio is not scale-invariant: mixture minus voices has to be what is left, so the level counts.
    """
    out = waveform(Y, scene.mix.shape[1])
    voice, whole = scene.voice.pow(2).mean(1), scene.mix.pow(2).mean(1)
    talks = ~scene.silent & (voice > 1e-4 * whole)
    error = (out - scene.voice).pow(2).mean(1)
    snr = -10 * torch.log10((error + CLIP_SNR * voice + 1e-10) / (voice + 1e-10))
    residual = 10 * torch.log10((out.pow(2).mean(1) + CLIP_SNR * whole) / (whole + 1e-10))
    level = whole.sqrt()[:, None, None] + 1e-4
    a, b = Y / level, spectrum(scene.voice) / level
    small = 1e-4
    size_a, size_b = a.abs() + small, b.abs() + small
    shape = (size_a.pow(0.3) - size_b.pow(0.3)).pow(2).mean()
    shape = shape + (a * size_a.pow(-0.7) - b * size_b.pow(-0.7)).abs().pow(2).mean()
    rows = len(talks)
    total = -(snr * talks).sum() / rows + 0.5 * (residual * ~talks).sum() / rows + 4 * shape
    nothing = torch.full_like(snr, math.nan)
    with torch.no_grad():
        return Loss(total, torch.where(talks, snr, nothing), torch.where(talks, nothing, residual))


@torch.no_grad()
def average(mean: Separator, net: Separator, step: int) -> None:
    """Moving average of the weights over the last few hundred steps."""
    keep = min(0.997, (1 + step) / (10 + step))
    for slow, fast in zip(mean.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)


def save(path: Path, net: Separator) -> None:
    """Write weights as fp16; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    save_file({k: v.half().contiguous() for k, v in net.state_dict().items()}, temporary)
    temporary.replace(path)


class Run:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(options.seed)
        self.net = Separator().to(self.device)
        self.net.load_state_dict({k: v.float() for k, v in load_file(options.start).items()})
        self.mean = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), options.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.spent = 0, 0.0
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            self._take_up()
        self.tape = training_tape(options.data, self.device)

    def _take_up(self) -> None:
        past = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.net.load_state_dict(past["net"])
        self.mean.load_state_dict(past["mean"])
        self.optimiser.load_state_dict(past["optimiser"])
        self.step, self.spent = past["step"], past["spent"]
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
        }
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)
        save(self.options.out, self.mean)

    def _rate(self) -> float:
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        warm = min(1.0, (self.step + 1) / 60)
        return float(self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01))

    def train_step(self) -> tuple[Scene, Loss]:
        """One batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        with torch.no_grad():
            scene = make_scene(self.tape, self.options.rows, self.options.frames)
        precision = None if self.options.float32 else torch.bfloat16
        loss = loss_of(separate(self.net, scene, precision), scene)
        self.optimiser.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        if bool(torch.isfinite(size)):
            self.optimiser.step()
            average(self.mean, self.net, self.step)
        self.step += 1
        return scene, loss

    def go(self) -> None:
        """Train until the minutes are spent."""
        begin, already = time.monotonic(), self.spent
        saved, curve = begin, options_curve(self.options.out)
        seen: list[tuple[Scene, Loss]] = []
        while self.spent < self.options.minutes * 60:
            seen.append(self.train_step())
            now = time.monotonic()
            self.spent = already + now - begin
            if len(seen) == 25:
                line = {"step": self.step, "minutes": round(self.spent / 60, 2), **summary(seen)}
                with curve.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)
                seen = []
            if now - saved > SAVE_EVERY:
                self.save()
                saved = now
        self.save()


def options_curve(out: Path) -> Path:
    """File of the training curve."""
    return out.with_suffix(".jsonl")


def summary(seen: list[tuple[Scene, Loss]]) -> dict[str, float]:
    """Means over some batches: loss, dB by number of talkers, dB left of a silent face."""
    snr = torch.cat([loss.snr for _, loss in seen])
    residual = torch.cat([loss.residual for _, loss in seen])
    talkers = torch.cat([scene.talkers for scene, _ in seen])
    figures = {f"snr_{n}": snr[talkers == n].nanmean().item() for n in (1, 2, 3)}
    figures["silent"] = residual.nanmean().item()
    figures["loss"] = sum(loss.total.item() for _, loss in seen) / len(seen)
    return {k: round(v, 2) for k, v in figures.items()}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, required=True, help="in all, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--start", type=Path, default=SHIPPED, help="weights to begin from")
    parser.add_argument("--rows", type=int, default=8, help="crops a batch; 64 on a GPU")
    parser.add_argument("--frames", type=int, default=60, help="video frames of 40 ms a crop")
    parser.add_argument("--rate", type=float, default=2.5e-4, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    Run(parser.parse_args()).go()


if __name__ == "__main__":
    main()
