"""`attention` as an ONNX graph: batch norms folded, one picture against its one sound."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.common.arrays import F32
from models.common.onnx_graph import Graph
from models.localization.attention import BINS, FRAMES, GRID, MEANING, QUIET, SYNC, SoundAttention
from models.localization.band_levels import BANDS
from models.localization.face_extent import FaceExtent
from models.localization.motion import CHANNELS, FINE
from models.vision.image_encoder import MIDDLE, TOP


class AttentionOutput(NamedTuple):
    """What the networks say of B windows.

    Attributes:
        sync: synchrony, sharpened, (B, 14, 14).
        meaning: likeness, sharpened, (B, 14, 14).
        rhythm: how each cell moves, (B, 196, SYNC * BINS).
        sound: what the sound is, (B, MEANING).
        extent: of faces, (B, 5, 14, 14), see `FaceExtent`.
    """

    sync: F32
    meaning: F32
    rhythm: F32
    sound: F32
    extent: F32


class OnnxAttention:
    """Runs it on one CPU thread.

    Args:
        net: with its weights; copied.
        extent: the same.
    """

    def __init__(self, net: SoundAttention, extent: FaceExtent) -> None:
        g = Graph()
        rhythm, meaning = _ear(g, g.input("levels", FRAMES, BANDS), net)
        middle, top = g.input("middle", MIDDLE, GRID, GRID), g.input("top", TOP, GRID // 2, GRID // 2)
        seen, looks = _eye(g, net, middle, top)
        sync = _alike(g, seen, rhythm, net.sharpness[0])
        like = _alike(g, looks, meaning, net.sharpness[1])
        faces = _chain(g, _grids(g, middle, top, extent.near, extent.far, extent.body[0]), extent.body[1:])
        names = {"sync": sync, "meaning": like, "rhythm": seen, "sound": meaning, "extent": faces}
        self._session = g.session(**names)

    def run(self, levels: F32, motion: F32, middle: F32, top: F32) -> AttentionOutput:
        """Find where pictures are like their sounds.

        Args:
            levels: Shape (B, 144, 48), dB.
            motion: Shape (B, 36, 4, 28, 28).
            middle: Shape (B, 112, 14, 14).
            top: Shape (B, 1280, 7, 7).
        """
        given = {"levels": levels, "motion": motion, "middle": middle, "top": top}
        sync, meaning, rhythm, sound, extent = self._session.run(list(AttentionOutput._fields), given)
        shape = (-1, GRID, GRID)
        return AttentionOutput(sync.reshape(shape), meaning.reshape(shape), rhythm, sound[..., 0], extent)


def _ear(g: Graph, levels: str, net: SoundAttention) -> tuple[str, str]:
    x = g.op("Mul", g.op("Add", levels, g.constant(50.0)), g.constant(0.05))
    mean = g.op("ReduceMean", x, g.constant([1]))
    both = (g.reshape(v, -1, 1, FRAMES, BANDS) for v in (x, g.op("Sub", x, mean)))
    x = _chain(g, g.op("Concat", *both, axis=1), net.ear.body)
    x = g.reshape(g.op("Transpose", x, perm=[0, 1, 3, 2]), -1, 64 * BANDS // 8, BINS, 1)
    rhythm = _soft_unit(g, g.reshape(_chain(g, x, net.ear.rhythm), -1, SYNC, BINS), 1)
    words = _chain(g, x, net.ear.meaning)
    axes = g.constant([2, 3])
    pooled = [g.op(kind, words, axes, keepdims=0) for kind in ("ReduceMean", "ReduceMax")]
    meaning = g.linear(g.op("Concat", *pooled, axis=1), net.ear.words.weight, net.ear.words.bias)
    return rhythm, g.reshape(_unit(g, meaning, 1), -1, MEANING, 1)


def _eye(g: Graph, net: SoundAttention, middle: str, top: str) -> tuple[str, str]:
    cells = GRID * GRID
    motion = g.reshape(g.input("motion", BINS, CHANNELS, FINE, FINE), -1, CHANNELS, FINE, FINE)
    x = g.reshape(_chain(g, motion, net.eye.cell), -1, BINS, 24, cells)
    x = _chain(g, g.op("Transpose", x, perm=[0, 2, 1, 3]), net.eye.rhythm)
    x = g.op("Transpose", x, perm=[0, 3, 1, 2])
    rhythm = _soft_unit(g, x, cells)
    looks = _chain(g, _grids(g, middle, top, net.eye.near, net.eye.far, net.eye.looks[0]), net.eye.looks[1:])
    looks = g.reshape(_conv(g, looks, net.eye.words), -1, MEANING, cells)
    looks = _unit(g, g.op("Transpose", looks, perm=[0, 2, 1]), 2)
    return rhythm, looks


def _grids(g: Graph, middle: str, top: str, near: nn.Conv2d, far: nn.Conv2d, norm: nn.Module) -> str:
    """Add both grids of the image encoder together, (B, C, 14, 14), before a rectifier."""
    assert isinstance(norm, nn.BatchNorm2d)
    scales = g.constant(torch.tensor([1.0, 1.0, 2.0, 2.0]))
    wide = g.op("Resize", _conv(g, top, far), "", scales, mode="linear", coordinate_transformation_mode="half_pixel")
    return _batch_norm(g, g.op("Add", _conv(g, middle, near), wide), norm)


def _alike(g: Graph, seen: str, heard: str, sharpness: Tensor) -> str:
    """Add the inner product of (B, 196, K) with (B, K, 1)."""
    return g.op("Mul", g.op("MatMul", seen, heard), g.constant(float(sharpness.detach())))


def _soft_unit(g: Graph, x: str, cells: int) -> str:
    """Map (B, [cells,] C, BINS) -> (B, cells, C * BINS), or (B, C * BINS, 1) where there is one cell."""
    x = g.op("Sub", x, g.op("ReduceMean", x, g.constant([-1])))
    x = g.reshape(x, -1, cells, SYNC * BINS)
    size = g.op("ReduceSumSquare", x, g.constant([-1]))
    x = g.op("Div", x, g.op("Sqrt", g.op("Add", size, g.constant(QUIET))))
    return g.reshape(x, -1, SYNC * BINS, 1) if cells == 1 else x


def _unit(g: Graph, x: str, axis: int) -> str:
    return g.op("Div", x, g.op("Max", g.op("ReduceL2", x, g.constant([axis])), g.constant(1e-12)))


def _batch_norm(g: Graph, x: str, norm: nn.BatchNorm2d) -> str:
    assert norm.running_mean is not None and norm.running_var is not None
    values = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    return g.op("BatchNormalization", x, *(g.constant(v) for v in values), epsilon=norm.eps)


def _chain(g: Graph, x: str, layers: nn.Sequential) -> str:
    """Add convolutions, each with the norm that follows it folded in, and rectifiers."""
    parts = list(layers)
    for i, layer in enumerate(parts):
        if isinstance(layer, nn.Conv2d):
            norm = parts[i + 1] if i + 1 < len(parts) else None
            x = _conv(g, x, layer, norm if isinstance(norm, nn.BatchNorm2d) else None)
        elif isinstance(layer, nn.ReLU):
            x = g.op("Relu", x)
    return x


def _conv(g: Graph, x: str, layer: nn.Conv2d, norm: nn.BatchNorm2d | None = None) -> str:
    weight, bias = layer.weight.detach(), layer.bias.detach() if layer.bias is not None else None
    assert bias is not None
    if norm is not None:
        assert norm.running_mean is not None and norm.running_var is not None
        gain = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
        weight, bias = weight * gain[:, None, None, None], norm.bias.detach() + (bias - norm.running_mean) * gain
    pads = [int(p) for p in layer.padding] * 2
    strides, dilations = list(layer.stride), list(layer.dilation)
    return g.op("Conv", x, g.constant(weight), g.constant(bias), pads=pads, strides=strides, dilations=dilations)
