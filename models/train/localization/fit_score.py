"""Fit how surely there is a source, and put the weights together: `python -m models.train.localization.fit_score`.

With a source: a composed scene and its own sound. Without: the sound of another scene of another kind, somebody else's
speech, own speech at another time, silence, music over a still picture. Where sources are is not asked. Run it after
`train`, `train_face_extent` and `train_looks` of this folder, which leave their weights in the work folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional

from models.common.arrays import F32
from models.localization.attention import BINS, SoundAttention
from models.localization.box import attention_of
from models.localization.face_extent import FaceExtent, faces_around
from models.localization.looks import SourceLooks
from models.localization.onnx_step import OnnxAttention
from models.localization.runtime import PREFIXES
from models.localization.score import CLUES, SourceClassifier, clues
from models.train.localization.train import StoredScenes

STARTS = (5, 15, 25, 35)
FALSE = 0.03
"""Share of training scenes without a source that may still be called one: sets where 0.5 lies."""


def evidence(model: OnnxAttention, scenes: StoredScenes, row: int, levels: F32, motion: F32 | None = None) -> F32:
    """Return what `SourceClassifier` weighs, (7 + 64,), of a scene with some sound (300, 48) over four windows."""
    windows = np.stack([levels[4 * start : 4 * (start + BINS)] for start in STARTS]).astype(np.float32)
    rows = torch.full((len(STARTS),), row)
    seen, middle, top = (x.numpy() for x in scenes.seen(rows, torch.tensor(STARTS)))
    if motion is not None:
        seen = motion
    found = model.run(windows, seen, middle, top)
    sync, meaning = found.sync.mean(axis=0), found.meaning.mean(axis=0)
    attention = attention_of(sync, meaning, np.zeros_like(sync))
    _, faces = faces_around(found.extent[-1], attention)
    moved = seen[-1, :, 0].mean(axis=0).reshape(14, 2, 14, 2).mean(axis=(1, 3))
    last = windows[-1, -60:]
    level = 10 * float(np.log10(np.mean(10 ** (last / 10)) * 12 + 1e-12))
    return np.concatenate([clues(sync, meaning, attention, faces, moved, level), found.sound[-1]])


def collect(model: OnnxAttention, scenes: StoredScenes, rng: np.random.Generator) -> tuple[F32, F32]:
    """Collect rows (N, 71) and whether there is a source (N,)."""
    rows, labels = [], []
    levels = scenes.levels.numpy().astype(np.float32)
    music = np.nonzero(scenes.kind == "music")[0]
    for i in range(len(scenes)):
        kind = str(scenes.kind[i])
        rows.append(evidence(model, scenes, i, levels[i]))
        labels.append(1.0)
        j = int(rng.integers(len(scenes)))
        if j != i and (scenes.kind[j] != kind or kind == "speech"):
            rows.append(evidence(model, scenes, i, levels[j]))
            labels.append(0.0)
        if kind == "speech":
            rows.append(evidence(model, scenes, i, np.roll(levels[i], int(rng.integers(60, 240)), axis=0)))
            labels.append(0.0)
        if i % 4 == 0:
            floor = rng.uniform(-85, -70)
            quiet = np.maximum(floor + rng.normal(0, 5, levels[i].shape), -85).astype(np.float32)
            rows.append(evidence(model, scenes, i, quiet))
            labels.append(0.0)
        if i % 2 == 0:
            rows.append(evidence(model, scenes, i, levels[music[rng.integers(len(music))]], still(rng)))
            labels.append(0.0)
    return np.stack(rows), np.array(labels, np.float32)


def still(rng: np.random.Generator) -> F32:
    """Return motion of a picture in which nothing moves: the camera's grain, or not even that."""
    grain = rng.choice([0.0, rng.uniform(0.2, 1.2)])
    motion = rng.normal(0, 0.25 * grain, (len(STARTS), BINS, 4, 28, 28))
    motion[:, :, 0] = grain * (1 + rng.normal(0, 0.15, motion[:, :, 0].shape))
    return motion.astype(np.float32)


def fit(x: F32, y: F32, steps: int = 600) -> SourceClassifier:
    """Fit with a logistic loss, both answers weighing alike."""
    torch.manual_seed(0)
    classifier = SourceClassifier()
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=5e-3, weight_decay=0.1)
    given, wanted = torch.from_numpy(x), torch.from_numpy(y)
    weight = torch.where(wanted > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    for _ in range(steps):
        rows = torch.randint(len(given), (256,))
        part = given[rows] + 0.02 * torch.randn(256, given.shape[1])
        loss = functional.binary_cross_entropy_with_logits(classifier(part), wanted[rows], weight[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return classifier.eval()


def main() -> None:
    """Fit, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument(
        "--attention", type=Path, required=True, help="weights that models.train.localization.train left"
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    attention, extent, looks = SoundAttention(), FaceExtent(), SourceLooks()
    trained: tuple[tuple[nn.Module, Path], ...] = (
        (attention, options.attention),
        (extent, options.work / "extent.safetensors"),
        (looks, options.work / "looks.safetensors"),
    )
    for net, path in trained:
        net.load_state_dict({n: v.float() for n, v in load_file(path).items()}, strict=False)
        net.eval().requires_grad_(False)
    model, rng = OnnxAttention(attention, extent), np.random.default_rng(0)
    x, y = collect(model, StoredScenes(options.work, "train"), rng)
    # A fifth is kept to set the threshold and to see what it does.
    kept = np.arange(len(x)) >= 0.8 * len(x)
    classifier = fit(x[~kept], y[~kept])
    with torch.inference_mode():
        logits = classifier(torch.from_numpy(x[kept])).numpy()
        limit = float(np.quantile(logits[y[kept] == 0], 1 - FALSE))
        classifier.out.bias.sub_(limit)
    found = float((logits[y[kept] > 0] > limit).mean())
    print(f"{len(x)} windows, {CLUES}; of those kept: {found:.3f} of the sources found at {FALSE} false")
    dx, dy = collect(model, StoredScenes(options.work, "dev"), rng)
    with torch.inference_mode():
        shown = classifier(torch.from_numpy(dx)).numpy() > 0
    print(f"dev: {shown[dy > 0].mean():.3f} of the sources found, {shown[dy == 0].mean():.3f} false")
    stored = {}
    nets: tuple[nn.Module, ...] = (attention, extent, classifier, looks)
    for part, prefix in zip(nets, PREFIXES, strict=True):
        for name, value in part.state_dict().items():
            if value.is_floating_point():
                stored[prefix + name] = value.half().contiguous()
    save_file(stored, options.out)


if __name__ == "__main__":
    main()
