"""YAMNet: which of AudioSet's 521 sounds are in 0.96 s, every 0.48 s, on ONNX Runtime, one CPU thread.

MobileNet (Howard et al. 2017) over 96 frames of 64 log-mel bands: a convolution, then thirteen pairs of one that looks
about in each channel alone and one that mixes channels in each place, batch norms folded in; the mean over all places
is the embedding, a linear layer on it the classifier. Weights are stored in 8 bits, a scale for each output.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import safe_open

from models.common import weights
from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE
from models.common.onnx_graph import Graph

WEIGHTS = weights.FOLDER / "yamnet.safetensors"

CLASSES, EMBEDDING = 521, 1024
PATCH, PATCH_HOP = 96, 48
"""Frames of 10 ms under one answer, and from one answer to the next."""

WINDOW, HOP, POINTS, BANDS = 400, 160, 512, 64
_LOWEST, _HIGHEST = 125.0, 7_500.0

FLOOR = 1e-6
"""Added to a band before the logarithm."""

SHORTEST = POINTS + (PATCH - 1) * HOP
"""Samples that one answer needs."""

STRIDES = (2, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
"""Of each convolution."""


def mel_filters() -> F32:
    """Return triangles (257, 64), evenly spaced and each of height 1 on the mel scale 2595 log10(1 + f/700)."""

    def hertz(mel: F64) -> F64:
        return np.asarray(700 * (10 ** (mel / 2595) - 1), np.float64)

    low, high = (2595 * np.log10(1 + f / 700) for f in (_LOWEST, _HIGHEST))
    corners = hertz(np.linspace(low, high, BANDS + 2))
    at = (np.arange(POINTS // 2 + 1) * (SAMPLE_RATE / POINTS))[:, None]
    rising = (at - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - at) / (corners[2:] - corners[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


class YamNet:
    """The network.

    Args:
        path: Of the weights.

    Attributes:
        names: of AudioSet's 521 classes.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        self._session = _session(path)
        with safe_open(path, "numpy") as file:
            self.names: list[str] = file.metadata()["classes"].split("\n")
        self._filters = mel_filters()
        # The window lies in the middle of the transform's 512 points.
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
        self._window = np.pad(hann, (POINTS - WINDOW) // 2).astype(np.float32)

    def __call__(self, pcm: F32) -> tuple[F32, F32]:
        """Say what is heard.

        Args:
            pcm: (B, N) float32 in -1..1, 16 kHz, N >= `SHORTEST`.

        Returns:
            Probabilities (B, P, 521) of each sound by itself, and embeddings (B, P, 1024).
        """
        bands = self.log_mel(pcm)
        patches = sliding_window_view(bands, PATCH, axis=1)[:, ::PATCH_HOP].swapaxes(2, 3)
        rows, count = patches.shape[:2]
        sounds, embedding = self._session.run(None, {"bands": patches.reshape(-1, 1, PATCH, BANDS)})
        return sounds.reshape(rows, count, CLASSES), embedding.reshape(rows, count, EMBEDDING)

    def log_mel(self, pcm: F32) -> F32:
        """Return the bands: (B, N) -> (B, T, 64), a frame every 10 ms."""
        frames = sliding_window_view(pcm, POINTS, axis=1)[:, ::HOP] * self._window
        spectrum = np.abs(np.fft.rfft(frames)).astype(np.float32)
        return np.asarray(np.log(spectrum @ self._filters + np.float32(FLOOR)), np.float32)


def _session(path: Path) -> onnxruntime.InferenceSession:
    state = weights.tensors(path)
    g = Graph()

    def weight(name: str) -> str:
        whole = state[f"{name}.weight"]
        return g.constant(whole * state[f"{name}.scale"].view(-1, *[1] * (whole.ndim - 1)))

    x = g.input("bands", 1, PATCH, BANDS)
    for layer, stride in enumerate(STRIDES):
        name = f"conv{layer}"
        outputs, inputs, size, _ = state[f"{name}.weight"].shape
        before = 1 if size == 3 and stride == 1 else 0
        after = 1 if size == 3 else 0
        x = g.op(
            "Conv", x, weight(name), g.constant(state[f"{name}.bias"]),
            group=outputs if inputs == 1 and layer else 1, strides=[stride] * 2, pads=[before, before, after, after],
        )  # fmt: skip
        x = g.op("Relu", x)
    embedding = g.reshape(g.op("GlobalAveragePool", x), -1, EMBEDDING)
    given = g.op("Gemm", embedding, weight("classifier"), g.constant(state["classifier.bias"]), transB=1)
    return g.session(sounds=g.op("Sigmoid", given), embedding=embedding)
