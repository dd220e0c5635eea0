"""Names of sounds: `python -m models.train.sounds.fit_tags --data DIR --weights FILE [--fit]`.

With --fit, first learns the linear classifier on pool5 (folds 1 and 2, people and noises that may be trained on,
mixed) and writes it into FILE. Then measures every candidate name on development scenes and prints, for each, the
threshold that keeps false alarms at 1 % of the scenes without that sound.

Scenes: the clips of fold 3; held-out talkers; held-out noises; talkers over clips of fold 3. A clip's label says
what is in it; what else is in it nobody noted, so a name is held false only where YAMNet is sure of that too.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from models.common.arrays import F32, I16, I64, Bools
from models.sounds.runtime import raised
from models.sounds.soundnet import SoundNet, pooled
from models.sounds.tags import TAGS
from models.train.sounds.data import (
    CLASSES,
    CLIP,
    Mixer,
    batches,
    equalised,
    joined_noise,
    joined_speech,
    made_up,
    urban_sounds,
)
from models.train.sounds.evaluate import WEIGHTS, load
from models.train.sounds.probe import LinearProbe, fit_linear
from models.train.sounds.teacher import SoundTeacher, class_names

FALSE_ALARMS = 0.01
_STRENGTH = 0.1
_PRESENT, _ABSENT = 0.1, 0.05
"""Share of a mixture's energy from which a class counts as there; YAMNet's probability below which it is not."""

CANDIDATES: dict[str, tuple[str, ...]] = {
    "speech": ("Speech", "Conversation", "Child speech, kid speaking", "Narration, monologue"),
    "music": ("Music",),
    "dog bark": ("Dog", "Bark", "Bow-wow"),
    "siren": ("Siren", "Police car (siren)", "Ambulance (siren)", "Fire engine, fire truck (siren)"),
    "car horn": ("Vehicle horn, car horn, honking", "Toot"),
    "children playing": ("Children playing", "Children shouting"),
    "drilling": ("Drill", "Power tool"),
    "engine": ("Engine", "Idling", "Medium engine (mid frequency)", "Heavy engine (low frequency)"),
    "gun shot": ("Gunshot, gunfire", "Machine gun", "Explosion"),
    "jackhammer": ("Jackhammer",),
    "air conditioner": ("Air conditioning", "Mechanical fan"),
    "vehicle": ("Vehicle", "Car", "Motor vehicle (road)"),
    "animal": ("Animal",),
    "bird": ("Bird",),
    "laughter": ("Laughter",),
    "applause": ("Applause", "Clapping"),
    "cough": ("Cough",),
    "baby crying": ("Baby cry, infant cry",),
    "water": ("Water",),
    "bell": ("Bell",),
    "alarm": ("Alarm",),
}
"""Names that might be used, each with the classes of YAMNet that mean it."""

LABELS = {name: kind for kind, name in enumerate(CLASSES) if name in CANDIDATES} | {
    "music": CLASSES.index("street music")
}


@dataclass
class LabelledScenes:
    """What names are measured on.

    Attributes:
        sound: (M, 64000) int16.
        label: (M,) class of UrbanSound8K, -1 without.
        talks: (M,) whether somebody was put there who talks.
    """

    sound: I16
    label: I64
    talks: Bools


def development_scenes(folder: Path, seed: int = 5) -> LabelledScenes:
    """Fold 3, held-out talkers, held-out noises, made-up noises and tones, talkers over fold 3."""
    random = np.random.default_rng(seed)
    urban = urban_sounds(folder)
    clips = torch.from_numpy(urban.sound[urban.fold == 3]).float() / 32768
    label = urban.label[urban.fold == 3]
    joined = [
        torch.from_numpy(t).float() / 32768 for t in (joined_speech(folder, True, 60), joined_noise(folder, True))
    ]
    speech, noise = (part[: len(part) // CLIP * CLIP].view(-1, CLIP) for part in joined)
    chosen = torch.from_numpy(random.permutation(len(speech)))
    alone, voices = speech[chosen[: len(chosen) // 2]], speech[chosen[len(chosen) // 2 :]]
    over = random.permutation(len(clips))[: len(voices)]
    gain = torch.from_numpy(10 ** (random.uniform(-5, 10, (len(voices), 1)) / 20)).float()
    size = [x.square().mean(1, keepdim=True).sqrt() + 1e-4 for x in (voices, clips[over])]
    mixed = 0.05 * (voices / size[0] * gain + clips[over] / size[1])
    made = torch.stack([made_up(CLIP, random) for _ in range(100)])
    made = (
        made
        / made.square().mean(1, keepdim=True).sqrt()
        * torch.from_numpy(10 ** random.uniform(-2, -1, (len(made), 1))).float()
    )
    sound = torch.cat([clips, alone, noise, made, mixed]).clamp(-1, 1)
    nothing = np.full(len(alone) + len(noise) + len(made), -1)
    talks = np.zeros(len(sound), np.bool_)
    talks[len(clips) : len(clips) + len(alone)] = True
    talks[len(sound) - len(mixed) :] = True
    return LabelledScenes(
        (sound * 32767).numpy().astype(np.int16), np.concatenate([label, nothing, label[over]]), talks
    )


def truth_of(name: str, scenes: LabelledScenes, teacher: F32) -> F32:
    """Label (M,): 1 there, 0 not there, NaN not known; `teacher` (M,) is YAMNet's probability of this name."""
    truth = np.where(teacher < _ABSENT, 0.0, np.nan)
    if name in LABELS:
        truth[scenes.label == LABELS[name]] = 1
        if name not in ("music", "children playing"):
            truth[(scenes.label >= 0) & (scenes.label != LABELS[name])] = 0
    else:
        truth[teacher > 0.5] = 1
    if name == "speech":
        truth[scenes.talks] = 1
    return np.asarray(truth, np.float32)


def average_precision(probability: F32, truth: F32) -> float:
    """Return the area under precision over recall."""
    order = np.argsort(-probability)
    right = truth[order]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float((precision * right).sum() / right.sum())


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
    parser.add_argument("--fit", action="store_true", help="learn the linear classifier and write it into --weights")
    options = parser.parse_args()
    torch.set_num_threads(1)
    net = load(options.weights)
    if options.fit:
        linear = fit(net, options.data)
        state = load_file(options.weights) | {"linear.weight": linear.weight.half(), "linear.bias": linear.bias.half()}
        save_file({name: value.contiguous() for name, value in state.items()}, options.weights)
    state = load_file(options.weights)
    linear = LinearProbe(state["linear.weight"].float(), state["linear.bias"].float())
    scenes, teacher, names = development_scenes(options.data), SoundTeacher(), class_names()
    given, labelled, said = [], [], []
    with torch.inference_mode():
        for part in batches(scenes.sound):
            pool5 = net.pool5(torch.from_numpy(raised(part.numpy())))
            given.append(torch.sigmoid(net.heads(pool5).sounds).numpy())
            labelled.append(torch.sigmoid(linear(pooled(pool5.flatten(1, 2).transpose(1, 2)))).numpy())
            said.append(torch.sigmoid(teacher(part)[0]).amax(1).numpy())
    sounds, answers, reference = np.concatenate(given), np.concatenate(labelled), np.concatenate(said)
    print("| name | from | there | not there | average precision | threshold | found | false alarms | classes |")
    print("|---" * 9 + "|")
    for name, classes in CANDIDATES.items():
        indices = [names.index(c) for c in classes]
        truth = truth_of(name, scenes, reference[:, indices].max(1))
        sources = {"head": sounds[:, :, indices].max(axis=(1, 2))}
        if name in LABELS:
            sources["linear"] = answers[:, LABELS[name]]
        for source, probability in sources.items():
            print(_row(name, source, probability, truth, indices))
    said_of = np.stack([tag.probability(sounds, answers) >= tag.threshold for tag in TAGS], axis=1)
    print(f"\nAs shipped ({', '.join(f'{tag.name} {tag.threshold}' for tag in TAGS)}):")
    for kind, text in _said(said_of, scenes).items():
        print(f"- {kind}: {text}")


def _said(said: Bools, scenes: LabelledScenes) -> dict[str, str]:
    """Return how often each name is said, by what is in the scene."""
    groups = {CLASSES[k]: (scenes.label == k) & ~scenes.talks for k in range(len(CLASSES))}
    groups["a talker alone"] = (scenes.label < 0) & scenes.talks
    groups["a talker over one of these"] = (scenes.label >= 0) & scenes.talks
    groups["noises, made-up sounds"] = (scenes.label < 0) & ~scenes.talks
    lines = {}
    for kind, chosen in groups.items():
        shares = said[chosen].mean(axis=0)
        parts = [f"{tag.name} {share:.0%}" for tag, share in zip(TAGS, shares, strict=True) if share > 0]
        nothing = 1 - said[chosen].any(axis=1).mean()
        lines[f"{kind} ({int(chosen.sum())})"] = ", ".join([*parts, f"nothing {nothing:.0%}"])
    return lines


def _row(name: str, source: str, probability: F32, truth: F32, indices: list[int]) -> str:
    known = np.isfinite(truth)
    probability, truth = probability[known], truth[known]
    there, absent = probability[truth == 1], probability[truth == 0]
    cells = [name, source, str(len(there)), str(len(absent))]
    if len(there) and len(absent):
        threshold = float(np.quantile(absent, 1 - FALSE_ALARMS))
        cells += [f"{average_precision(probability, truth):.2f}", f"{threshold:.3f}"]
        cells += [f"{(there > threshold).mean():.0%}", f"{(absent > threshold).mean():.1%}"]
    else:
        cells += ["", "", "", ""]
    return "| " + " | ".join([*cells, " ".join(map(str, indices))]) + " |"


if __name__ == "__main__":
    main()
