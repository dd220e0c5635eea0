"""Names of sounds as the product uses them: the last seconds of each session in, what YAMNet and SoundNet hear out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.common import weights
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.sounds.onnx_step import pool5_session
from models.sounds.soundnet import FEATURES, FRAME, HEADS, SoundNet
from models.sounds.tags import TAGS, UNKNOWN, TagClassifier
from models.sounds.yamnet import YamNet

WEIGHTS = weights.FOLDER / "sounds.safetensors"


_SILENT = 10 ** (-65 / 20)
"""RMS of the loudest tenth of a second below which nothing is named; training was told of silence from there on."""

_QUIET = 10 ** (-40 / 20)
"""RMS of the loudest tenth of a second to which quieter windows are raised: training drew none of -65 to -48 dB."""


def load_sounds(path: Path = WEIGHTS) -> tuple[SoundNet, TagClassifier]:
    """Load the network up to pool5 and the linear classifier on it, fp16 on disk, float32 in memory, for inference.

    Raises:
        FileNotFoundError: if the weights are not there.
        RuntimeError: if they belong to another network.
    """
    state = weights.tensors(path)
    linear = TagClassifier(state.pop("linear.weight").numpy(), state.pop("linear.bias").numpy())
    net = SoundNet()
    # Counters of the norms are whole numbers and of no use after training.
    counters = {name: value for name, value in net.state_dict().items() if not value.is_floating_point()}
    missing, unexpected = net.load_state_dict(state | counters, strict=False)
    if unexpected or not all(name.startswith(HEADS) for name in missing):
        raise RuntimeError(f"{path} holds another network")
    return net.eval().requires_grad_(False), linear


class SoundTagger:
    """Names what sounds, for any number of sessions at once, on one CPU thread.

    Args:
        weights: path of SoundNet's weights.
        sounds: YAMNet, to share.
    """

    WINDOW = 4 * SAMPLE_RATE
    """Samples it listens to."""

    def __init__(self, weights: Path = WEIGHTS, sounds: YamNet | None = None) -> None:
        with torch.no_grad():
            net, self._linear = load_sounds(weights)
            self._pool5 = pool5_session(net)
        self._yamnet = sounds or YamNet()

    def tags(self, pcm: F32) -> list[list[tuple[str, float]]]:
        """Name the sounds of each row.

        Args:
            pcm: (B, WINDOW) float32 in -1..1, 16 kHz, newest sample last.

        Returns:
            For each row the names that are likely enough, with probabilities, most probable first; `UNKNOWN` for what
            is loud and has none; nothing for silence.

        Raises:
            ValueError: for another shape.
        """
        if pcm.ndim != 2 or pcm.shape[1] != self.WINDOW:
            raise ValueError(f"need (B, {self.WINDOW}) samples, got {pcm.shape}")
        found: list[list[tuple[str, float]]] = [[] for _ in pcm]
        level = loudest(pcm)
        loud = np.flatnonzero(level > _SILENT)
        if len(loud):
            for row, probabilities in zip(loud, self.probabilities(pcm[loud]), strict=True):
                named = [(tag.name, float(p)) for tag, p in zip(TAGS, probabilities, strict=True) if p >= tag.threshold]
                if not named and level[row] > _QUIET:
                    named = [(UNKNOWN, float(1 - probabilities.max()))]
                found[row] = sorted(named, key=lambda pair: -pair[1])
        return found

    def probabilities(self, pcm: F32) -> F32:
        """Say how likely each tag is: (B, N) -> (B, len(TAGS)), N at least 0.98 s."""
        louder = raised(np.nan_to_num(pcm))
        sounds, _ = self._yamnet(louder)
        labelled = self._linear.probabilities(_frames(self._run_pool5(louder)))
        return np.stack([tag.probability(sounds, labelled) for tag in TAGS], axis=1)

    def classes(self, pcm: F32) -> list[list[tuple[str, float]]]:
        """Say of each row (B, N) how likely each of AudioSet's classes is at its best moment, the likeliest first."""
        best = self._yamnet(raised(np.nan_to_num(pcm)))[0].max(axis=1)
        return [[(self._yamnet.names[k], float(row[k])) for k in np.argsort(-row)] for row in best]

    def features(self, pcm: F32) -> F32:
        """Return what stands after pool5, for other tasks.

        Args:
            pcm: (B, N) float32 in -1..1, 16 kHz, N >= 2560.

        Returns:
            (B, N // 2560, 1024): a vector each 160 ms.
        """
        return _frames(self._run_pool5(pcm))

    def _run_pool5(self, pcm: F32) -> F32:
        whole = pcm.shape[1] // FRAME * FRAME
        if whole == 0:
            raise ValueError(f"need at least {FRAME} samples, got {pcm.shape[1]}")
        sound = np.ascontiguousarray(np.nan_to_num(pcm[:, None, :whole]), np.float32)
        pool5: F32 = self._pool5.run(None, {"pcm": sound})[0]
        return pool5


def loudest(pcm: F32) -> F32:
    """Return the RMS of the loudest tenth of a second: (B, N) -> (B,)."""
    step = SAMPLE_RATE // 10
    count = pcm.shape[1] // step
    parts = np.nan_to_num(pcm)[:, : count * step].reshape(len(pcm), count, step)
    return np.asarray(np.sqrt(np.square(parts).mean(axis=2)).max(axis=1), np.float32)


def raised(pcm: F32) -> F32:
    """Raise rows (B, N) to a level the network was taught at, by what lies between silence and there."""
    gain = np.clip(_QUIET / np.maximum(loudest(pcm), 1e-9), 1, _QUIET / _SILENT)
    return np.asarray(pcm * gain[:, None], np.float32)


def _frames(pool5: F32) -> F32:
    """Flatten (B, 256, 4, T) -> (B, T, 1024)."""
    return np.ascontiguousarray(pool5.reshape(len(pool5), FEATURES, -1).transpose(0, 2, 1))
