"""The face embedding on ONNX Runtime, and how a face is brought into its place."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
from torch import nn

from models.common.onnx_graph import Graph
from models.faces.embedding import MEAN, SIDE, SIZE, Block, FaceEmbedding, load_face_embedding
from models.faces.mesh import Mesh

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]

LANDMARKS = (33, 133, 362, 263, 2)
"""Of the mesh: corners of the eye on the picture's left and of the other, base of the nose. A mouth moves."""

PLACES = ((0.1217, 0.2164), (0.3346, 0.2317), (0.6456, 0.2317), (0.8585, 0.2164), (0.4901, 0.6281))
"""Where the network wants them: dlib's mean face, whose brows are at 0 and whose chin is at 1."""

PADDING = 0.25
"""Room on each side of the mean face, of its size."""


class FaceEncoder:
    """The trained network on one CPU thread.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        graph = Graph()
        x = graph.input("x", 3, SIDE, SIDE)
        self._session = graph.session(embedding=_network(graph, x, load_face_embedding()))

    def embed(self, rgb: U8, mesh: Mesh) -> F32:
        """Embed one face of a picture.

        Args:
            rgb: uint8 (H, W, 3).
            mesh: the face in it.

        Returns:
            float32 (128,), about of length 1.4; compare by Euclidean `distance`.
        """
        embedding: F32 = self.embed_aligned(aligned(rgb, mesh)[None])[0]
        return embedding

    def embed_aligned(self, chips: U8) -> F32:
        """Embed aligned pictures: uint8 (B, 150, 150, 3) -> float32 (B, 128)."""
        x = (chips.astype(np.float32) - np.array(MEAN, np.float32)) / np.float32(256)
        found: F32 = self._session.run(None, {"x": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})[0]
        return found.reshape(-1, SIZE)


def distance(a: F32, b: F32) -> float:
    """Euclidean distance of two embeddings: the less, the more alike."""
    return float(np.linalg.norm(a - b))


def aligned(rgb: U8, mesh: Mesh) -> U8:
    """Cut out a face, turned, scaled and moved so that eyes and nose are where the network wants them.

    Args:
        rgb: uint8 (H, W, 3).
        mesh: the face in it.

    Returns:
        uint8 (150, 150, 3); what lies outside of the picture is filled with its edge.
    """
    return placed(rgb, mesh.points[:, :2], SIDE, PADDING)


def placed(rgb: U8, points: F32, side: int, padding: float) -> U8:
    """`aligned` for any network of dlib's: a picture of this many pixels a side, with this much room around the face.

    Args:
        rgb: uint8 (H, W, 3).
        points: (468, 2) of the mesh.
        side: pixels.
        padding: of the mean face's size, on each side of it.
    """
    wanted = (np.array(PLACES) + padding) / (1 + 2 * padding) * side
    turn = _similarity(wanted, points[list(LANDMARKS)].astype(np.float64))
    # Where the face is large, pixels between the samples would be skipped: shrink by areas first.
    shrink = max(1, int(np.hypot(turn[0, 0], turn[1, 0])))
    if shrink > 1:
        rgb = np.asarray(cv2.resize(rgb, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA), np.uint8)
        turn = turn / shrink
        turn[:, 2] += 0.5 / shrink - 0.5  # pixel centres lie at half pixels
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    chip: U8 = cv2.warpAffine(rgb, turn, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return chip


def _similarity(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rotation, scale and shift (2, 3) that take points (N, 2) nearest to others, by least squares."""
    a, b = (p[:, 0] + 1j * p[:, 1] for p in (source, target))
    # In complex numbers a similarity is one factor and one shift.
    factor = np.vdot(a - a.mean(), b - b.mean()) / np.vdot(a - a.mean(), a - a.mean())
    shift = b.mean() - factor * a.mean()
    return np.array([[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]])


def _network(g: Graph, x: str, net: FaceEmbedding) -> str:
    x = g.op("MaxPool", g.op("Relu", _conv(g, x, net.stem)), kernel_shape=[3, 3], strides=[2, 2])
    side = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1
    for block in net.blocks:
        assert isinstance(block, Block)
        x, side = _block(g, x, block, side)
    x = g.op("ReduceMean", x, g.constant([2, 3]), keepdims=0)
    return g.op("MatMul", x, g.constant(net.embed.weight.t()))


def _block(g: Graph, x: str, block: Block, side: int) -> tuple[str, int]:
    y = _conv(g, g.op("Relu", _conv(g, x, block.first)), block.second)
    if block.halve:
        x = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
        missing = side // 2 - ((side - 3) // 2 + 1)
        wider = block.first.out_channels - block.first.in_channels
        side //= 2
        y = _pad(g, y, 0, missing) if missing else y
        x = _pad(g, x, wider, 0) if wider else x
    return g.op("Relu", g.op("Add", x, y)), side


def _pad(g: Graph, x: str, channels: int, pixels: int) -> str:
    return g.op("Pad", x, g.constant([0, 0, 0, 0, 0, channels, pixels, pixels]))


def _conv(g: Graph, x: str, conv: nn.Conv2d) -> str:
    assert conv.bias is not None
    how = {"pads": [int(p) for p in conv.padding] * 2, "strides": list(conv.stride)}
    return g.op("Conv", x, g.constant(conv.weight), g.constant(conv.bias), **how)
