"""The image encoder on ONNX Runtime, and how a picture is made to fit it."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.common.onnx_graph import Graph
from models.vision.image_encoder import MIDDLE, SIZE, ImageEncoder, InvertedBottleneck, SameConv, load_image_encoder


class GridArrays(NamedTuple):
    """What is seen where: `middle` (B, 112, 14, 14) and `top` (B, 1280, 7, 7), float32."""

    middle: F32
    top: F32


def fit(rgb: U8) -> U8:
    """Squash a picture (H, W, 3) to the square (224, 224, 3): fractions of its sides stay what they are."""
    squashed: U8 = np.asarray(cv2.resize(rgb, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)
    return squashed


class ImageRuntime:
    """The trained encoder on one CPU thread; the numbers of torch in a third of its time."""

    def __init__(self) -> None:
        graph, encoder = Graph(), load_image_encoder()
        middle, top = _encoder(graph, graph.input("x", 3, SIZE, SIZE), encoder)
        self._session = graph.session(middle=middle, top=top)

    def encode(self, rgb: U8) -> GridArrays:
        """Look at pictures (B, 224, 224, 3), uint8."""
        x = (rgb.transpose(0, 3, 1, 2).astype(np.float32) - 127.0) / 128.0
        middle, top = self._session.run(None, {"x": np.ascontiguousarray(x)})
        return GridArrays(middle, top)


def _encoder(g: Graph, x: str, encoder: ImageEncoder) -> tuple[str, str]:
    x = middle = _conv(g, x, encoder.stem)
    for stage in encoder.stages:
        for block in stage.children():
            assert isinstance(block, InvertedBottleneck)
            x = _bottleneck(g, x, block)
            if block.narrow.conv.out_channels == MIDDLE:
                middle = x
    return middle, _conv(g, x, encoder.head)


def _bottleneck(g: Graph, x: str, block: InvertedBottleneck) -> str:
    y = x if block.widen is None else _conv(g, x, block.widen)
    y = _conv(g, _conv(g, y, block.spread), block.narrow)
    return g.op("Add", x, y) if block.residual else y


def _conv(g: Graph, x: str, layer: SameConv) -> str:
    conv = layer.conv
    assert conv.bias is not None
    weight, bias = g.constant(conv.weight), g.constant(conv.bias)
    pads = [layer.before, layer.before, layer.after, layer.after]
    x = g.op("Conv", x, weight, bias, pads=pads, strides=list(conv.stride), group=conv.groups)
    return g.op("Clip", x, g.constant(0.0), g.constant(6.0)) if layer.relu else x
