"""Train SoundNet: `python -m models.train.sounds.train --data DIR --out FILE --minutes N [--resume]`.

Two teachers, both by KL divergence: YAMNet on the very sound the network hears (mixtures drawn without end), the
image encoder's objects on pictures paired with the sound. `--teach labels` trains the same network on the ten
labels alone instead, for comparison. Everything that a later run needs to go on is in FILE.ckpt, the curve in
FILE.jsonl; FILE holds the averaged weights (fp16) that came closest to YAMNet on the development clips.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from models.sounds.soundnet import FEATURES, FRAME, OBJECTS, PATCH_FRAMES, PATCH_HOP, SOUNDS, Answers, SoundNet
from models.train.sounds.data import CLASSES, Mixer, batches, urban_sounds
from models.train.sounds.loss import hearing, object_divergence, sigmoid_divergence, softmax_divergence
from models.train.sounds.teacher import SoundTeacher, paired_objects

SAMPLES = 15 * FRAME
"""Length of a training row: 2.4 s, four answers of the teacher."""
_HEARD = SAMPLES + 512 - 160
"""What YAMNet needs to hear for as many: its last window is longer."""

SHORTCUT = 0.5
"""Weight of what `Shortcut` says."""
SAVE_EVERY = 300.0
"""Seconds of processor time between checkpoints."""

_PICTURES = 8


class Shortcut(nn.Module):
    """Both heads once more, straight on pool5, so that what is to be read there can be read by a linear layer.

    Deeply supervised nets: Lee et al. 2015. Only training has it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sounds = nn.Linear(FEATURES, SOUNDS)
        self.objects = nn.Linear(FEATURES, OBJECTS)
        nn.init.constant_(self.sounds.bias, -6.0)

    def forward(self, pool5: Tensor) -> Answers:
        """Do as `SoundNet.heads`."""
        x = F.avg_pool1d(pool5.flatten(1, 2), PATCH_FRAMES, PATCH_HOP).transpose(1, 2)
        return Answers(self.sounds(x).float(), self.objects(x).float())


class Pool:
    """Mixtures that were answered by the teachers, drawn several times before newer ones take their place.

    Args:
        folder: DIR.
        rows: room for so many.
        seed: of the mixtures.
        teachers: without them only the labels are known.
    """

    def __init__(self, folder: Path, rows: int, seed: int, teachers: bool = True) -> None:
        self._mixer = Mixer(folder, seed)
        self._teacher = SoundTeacher() if teachers else None
        self._pictures = paired_objects(folder) if teachers else []
        self.sound = torch.zeros(rows, SAMPLES, dtype=torch.int16)
        self.answers = torch.zeros(rows, 4, 521, dtype=torch.float16)
        self.objects = torch.zeros(rows, OBJECTS, dtype=torch.float16)
        self.share = torch.zeros(rows, len(CLASSES) + 1)
        self.count = 0

    def add(self, rows: int) -> None:
        """Draw new mixtures and have them answered."""
        fresh = self._mixer.draw(rows, _HEARD)
        slots = torch.arange(self.count, self.count + rows) % len(self.sound)
        self.sound[slots] = (fresh.sound[:, :SAMPLES] * 32767).round().to(torch.int16)
        self.share[slots] = fresh.share
        if self._teacher is not None:
            self.answers[slots] = self._teacher(fresh.sound)[0].clamp(-100, 60).half()
            self.objects[slots] = torch.stack([self._seen(share) for share in fresh.share]).half()
        self.count += rows

    def _seen(self, share: Tensor) -> Tensor:
        """Average some pictures of each source, (1000,); zeros where a source of half the energy has none."""
        total = torch.zeros(OBJECTS)
        for pictures, part in zip(self._pictures, share.tolist(), strict=True):
            if part > 0 and len(pictures):
                total += part * pictures[torch.randint(len(pictures), (_PICTURES,))].mean(0)
        weight = float(total.sum())
        return total / weight if weight > 0.5 else torch.zeros(OBJECTS)

    def draw(self, rows: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw sound (B, N), answers (B, 4, 521), objects (B, 1000), shares (B, 11)."""
        chosen = torch.randint(min(self.count, len(self.sound)), (rows,))
        sound = self.sound[chosen].float() / 32767
        sound = sound * torch.where(torch.rand(rows, 1) < 0.5, -1.0, 1.0)
        return sound, self.answers[chosen].float(), self.objects[chosen].float(), self.share[chosen]


@torch.no_grad()
def average(mean: nn.Module, net: nn.Module, step: int) -> None:
    """Average weights, and what the norms have seen, over steps."""
    keep = min(0.998, (1 + step) / (10 + step))
    for slow, fast in zip(mean.state_dict().values(), net.state_dict().values(), strict=True):
        if slow.is_floating_point():
            slow.lerp_(fast, 1 - keep)
        else:
            slow.copy_(fast)


class SoundNetTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.labels = options.teach == "labels"
        net = SoundNet()
        nn.init.constant_(net.sounds.bias, -6.0)
        if self.labels:
            net.objects = nn.Linear(net.objects.in_features, len(CLASSES) + 1)
        self.net = net.to(memory_format=torch.channels_last)
        self.mean = copy.deepcopy(self.net).eval()
        self.shortcut = Shortcut()
        learnt = [*self.net.parameters(), *self.shortcut.parameters()]
        self.optimiser = torch.optim.AdamW(learnt, options.rate, betas=(0.9, 0.98), weight_decay=0.03)
        self.step, self.spent, self.best = 0, 0.0, math.inf
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            self._take_up()
        self.pool = Pool(options.data, options.pool, options.seed + self.step, not self.labels)
        urban = urban_sounds(options.data)
        kept = urban.fold == 3
        self._dev = urban.sound[kept]
        self._dev_label = torch.from_numpy(urban.label[kept])
        self._dev_answers = Tensor()
        if not self.labels:
            teacher = SoundTeacher()
            self._dev_answers = torch.cat([teacher(part)[0] for part in batches(self._dev)])

    def _take_up(self) -> None:
        past = torch.load(self.checkpoint, weights_only=True)
        self.net.load_state_dict(past["net"])
        self.mean.load_state_dict(past["mean"])
        self.shortcut.load_state_dict(past["shortcut"])
        self.optimiser.load_state_dict(past["optimiser"])
        self.step, self.spent, self.best = past["step"], past["spent"], past["best"]
        torch.manual_seed(self.options.seed + self.step)

    def save(self) -> dict[str, float]:
        """Measure; write all that is needed to go on, and the weights if they are the best so far."""
        figures = self.measure()
        if figures["dev"] < self.best:
            self.best = figures["dev"]
            save(self.options.out, self.mean)
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "shortcut": self.shortcut.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "spent": self.spent,
            "best": self.best,
        }
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)
        return figures

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Measure the divergence from YAMNet on the development clips, or with labels alone the share of errors."""
        with torch.autocast("cpu", torch.bfloat16):
            answers = [self.mean(part) for part in batches(self._dev)]
        if self.labels:
            guess = torch.cat([a.objects.mean(1) for a in answers])[:, : len(CLASSES)].argmax(1)
            right = guess == self._dev_label
            macro = torch.stack([right[self._dev_label == k].float().mean() for k in range(len(CLASSES))]).mean()
            return {"dev": round(1 - macro.item(), 4), "accuracy": round(right.float().mean().item(), 4)}
        sounds = torch.cat([a.sounds for a in answers])
        return {
            "dev": round(sigmoid_divergence(sounds, self._dev_answers).mean().item(), 4),
            "dev_warm": round(softmax_divergence(sounds, self._dev_answers).mean().item(), 4),
        }

    def _rate(self) -> float:
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        warm = min(1.0, (self.step + 1) / 100)
        return float(self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.005))

    def train_step(self) -> dict[str, float]:
        """Train on one batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.pool.add(self.options.fresh)
        sound, answers, objects, share = self.pool.draw(self.options.rows)
        with torch.autocast("cpu", torch.bfloat16):
            pool5 = self.net.pool5(sound)
            given, early = self.net.heads(pool5), self.shortcut(pool5)
        if self.labels:
            parts = {"labels": -(share * F.log_softmax(given.objects.mean(1), dim=-1)).sum(-1).mean()}
        else:
            parts = {
                "sigmoid": sigmoid_divergence(given.sounds, answers).mean(),
                "softmax": softmax_divergence(given.sounds, answers).mean(),
                "objects": object_divergence(given.objects, objects).mean(),
                "shortcut": SHORTCUT * hearing(early.sounds, answers).mean()
                + SHORTCUT * object_divergence(early.objects, objects).mean(),
            }
        loss = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_(self.net.parameters(), 20.0)
        if bool(torch.isfinite(size)):
            self.optimiser.step()
            average(self.mean, self.net, self.step)
        self.step += 1
        return {name: part.item() for name, part in parts.items()}

    def run(self) -> None:
        """Train until the minutes are spent."""
        while self.pool.count < self.options.first:
            self.pool.add(16)
        begin, already = time.process_time(), self.spent
        saved, curve = begin, self.options.out.with_suffix(".jsonl")
        seen: list[dict[str, float]] = []
        while self.spent < self.options.minutes * 60:
            seen.append(self.train_step())
            now = time.process_time()
            self.spent = already + now - begin
            last, due = self.spent >= self.options.minutes * 60, now - saved > SAVE_EVERY
            if len(seen) == 50 or last or due:
                line = {"step": self.step, "minutes": round(self.spent / 60, 2)}
                line |= {name: round(sum(s[name] for s in seen) / len(seen), 3) for name in seen[0]}
                if last or due:
                    line |= self.save()
                    saved = now
                with curve.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)
                seen = []


def save(path: Path, net: nn.Module) -> None:
    """Write weights as fp16; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    state = net.state_dict().items()
    save_file({k: v.half().contiguous() for k, v in state if v.is_floating_point()}, temporary)
    temporary.replace(path)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, required=True, help="of processor time, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--teach", choices=("teachers", "labels"), default="teachers")
    parser.add_argument("--rows", type=int, default=32, help="rows of 2.4 s a batch")
    parser.add_argument("--fresh", type=int, default=5, help="of them new to the pool")
    parser.add_argument("--pool", type=int, default=4096, help="answered mixtures kept")
    parser.add_argument("--first", type=int, default=512, help="of them before the first step")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    torch.set_num_threads(1)
    SoundNetTrainer(parser.parse_args()).run()


if __name__ == "__main__":
    main()
