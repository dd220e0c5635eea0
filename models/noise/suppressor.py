"""Speech without the noise around it, causal, 20 ms at a time: DTLN (Westhausen and Meyer 2020, arXiv:2005.07551).

Two small recurrent networks, one after the other, every 8 ms of sound: the first one gives each frequency of the last
32 ms a gain of 0..1, the second one does so with 256 shapes of wave that it has learnt. What the windows say of the
same moment is added up. Rows are streams: any number of microphones goes through in one batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from safetensors.numpy import load_file
from torch import Tensor

from models.common.arrays import F32
from models.common.onnx_graph import Graph
from models.common.six_bits import unpack
from models.common.weights import FOLDER

WEIGHTS = FOLDER / "noise.safetensors"

WINDOW, HOP = 512, 128
BINS = WINDOW // 2 + 1
BLOCK = 320
"""Samples of a step: 20 ms at 16 kHz."""

WAVES, HIDDEN = 256, 128
"""Shapes of wave of the second part, and width of all recurrent layers."""

RESERVE = -BLOCK % HOP
"""Samples held back since a step is not a whole number of hops; every second step is."""

DELAY = WINDOW - HOP + RESERVE
"""Samples at 16 kHz by which what comes out lags what goes in: 28 ms."""

WARM = 20
"""Steps (0.4 s) until a stream that began in the middle of a sound has settled."""

INPUTS = {"mask": BINS, "waves": WINDOW}
"""The two parts, and what each is given of a window."""

LAYERS = {
    "mask.lstm1": BINS + HIDDEN,
    "mask.lstm2": 2 * HIDDEN,
    "mask.gains": HIDDEN,
    "waves.into": WINDOW,
    "waves.lstm1": WAVES + HIDDEN,
    "waves.lstm2": 2 * HIDDEN,
    "waves.gains": HIDDEN,
    "waves.out": WAVES,
}
"""Matrices in the file, and the number of inputs of each; recurrent ones take their input, then their own past.

Their outputs stand in ONNX's order of gates: in, out, forget, new.
"""


@dataclass(slots=True)
class Stream:
    """What the suppressor remembers of one microphone; a new one begins after silence.

    Attributes:
        steps: how many it has taken.
    """

    heard: F32 = field(default_factory=lambda: np.zeros(WINDOW, np.float32))
    sums: F32 = field(default_factory=lambda: np.zeros(WINDOW - HOP, np.float32))
    ready: F32 = field(default_factory=lambda: np.zeros(RESERVE, np.float32))
    past: dict[str, F32] = field(default_factory=lambda: {part: np.zeros((4, HIDDEN), np.float32) for part in INPUTS})
    steps: int = 0

    @property
    def warm(self) -> bool:
        """Whether what comes out is as good as it gets."""
        return self.steps > WARM


class Suppressor:
    """The networks; what is remembered of a microphone stands in its `Stream`.

    Args:
        path: of the weights.

    Raises:
        FileNotFoundError: they are not there.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        stored = load_file(path)
        weights = {
            name: torch.from_numpy(unpack(stored[f"{name}.weight"], stored[f"{name}.scale"], inputs))
            for name, inputs in LAYERS.items()
        }
        vectors = {name: value for name, value in stored.items() if value.dtype == np.float16 and value.ndim == 1}
        biases = {name: torch.from_numpy(value.astype(np.float32)) for name, value in vectors.items()}
        self._sessions = {part: _part(part, weights, biases) for part in INPUTS}

    def step(self, streams: Sequence[Stream], blocks: F32) -> F32:
        """Clean the next 20 ms of each stream.

        Args:
            streams: which microphones; each only once.
            blocks: shape (streams, 320), in [-1, 1], 16 kHz.

        Returns:
            Shape (streams, 320), `DELAY` samples behind what was given.
        """
        by_hops: dict[int, list[Stream]] = {}
        for stream, block in zip(streams, blocks, strict=True):
            stream.heard = np.concatenate([stream.heard, block])
            stream.steps += 1
            by_hops.setdefault((stream.heard.size - WINDOW) // HOP, []).append(stream)
        for hops, some in by_hops.items():
            self._take(some, hops)
        cleaned = np.zeros((len(streams), BLOCK), np.float32)
        for stream, out in zip(streams, cleaned, strict=True):
            out[:], stream.ready = stream.ready[:BLOCK], stream.ready[BLOCK:]
        return cleaned

    def _take(self, streams: list[Stream], hops: int) -> None:
        starts = [(k + 1) * HOP for k in range(hops)]
        windows = np.stack([[stream.heard[start : start + WINDOW] for stream in streams] for start in starts])
        spectra = np.fft.rfft(windows)
        gains = self._run("mask", streams, np.abs(spectra).astype(np.float32))
        waves = self._run("waves", streams, np.fft.irfft(gains * spectra).astype(np.float32))
        for i, stream in enumerate(streams):
            sums = np.concatenate([stream.sums, np.zeros(hops * HOP, np.float32)])
            for k in range(hops):
                sums[k * HOP : k * HOP + WINDOW] += waves[k, i]
            stream.ready = np.concatenate([stream.ready, sums[: hops * HOP]])
            stream.heard, stream.sums = stream.heard[hops * HOP :], sums[hops * HOP :]

    def _run(self, part: str, streams: list[Stream], x: F32) -> F32:
        past = np.stack([stream.past[part] for stream in streams], axis=1)
        out: F32
        out, past = self._sessions[part].run(["out", "next"], {"x": x, "past": past})
        for i, stream in enumerate(streams):
            stream.past[part] = past[:, i]
        return out


def _part(part: str, weights: dict[str, Tensor], biases: dict[str, Tensor]) -> onnxruntime.InferenceSession:
    """Write one of the two networks as a graph: x (hops, rows, inputs), past (4, rows, 128) in, out and next out."""
    graph = Graph()
    x, past = graph.free("x", "hops", "rows", INPUTS[part]), graph.free("past", 4, "rows", HIDDEN)
    if part == "waves":
        x = graph.matmul(x, weights["waves.into"])
    seen = x
    if part == "waves":
        # Each window is brought to the same level before it is judged.
        scale, shift = (graph.constant(biases[f"waves.norm.{name}"]) for name in ("scale", "shift"))
        seen = graph.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-7)
    following = []
    for i, layer in enumerate(("lstm1", "lstm2")):
        h, c = (graph.slice(past, 0, 2 * i + j, 2 * i + j + 1) for j in (0, 1))
        weight, bias = weights[f"{part}.{layer}"], biases[f"{part}.{layer}.bias"]
        matrices = [graph.constant(each[None]) for each in (weight[:, :-HIDDEN], weight[:, -HIDDEN:])]
        both = graph.constant(torch.cat([bias, torch.zeros_like(bias)])[None])
        out, h, c = graph.ops("LSTM", 3, seen, *matrices, both, "", h, c, hidden_size=HIDDEN)
        seen = graph.op("Squeeze", out, graph.constant([1]))
        following += [h, c]
    gains = graph.op("Sigmoid", graph.linear(seen, weights[f"{part}.gains"], biases[f"{part}.gains.bias"]))
    result = gains if part == "mask" else graph.matmul(graph.op("Mul", x, gains), weights["waves.out"])
    return graph.session(out=result, next=graph.op("Concat", *following, axis=0))
