"""What is compared: anything that makes a guess at the wanted voice of a scene; and the figures of a guess."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from models.common import weights
from models.separation.network import Extractor
from models.train.data.mix import AcousticScene, both_faces
from models.train.separation.extraction import extract
from models.train.separation.metrics import decibel, pesq_of, sdr, si_sdr, stoi_of
from models.train.separation.offline import load, separate, spectrum, waveform

CUES = {"both": (1, 1), "lips": (1, 0), "voice": (0, 1)}

System = Callable[[AcousticScene], Tensor]
Figures = dict[str, list[float]]


def with_cues(scene: AcousticScene, cue: str) -> AcousticScene:
    """Keep only some cues of a scene: "both", "lips" or "voice"."""
    seen, known = CUES[cue]
    return dataclasses.replace(
        scene,
        visible=scene.visible * seen,
        other_visible=scene.other_visible * seen,
        known=scene.known * known,
        other_known=scene.other_known * known,
    )


def separator(path: Path) -> System:
    """Return the separator."""
    net = load(path)
    heeds = any(bool(weight.any()) for weight in net.exchange.parameters())

    @torch.no_grad()
    def run(scene: AcousticScene) -> Tensor:
        Y = separate(net, both_faces(scene) if heeds else scene)
        return waveform(Y[: len(scene.mix)], scene.mix.shape[1])

    return run


def extractor(path: Path) -> System:
    """Return the network of prints and activity."""
    net = weights.filled(Extractor(), path)
    return lambda scene: extract(net, scene)


def network(path: Path) -> System:
    """Return whichever network the weights are of."""
    return extractor(path) if "print_in.weight" in weights.tensors(path) else separator(path)


def mixture(scene: AcousticScene) -> Tensor:
    """Do nothing at all."""
    return scene.mix


def ideal_ratio_mask(scene: AcousticScene) -> Tensor:
    """Apply the best real mask that knows all the answers: square root of the share of energy, same spectrum."""
    voice, rest = spectrum(scene.voice).abs().pow(2), spectrum(scene.mix - scene.voice).abs().pow(2)
    return waveform(spectrum(scene.mix) * (voice / (voice + rest + 1e-12)).sqrt(), scene.mix.shape[1])


def figures_of(out: Tensor, scene: AcousticScene, perceptual: bool) -> Figures:
    """Work out all figures of one batch: out (B, N).

    Args:
        out: What a system gave.
        scene: The question.
        perceptual: Whether PESQ and STOI are wanted; they take a tenth of a second a scene.

    Returns:
        One number a scene each. "left" is what comes out of a silent face, dB below the mixture; "wrong" 100 where
        some other talker comes out better than the wanted one, else 0; "scale" the amplitude that is left of the
        voice.
    """
    if bool(scene.silent[0]):
        return {"left": decibel(out, scene.mix).tolist()}
    voice = scene.voice
    found: Figures = {
        "SI-SDR": si_sdr(out, voice).tolist(),
        "SI-SDRi": (si_sdr(out, voice) - si_sdr(scene.mix, voice)).tolist(),
        "SDRi": (sdr(out, voice) - sdr(scene.mix, voice)).tolist(),
        "scale": ((out * voice).sum(-1) / voice.pow(2).sum(-1)).tolist(),
    }
    if float(scene.talkers[0]) > 1:
        other = torch.stack([si_sdr(out, scene.others[:, i]) for i in range(scene.others.shape[1])]).amax(0)
        found["wrong"] = (100.0 * (other > si_sdr(out, voice))).tolist()
    if perceptual:
        found["PESQ"], found["STOI"] = pesq_of(out, voice), stoi_of(out, voice)
    return found
