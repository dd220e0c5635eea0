"""Segmentation on ONNX Runtime: sound in, probabilities of speech and of overlap out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.common.arrays import F32
from models.common.onnx_graph import Graph
from models.speech.segmentation import FIELD, HIDDEN, POOL, SETS, STEP, WINDOW, Segmentation, load_segmentation

LEAST = FIELD + STEP
"""Samples below which there is nothing to normalise by."""

_TALKS = np.array([[person in people for person in range(3)] for people in SETS], np.float32)
_SLOPE = 0.01  # of a leaky rectifier below zero


@dataclass(frozen=True)
class Segments:
    """Who talks, frame by frame; frame k is centred on sample 495 + 270 k.

    Attributes:
        sets: float32 (T, 7) probabilities of `segmentation.SETS`; they add up to 1.
    """

    sets: F32

    @property
    def speech(self) -> F32:
        """Probability that anybody talks, (T,)."""
        return np.float32(1) - self.sets[:, 0]

    @property
    def overlap(self) -> F32:
        """Probability that two talk at once, (T,)."""
        both: F32 = self.sets[:, 4:].sum(axis=1)
        return both

    @property
    def talkers(self) -> F32:
        """Probability that each of three talks, (T, 3); who is who holds within these segments only."""
        return self.sets @ _TALKS


class Segmenter:
    """The trained network on one CPU thread.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        graph = Graph()
        pcm = graph.input("pcm", 1, "samples")
        self._session = graph.session(sets=_network(graph, pcm, load_segmentation()))

    def segment(self, pcm: F32) -> Segments:
        """Segment up to ten seconds of sound.

        Args:
            pcm: (N,) at 16 kHz, [-1, 1], 1,261 <= N <= 160,000. Its level matters little above -50 dB of full scale.

        Returns:
            T = 1 + (N - 991) // 270 frames: 589 for ten seconds.

        Raises:
            ValueError: it is shorter or longer.
        """
        if not LEAST <= len(pcm) <= WINDOW:
            raise ValueError(f"a window of {len(pcm)} samples; {LEAST} to {WINDOW} are possible")
        (sets,) = self._session.run(None, {"pcm": np.ascontiguousarray(pcm, np.float32)[None, None]})
        return Segments(sets[0])


def _network(g: Graph, pcm: str, net: Segmentation) -> str:
    x = _norm(g, pcm, net.norm_in)
    for i, (conv, norm) in enumerate(zip(net.convs, net.norms, strict=True)):
        assert isinstance(conv, nn.Conv1d) and isinstance(norm, nn.InstanceNorm1d)
        parameters = [conv.weight] if conv.bias is None else [conv.weight, conv.bias]
        x = g.op("Conv", x, *(g.constant(p) for p in parameters), strides=list(conv.stride))
        x = g.op("MaxPool", g.op("Abs", x) if i == 0 else x, kernel_shape=[POOL], strides=[POOL])
        x = g.op("LeakyRelu", _norm(g, x, norm), alpha=_SLOPE)
    x = g.op("Transpose", x, perm=[2, 0, 1])
    for layer in range(net.lstm.num_layers):
        x = _lstm(g, x, net.lstm, layer)
    x = g.op("Transpose", x, perm=[1, 0, 2])
    for linear in net.linears:
        assert isinstance(linear, nn.Linear)
        x = g.op("LeakyRelu", g.linear(x, linear.weight, linear.bias), alpha=_SLOPE)
    return g.op("Softmax", g.linear(x, net.classify.weight, net.classify.bias), axis=-1)


def _norm(g: Graph, x: str, norm: nn.InstanceNorm1d) -> str:
    assert norm.weight is not None and norm.bias is not None
    return g.op("InstanceNormalization", x, g.constant(norm.weight), g.constant(norm.bias), epsilon=norm.eps)


def _lstm(g: Graph, x: str, lstm: nn.LSTM, layer: int) -> str:
    def both(kind: str) -> Tensor:
        return torch.stack([_reordered(getattr(lstm, f"{kind}_l{layer}{way}")) for way in ("", "_reverse")])

    bias = torch.cat([both("bias_ih"), both("bias_hh")], dim=1)
    parameters = [g.constant(p) for p in (both("weight_ih"), both("weight_hh"), bias)]
    y = g.op("LSTM", x, *parameters, hidden_size=HIDDEN, direction="bidirectional")
    # (T, 2, B, 128) -> (T, B, 256)
    return g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.constant([0, 0, 2 * HIDDEN]))


def _reordered(gates: Tensor) -> Tensor:
    """Torch's order of gates (input, forget, cell, output) in ONNX's (input, output, forget, cell)."""
    i, f, c, o = gates.detach().chunk(4)
    return torch.cat([i, o, f, c])
