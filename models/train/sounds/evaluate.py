"""How good SoundNet's features are.

    python -m models.train.sounds.evaluate --data DIR [--weights FILE] [--labels FILE]

Linear classifiers learn the ten classes on folds 1 and 2 and are scored on the clips of fold 3, on whose recordings
nothing here was trained. Beside pool5: the same layers with random weights, the same network taught by labels
alone (--labels), log-mel, and the teacher's own features.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

from models.common import weights
from models.common.audio import SAMPLE_RATE
from models.sounds.soundnet import SoundNet, pooled
from models.train.sounds.data import CLASSES, Urban, batches, urban_sounds
from models.train.sounds.probe import STRENGTHS, Score, fit_linear, score
from models.train.sounds.teacher import SoundTeacher

WEIGHTS = weights.FOLDER / "sounds.safetensors"

Features = Callable[[Tensor], Tensor]
"""(B, 64000) float32 -> (B, features)."""


def load(path: Path) -> SoundNet:
    """Load a trained network, for inference; heads of another size are left out."""
    net = SoundNet()
    state = weights.tensors(path)
    own = net.state_dict()
    state = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    net.load_state_dict(state, strict=False)
    return net.eval().requires_grad_(False)


def from_pool5(net: SoundNet) -> Features:
    """Mean and maximum over time."""
    return lambda sound: pooled(net.features(sound))


def random_weights(urban: Urban, seed: int = 1) -> SoundNet:
    """Make the network before training, its norms set to what they see of some training clips."""
    torch.manual_seed(seed)
    net = SoundNet()
    chosen = torch.randperm(int((urban.fold < 3).sum()))[:256].numpy()
    with torch.no_grad():
        for part in batches(urban.sound[urban.fold < 3][chosen], 32):
            net(part)
    return net.eval().requires_grad_(False)


def from_log_mel() -> Features:
    """Mean, deviation and maximum of 64 log-mel bands."""
    mel = torchaudio.transforms.MelSpectrogram(
        SAMPLE_RATE, n_fft=512, win_length=400, hop_length=160, n_mels=64, power=1.0
    )

    def features(sound: Tensor) -> Tensor:
        x = torch.log(mel(sound) + 1e-6)
        return torch.cat([x.mean(2), x.std(2), x.amax(2)], dim=1)

    return features


def from_teacher() -> Features:
    """Mean and maximum of YAMNet's embedding."""
    teacher = SoundTeacher()
    return lambda sound: pooled(teacher(sound)[1])


def evaluate(features: Features, urban: Urban) -> tuple[Score, float]:
    """Score of the best classifier on these features, and milliseconds of CPU a clip for the features."""
    begin = time.process_time()
    with torch.inference_mode():
        x = torch.cat([features(part) for part in batches(urban.sound)])
    cost = (time.process_time() - begin) / len(x) * 1e3
    x, label, trained = x.clone(), torch.from_numpy(urban.label), torch.from_numpy(urban.fold < 3)
    wanted = F.one_hot(label, len(CLASSES)).float()
    scores = [score(fit_linear(x[trained], wanted[trained], s)(x[~trained]), label[~trained]) for s in STRENGTHS]
    return max(scores, key=lambda s: s.macro), cost


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="*", default=[WEIGHTS])
    parser.add_argument("--labels", type=Path, help="weights of a run with --teach labels")
    parser.add_argument("--only", action="store_true", help="only --weights, no comparisons")
    options = parser.parse_args()
    torch.set_num_threads(1)
    urban = urban_sounds(options.data)
    rows: dict[str, Features] = {f"pool5 + linear, {p.stem}": from_pool5(load(p)) for p in options.weights}
    if options.labels:
        rows["same network taught by labels alone, pool5 + linear"] = from_pool5(load(options.labels))
    if not options.only:
        rows["same network, random weights, pool5 + linear"] = from_pool5(random_weights(urban))
        rows["log-mel + linear"] = from_log_mel()
        rows["teacher's features + linear"] = from_teacher()
    print("| features | accuracy | macro | CPU a clip of 4 s | " + " | ".join(CLASSES) + " |")
    print("|---" * (4 + len(CLASSES)) + "|")
    for name, features in rows.items():
        best, cost = evaluate(features, urban)
        cells = [name, f"{best.accuracy:.1%}", f"{best.macro:.1%}", f"{cost:.1f} ms", *(f"{e:.0%}" for e in best.each)]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
