"""SoundNet on ONNX Runtime, one CPU thread: batch norms folded into what stands before them."""

from __future__ import annotations

import onnxruntime
import torch
from torch import Tensor, nn

from models.common.onnx_graph import Graph
from models.sounds.soundnet import FILTERS, FLOOR, STRIDE, TAPS, FilterBank, SoundNet


def pool5_session(net: SoundNet) -> onnxruntime.InferenceSession:
    """Make the session of `pool5`: `pcm` (B, 1, N), N a multiple of 2560 -> (B, 256, 4, N // 2560)."""
    g = Graph()
    x = _bank(g, g.input("pcm", 1, -1), net.bank)
    for conv, norm in zip(net.convs, net.norms, strict=True):
        x = g.op("Relu", _conv(g, x, conv, norm))
    return g.session(pool5=g.op("MaxPool", x, kernel_shape=[1, 2], strides=[1, 2]))


def _bank(g: Graph, pcm: str, bank: FilterBank) -> str:
    pad = (TAPS - STRIDE) // 2
    x = g.op("Conv", pcm, g.constant(bank.weight[:, None]), strides=[STRIDE], pads=[pad, pad])
    x = g.op("Mul", x, x)
    x = g.op("Add", g.slice(x, 1, 0, FILTERS), g.slice(x, 1, FILTERS, 2 * FILTERS))
    x = g.op("AveragePool", x, kernel_shape=[2], strides=[2])
    scale, shift = _folded(bank.norm)
    x = g.op("Log", g.op("Add", x, g.constant(FLOOR)))
    x = g.op("Add", g.op("Mul", x, g.constant(scale[:, None])), g.constant(shift[:, None]))
    return g.op("Unsqueeze", x, g.constant([1]))


def _conv(g: Graph, x: str, conv: nn.Module, norm: nn.Module) -> str:
    assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    scale, shift = _folded(norm)
    weight = g.constant(conv.weight * scale[:, None, None, None])
    down, across = (int(p) for p in conv.padding)
    return g.op("Conv", x, weight, g.constant(shift), strides=list(conv.stride), pads=[down, across, down, across])


def _folded(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift of a batch norm at rest."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale, norm.bias - norm.running_mean * scale
