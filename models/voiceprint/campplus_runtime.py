"""CAM++ on ONNX Runtime: sound in, embeddings out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from models.common.arrays import F32
from models.common.fbank import BANDS, HOP, WINDOW, fbank
from models.common.onnx_graph import Graph
from models.voiceprint.campplus import SIZE, Campplus, DenseLayer, Residual, ScaleRelu, load_campplus, segments

LEAST = WINDOW + 9 * HOP
"""Samples, 115 ms, below which there is nothing to average. A second is worth far more; see the card."""

LEVEL = 10 ** (-26 / 20)
"""Root mean square to which speech is brought: removing the mean makes up for level but for the floor of `fbank`."""


class SpeakerEncoder:
    """The trained network on one CPU thread.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        graph = Graph()
        features = graph.input("features", BANDS, "frames")
        means, spread = graph.free("means", "half", "segments"), graph.free("spread", "segments", "half")
        self._session = graph.session(print=_network(graph, features, means, spread, load_campplus()))

    def embed(self, pcm: F32) -> F32:
        """Embed a stretch of one person's speech, at any level.

        Args:
            pcm: (N,) at 16 kHz, [-1, 1], N >= 1,840.

        Returns:
            (192,) of length 1; compare by the scalar product.

        Raises:
            ValueError: it is shorter.
        """
        if len(pcm) < LEAST:
            raise ValueError(f"{len(pcm)} samples are too few for a speaker embedding; {LEAST} are needed")
        level = max(float(np.sqrt(np.mean(np.square(pcm)))), 1e-6)
        energies = fbank(pcm * np.float32(LEVEL / level))
        features = np.ascontiguousarray((energies - energies.mean(axis=0)).T)
        means, spread = (m.numpy() for m in segments(-(-len(energies) // 2)))
        found: F32 = self._session.run(None, {"features": features[None], "means": means, "spread": spread})[0][0]
        return found / np.linalg.norm(found)

    def embed_all(self, stretches: Sequence[F32]) -> F32:
        """Embed several stretches, of any lengths from `LEAST` on: (K, 192)."""
        # One after the other: on one thread a batch is no faster, and unequal lengths cannot share one.
        return np.stack([self.embed(pcm) for pcm in stretches]) if stretches else np.zeros((0, SIZE), np.float32)


def _network(g: Graph, features: str, means: str, spread: str, net: Campplus) -> str:
    x = g.op("Unsqueeze", features, g.constant([1]))
    x = _conv(g, x, net.stem)
    for residual in net.residuals:
        assert isinstance(residual, Residual)
        x = _residual(g, x, residual)
    x = _conv(g, x, net.close)
    x = _conv(g, g.op("Reshape", x, g.constant([0, net.enter.in_channels, -1])), net.enter)
    for block, transit in zip(net.blocks, net.transits, strict=True):
        assert isinstance(block, nn.ModuleList) and isinstance(transit, nn.Sequential)
        for layer in block:
            assert isinstance(layer, DenseLayer)
            x = _dense(g, x, means, spread, layer)
        scale, linear = transit
        assert isinstance(scale, ScaleRelu) and isinstance(linear, nn.Conv1d)
        x = _conv(g, _scale(g, x, scale), linear, relu=False)
    return _pool(g, _scale(g, x, net.leave), net.embed)


def _conv(g: Graph, x: str, conv: nn.Conv1d | nn.Conv2d, relu: bool = True) -> str:
    parameters = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
    pads = [int(p) for p in conv.padding] * 2
    how = {"pads": pads, "strides": list(conv.stride), "dilations": list(conv.dilation)}
    x = g.op("Conv", x, *(g.constant(p) for p in parameters), **how)
    return g.op("Relu", x) if relu else x


def _residual(g: Graph, x: str, layer: Residual) -> str:
    y = _conv(g, _conv(g, x, layer.first), layer.second, relu=False)
    shortcut = x if layer.shortcut is None else _conv(g, x, layer.shortcut, relu=False)
    return g.op("Relu", g.op("Add", y, shortcut))


def _scale(g: Graph, x: str, layer: ScaleRelu) -> str:
    def column(values: Tensor) -> str:
        return g.constant(values[:, None])

    return g.op("Relu", g.op("Add", g.op("Mul", x, column(layer.scale)), column(layer.shift)))


def _dense(g: Graph, x: str, means: str, spread: str, layer: DenseLayer) -> str:
    y = _conv(g, _scale(g, x, layer.enter), layer.narrow)
    squeezed = _conv(g, g.op("MatMul", y, means), layer.squeeze)
    mask = g.op("Sigmoid", _conv(g, squeezed, layer.excite, relu=False))
    masked = g.op("Mul", _conv(g, y, layer.local, relu=False), g.op("MatMul", mask, spread))
    return g.op("Concat", x, masked, axis=1)


def _pool(g: Graph, x: str, linear: nn.Linear) -> str:
    mean = g.op("ReduceMean", x, g.constant([2]), keepdims=1)
    off = g.op("Sub", x, mean)
    # The sample's deviation: the sum of squares over T - 1.
    count = g.op("Sub", g.op("Cast", g.op("Shape", x, start=2, end=3), to=1), g.constant(1.0))
    variance = g.op("Div", g.op("ReduceSumSquare", off, g.constant([2]), keepdims=0), count)
    both = g.op("Concat", g.op("Squeeze", mean, g.constant([2])), g.op("Sqrt", variance), axis=1)
    return g.linear(both, linear.weight, linear.bias)
