"""Before and after, to listen to: `python -m bench.listen --data DIR --out FOLDER`.

Five scenes of people whom nobody was trained on or chosen by (the list "test" of DIR, `models.train.data.datasets`),
each a folder of three WAVs: what the microphone hears, what the separator gives, and the wanted voice by itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch

from models.common.audio import SAMPLE_RATE
from models.separation.runtime import WEIGHTS
from models.train.separation.systems import figures_of, network, with_cues
from models.train.separation.trials import Maker
from streamer.errors import UserError

SCENES = (
    ("two talkers", "both"),
    ("two talkers", "voice"),
    ("three talkers", "both"),
    ("room + noise", "both"),
    ("alone", "both"),
)
"""Conditions of `models.train.separation.trials`, and the cues that the separator has."""

LOUD = 0.9
"""Of full scale: the loudest sample of a scene."""


def written(out: Path, maker: Maker) -> list[str]:
    """Write the scenes into a folder, and return a line about each."""
    separate, conditions, lines = network(WEIGHTS), maker.main(), list[str]()
    for number, (condition, cue) in enumerate(SCENES, 1):
        scene = with_cues(conditions[condition].trials[0].scene, cue)
        voice = separate(scene)
        figures = figures_of(voice, scene, False)
        folder = out / f"{number}-{condition.replace(' + ', '-').replace(' ', '-')}-{cue}"
        folder.mkdir(parents=True, exist_ok=True)
        # All of a scene by one factor: how much fainter a voice has become is to be heard too.
        scale = LOUD / float(torch.stack([scene.mix[0], voice[0], scene.voice[0]]).abs().max())
        for name, sound in {"heard": scene.mix, "separated": voice, "wanted": scene.voice}.items():
            pcm = np.asarray(sound[0].numpy() * scale, np.float32)
            soundfile.write(folder / f"{name}.wav", pcm, SAMPLE_RATE, subtype="PCM_16")
        cues = "lips and voice print" if cue == "both" else "voice print"
        line = f"{folder.name}: {condition}, by {cues}: SI-SDR {figures['SI-SDR'][0]:.1f} dB"
        # Of somebody alone nothing is there to be gained.
        gained = f", {figures['SI-SDRi'][0]:+.1f} dB against the mixture" if condition != "alone" else ""
        lines.append(line + gained)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    maker = Maker(options.data, "test", 8)
    if not maker.everybody:
        raise UserError(f"{options.data} holds nobody of the list 'test'")
    for line in written(options.out, maker):
        print(line)


if __name__ == "__main__":
    main()
