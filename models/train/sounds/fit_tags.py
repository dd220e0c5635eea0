"""Learn the names of street sounds: `python -m models.train.sounds.fit_tags --data DIR --weights FILE`.

A linear classifier on pool5, on folds 1 and 2, people and noises that may be trained on, mixed. FILE is left with it
and with what it stands on: the heads, which were there to be taught, go. `measure_names` measures the result.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from models.sounds.soundnet import HEADS, SoundNet, pooled
from models.train.sounds.data import CLASSES, CLIP, Mixer, batches, equalised, made_up, urban_sounds
from models.train.sounds.evaluate import WEIGHTS, load
from models.train.sounds.probe import LinearProbe, fit_linear

_STRENGTH = 0.1
_PRESENT = 0.1
"""Share of a mixture's energy from which a class counts as there."""


def fit(net: SoundNet, folder: Path, mixtures: int = 2500, noises: int = 300) -> LinearProbe:
    """Fit the linear classifier on pool5: ten questions, with mixtures, talkers and noises as counterexamples."""
    urban, mixer, random = urban_sounds(folder), Mixer(folder, 99), np.random.default_rng(99)
    kept = urban.fold < 3
    wanted = [torch.nn.functional.one_hot(torch.from_numpy(urban.label[kept]), len(CLASSES)).float()]
    with torch.no_grad():
        features = [pooled(net.features(part)) for part in batches(urban.sound[kept])]
        for _ in range(noises):
            noise = equalised(made_up(CLIP, random), random) * 10 ** random.uniform(-1.5, 0.3)
            features.append(pooled(net.features(noise[None])))
            wanted.append(torch.zeros(1, len(CLASSES)))
        for _ in range(mixtures // 10):
            mixture = mixer.draw(10, CLIP)
            heard = mixture.sound.square().mean(1).sqrt() > 1e-3
            features.append(pooled(net.features(mixture.sound[heard])))
            wanted.append((mixture.share[heard, : len(CLASSES)] > _PRESENT).float())
    return fit_linear(torch.cat(features), torch.cat(wanted), _STRENGTH, several=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    linear = fit(load(options.weights), options.data)
    state = {name: value for name, value in load_file(options.weights).items() if not name.startswith(HEADS)}
    state |= {"linear.weight": linear.weight.half(), "linear.bias": linear.bias.half()}
    save_file({name: value.contiguous() for name, value in state.items()}, options.weights)


if __name__ == "__main__":
    main()
