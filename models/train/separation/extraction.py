"""The network of `models.separation.network` on scenes to measure with."""

from __future__ import annotations

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.common.fbank import fbank
from models.separation.network import Extractor, analysis, synthesis
from models.train.data import activity
from models.train.data.mix import AcousticScene
from models.train.data.stems import BLOCK, speech_blocks
from models.voiceprint.campplus import SIZE, load_campplus

_network = functools.cache(load_campplus)

_SEED = 3
"""Of the detectors' errors, the same in every run."""


@torch.no_grad()
def extract(net: Extractor, scene: AcousticScene) -> Tensor:
    """Return the wanted voice (B, N), in time with the scene.

    A face that is seen gives what a detector made up by `activity` would say of it, and no lips. Prints are made of
    the enrolment speech. The other face has a row of its own where something is known of it.
    """
    rows, length = scene.mix.shape
    if scene.enrolment is None or scene.other_enrolment is None:
        raise ValueError("this network needs enrolment speech, not prints")
    prints = torch.cat([speaker_prints(scene.enrolment) * scene.known, _others(scene)])
    voices = torch.cat([scene.voice, scene.others[:, 0]])
    seen = torch.cat([scene.visible[..., 0], scene.other_visible[..., 0]]).repeat_interleave(2, 1)
    with torch.random.fork_rng([]):
        torch.manual_seed(_SEED)
        odds = activity.log_odds(_speech(voices))
    odds = torch.stack([odds * seen, seen], dim=-1)
    known = (seen.amax(1) > 0) | (prints.abs().amax(1) > 0)
    across = torch.arange(2 * rows).roll(rows)
    beside = torch.zeros(2 * rows, 2 * rows)
    beside[torch.arange(2 * rows), across] = (known & known[across]).float()
    forward, back = analysis(), synthesis()
    X = forward(F.pad(scene.mix, (0, back.delay)))
    odds = F.pad(odds, (0, 0, 0, X.shape[2] - odds.shape[1]))
    Y = net(X, torch.arange(rows).repeat(2), prints, odds, beside)
    return torch.as_tensor(back(Y[:rows])[:, back.delay : back.delay + length])


@torch.inference_mode()
def speaker_prints(speech: Tensor) -> Tensor:
    """Make prints of speech (B, M): (B, 192) of length 1, zeros for silence."""
    heard = [pcm.numpy() for pcm in speech]
    energies = torch.from_numpy(np.stack([(e := fbank(pcm)) - e.mean(0) for pcm in heard]))
    there = (speech.abs().amax(1, keepdim=True) > 0).float()
    return F.normalize(_network()(energies), dim=-1) * there


def _others(scene: AcousticScene) -> Tensor:
    if scene.other_enrolment is None or not bool(scene.other_known.any()):
        return torch.zeros(len(scene.mix), SIZE)
    return speaker_prints(scene.other_enrolment) * scene.other_known


def _speech(voices: Tensor) -> Tensor:
    """When each of some clean voices (B, N) speaks: (B, N / BLOCK) of 0 and 1."""
    blocks = [
        torch.from_numpy(speech_blocks(voice.numpy())).float()
        if bool(voice.any())
        else torch.zeros(voices.shape[1] // BLOCK)
        for voice in voices
    ]
    return torch.stack(blocks)
