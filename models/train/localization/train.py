"""Train the localizer without labels.

    python -m models.train.localization.train --data DIR --work DIR --out FILE --minutes N

First `python -m models.train.localization.scene_store` composes scenes into the same work folder. A picture must match
its own sound better than the sounds of other scenes, and than its own sound at another time; boxes are looked at for
the curve alone.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from models.localization.attention import BINS, WIDE, Seen, SoundAttention, attended
from models.train.localization.scene_actors import FRAMES

SHIFTS = 3
APART = 10
"""Own sounds of another time, and the least distance of one, in steps of 40 ms."""


class StoredScenes:
    """Stored scenes in memory.

    Args:
        work: folder of shards.
        half: "train" or "dev".
    """

    def __init__(self, work: Path, half: str) -> None:
        shards = [np.load(path) for path in sorted(work.glob(f"{half}-[0-9][0-9][0-9].npz"))]
        if not shards:
            raise FileNotFoundError(f"no scenes in {work}: run models.train.localization.scene_store first")
        arrays = {name: np.concatenate([s[name] for s in shards]) for name in shards[0].files if name != "picture"}
        self.motion, self.middle = torch.from_numpy(arrays["motion"]), torch.from_numpy(arrays["middle"])
        self.top, self.levels = torch.from_numpy(arrays["top"]), torch.from_numpy(arrays["levels"])
        self.kind, self.box, self.moves = arrays["kind"], arrays["box"], arrays["moves"]

    def __len__(self) -> int:
        return len(self.motion)

    def seen(self, rows: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return motion from `start` (B,) on, and grids, of the scenes `rows` (B,), as `Eye` takes them."""
        at = start[:, None] + torch.arange(BINS)
        motion = self.motion[rows[:, None], at].float() / 32
        return motion, self.middle[rows].float(), self.top[rows].float()

    def heard(self, rows: Tensor, start: Tensor) -> Tensor:
        """Return band levels of the windows that begin at `start` (B,): (B, FRAMES, BANDS)."""
        at = 4 * start[:, None] + torch.arange(4 * BINS)
        return self.levels[rows[:, None], at].float()


def other_times(start: Tensor, count: int) -> Tensor:
    """Draw other starts of each window, at least `APART` away: (B, count)."""
    every = torch.arange(FRAMES - BINS + 1)
    allowed = ((every - start[:, None]).abs() >= APART).float()
    return torch.multinomial(allowed, count)


def disturbed(levels: Tensor) -> Tensor:
    """Disturb sounds (B, T, BANDS): another level, noise beneath, bands missing."""
    batch = len(levels)
    levels = levels + 16 * torch.rand(batch, 1, 1) - 10
    levels = torch.maximum(levels, -85 + 30 * torch.rand(batch, 1, 1).square())
    first, wide = torch.randint(48, (batch, 1)), torch.randint(10, (batch, 1))
    band = torch.arange(48)
    gone = (band >= first) & (band < first + wide)
    return torch.where(gone[:, None], levels.mean(dim=1, keepdim=True), levels)


def mirrored(motion: Tensor, middle: Tensor, top: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Exchange left and right in half of the scenes."""
    flip = torch.rand(len(motion)) < 0.5
    other = motion.flip(-1) * torch.tensor([1.0, 1, 1, -1])[:, None, None]
    shaped = flip[:, None, None, None]
    motion = torch.where(shaped[..., None], other, motion)
    return motion, torch.where(shaped, middle.flip(-1), middle), torch.where(shaped, top.flip(-1), top)


def contrast(net: SoundAttention, seen: Seen, levels: Tensor, batch: int) -> tuple[Tensor, dict[str, float]]:
    """Return the loss of a batch whose sounds are its own, in order, and then SHIFTS of another time for each."""
    heard = net.ear(levels)
    own = type(heard)(*(x[:batch].float() for x in heard))
    seen = Seen(*(x.float() for x in seen))
    sync, meaning = net.alike(seen, own)
    later = heard.rhythm[batch:].float().view(batch, SHIFTS, -1)
    shifted = torch.einsum("bck,bsk->bsc", seen.rhythm, later) * net.sharpness[0]
    same = torch.diagonal(meaning, dim1=0, dim2=1).t()[:, None].expand_as(shifted)
    target = torch.arange(batch)
    losses, right = [], {}
    for name, score, other in (
        ("both", attended(sync + meaning, sync + WIDE * meaning), attended(shifted + same, shifted + WIDE * same)),
        ("sync", attended(sync), attended(shifted)),
        ("meaning", attended(meaning, WIDE * meaning), None),
    ):
        rows = score if other is None else torch.cat([score, other], dim=1)
        losses.append(functional.cross_entropy(rows, target) + functional.cross_entropy(score.t(), target))
        right[name] = float((rows.argmax(dim=1) == target).float().mean())
    return losses[0] + 0.5 * losses[1] + 0.5 * losses[2], right


def validate(net: SoundAttention, dev: StoredScenes, limit: int = 200) -> dict[str, float]:
    """Return how often the most alike cell lies in the true box, and the own sound beats the shifted one."""
    net.eval()
    rows = torch.arange(min(limit, len(dev)))
    generator = torch.Generator().manual_seed(0)
    start = torch.randint(FRAMES - BINS + 1, (len(rows),), generator=generator)
    other = torch.where(start > (FRAMES - BINS) // 2, start - 18, start + 18).clamp(0, FRAMES - BINS)
    with torch.inference_mode():
        maps: list[Tensor] = []
        won = []
        for part in torch.split(rows, 25):
            seen = net.eye(*dev.seen(part, start[part]))
            sounds = [net.ear(dev.heard(part, s[part])) for s in (start, other)]
            sync, meaning = (torch.diagonal(x, dim1=0, dim2=1).t() for x in net.alike(seen, sounds[0]))
            late = torch.diagonal(net.alike(seen, sounds[1])[0], dim1=0, dim2=1).t()
            maps.append(torch.stack([sync, meaning, sync + meaning], dim=1))
            won.append(attended(sync) > attended(late))
    peaks = torch.cat(maps).argmax(dim=2).numpy()
    x, y = (peaks % 14 + 0.5) / 14, (peaks // 14 + 0.5) / 14
    box = dev.box[: len(rows), :, None]
    hit = (x >= box[:, 0]) & (x <= box[:, 0] + box[:, 2]) & (y >= box[:, 1]) & (y <= box[:, 1] + box[:, 3])
    talk, moves = dev.kind[: len(rows)] == "speech", dev.moves[: len(rows)]
    result = {"own beats shifted": float(torch.cat(won).numpy()[talk].mean())}
    for i, name in enumerate(("sync", "meaning", "both")):
        result[f"{name} talkers"] = float(hit[talk, i].mean())
        result[f"{name} moving"] = float(hit[~talk & moves, i].mean())
        result[f"{name} still"] = float(hit[~talk & ~moves, i].mean())
    net.train()
    return result


class LocalizerTrainer:
    """A training that can be stopped and resumed.

    Args:
        options: of the command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.train, self.dev = StoredScenes(options.work, "train"), StoredScenes(options.work, "dev")
        self.net, self.mean = SoundAttention(), SoundAttention()
        for net in (self.net, self.mean):
            net.to(memory_format=torch.channels_last)
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=options.rate, weight_decay=0.02)
        self.step, self.spent, self.best = 0, 0.0, 0.0
        self.kept = options.work / "localize.state.pt"
        if options.resume and self.kept.is_file():
            state = torch.load(self.kept, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.mean.load_state_dict(state["mean"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent, self.best = state["step"], state["spent"], state["best"]
        else:
            self.mean.load_state_dict(self.net.state_dict())

    def run(self) -> None:
        """Train for the given minutes of processor time."""
        began, last = time.process_time() - self.spent, 0.0
        opened = time.monotonic()
        running: dict[str, float] = {}
        while True:
            self.spent = time.process_time() - began
            walled = (time.monotonic() - opened) / (60 * self.options.wall)
            share = max(self.spent / (60 * self.options.minutes), walled)
            if share >= 1:
                break
            for group in self.optimiser.param_groups:
                warm = min(1.0, (self.step + 1) / 100)
                group["lr"] = self.options.rate * warm * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * share)))
            loss, right = self._step()
            for name, value in {"loss": loss, **right}.items():
                running[name] = 0.98 * running.get(name, value) + 0.02 * value
            if self.spent - last > self.options.every:
                last = self.spent
                self._validate(running)
        self._validate(running)

    def _step(self) -> tuple[float, dict[str, float]]:
        batch = self.options.batch
        rows = torch.randperm(len(self.train))[:batch]
        start = torch.randint(FRAMES - BINS + 1, (batch,))
        starts = torch.cat([start, other_times(start, SHIFTS).flatten()])
        levels = disturbed(self.train.heard(torch.cat([rows, rows.repeat_interleave(SHIFTS)]), starts))
        pictures = mirrored(*self.train.seen(rows, start))
        with torch.autocast("cpu", torch.bfloat16):
            loss, right = contrast(self.net, self.net.eye(*pictures), levels, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.step += 1
        keep = min(0.995, self.step / (self.step + 10))
        with torch.no_grad():
            ours = self.net.state_dict()
            for name, value in self.mean.state_dict().items():
                if value.is_floating_point():
                    value.lerp_(ours[name], 1 - keep)
        return float(loss.detach()), right

    def _validate(self, running: dict[str, float]) -> None:
        figures = validate(self.mean, self.dev)
        score = figures["both talkers"] + figures["both moving"] + 0.5 * figures["both still"]
        line = {"step": self.step, "cpu": round(self.spent), "clock": time.strftime("%H:%M:%S"), **running, **figures}
        text = json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in line.items()})
        print(text, flush=True)
        with (self.options.work / "localize.curve.jsonl").open("a") as curve:
            curve.write(text + "\n")
        if score > self.best:
            self.best = float(score)
            save(self.mean, self.options.out)
        state = {"net": self.net.state_dict(), "mean": self.mean.state_dict()}
        more = {"optimiser": self.optimiser.state_dict(), "step": self.step, "spent": self.spent, "best": self.best}
        torch.save(state | more, self.kept)


def save(net: SoundAttention, path: Path) -> None:
    """Write the weights in half precision."""
    kept = {n: v.half().contiguous() for n, v in net.state_dict().items() if v.is_floating_point()}
    save_file(kept, path)


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="not read: the scenes in --work were composed from it")
    parser.add_argument("--work", type=Path, required=True, help="folder of the composed scenes")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15, help="of processor time")
    parser.add_argument("--wall", type=float, default=60, help="minutes after which it stops in any case")
    parser.add_argument("--every", type=float, default=40, help="seconds of processor time between looks at dev")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(int(time.time()) if options.resume else 0)
    LocalizerTrainer(options).run()


if __name__ == "__main__":
    main()
