"""A few lines over onnx.helper: write a network's step as an ONNX graph with its weights inside.

`torch.onnx.export` took 8.6 s for the separator and brings a compiler into the process; writing the nodes
takes 50 ms.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from models.common import weights
from models.common.arrays import Array
from models.common.dilated import DilatedBlock

_OPSET, _IR = 20, 10
_K = "rows"
_MICROSOFT = "com.microsoft"
_GROUP = 32
"""Inputs that share a scale."""

_SMALL = 16_384
"""Weights of a layer below which 8 bits save nothing."""

_WHOLE_NUMBERS = 4
"""Accuracy level: products of whole numbers, of 8 bits each."""


class Graph:
    """Collects nodes and constants; every method that adds a node returns the name of its output.

    Args:
        eight_bits: Whether the weights of larger linear layers are kept in 8 bits, a scale for each 32 inputs of an
            output. A step on few rows is as slow as its weights are large: they are read from memory each time.
    """

    def __init__(self, eight_bits: bool = False) -> None:
        self._eight_bits = eight_bits
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, *shape: int | str) -> str:
        """Declare a float32 input (rows, *shape); sizes that differ from run to run have names."""
        return self.free(name, _K, *shape)

    def free(self, name: str, *shape: int | str) -> str:
        """Declare a float32 input of just this shape, with no rows."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def places(self, name: str) -> str:
        """Declare an input (rows,) of int64: for each row another one's place, -1 for none."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.INT64, [_K]))
        return name

    def rows_at(self, x: str, places: str, width: int) -> str:
        """Gather rows of x (rows, width) at `places`; a place of -1 is the last one, where a row of zeros is put."""
        return self.op("Gather", self.op("Concat", x, self.constant(torch.zeros(1, width)), axis=0), places, axis=0)

    def constant(self, value: Tensor | Array | Sequence[int] | float) -> str:
        """Add a constant: float32, or int64 for a list of whole numbers."""
        if isinstance(value, Tensor):
            array: Array = value.detach().cpu().numpy()
        elif isinstance(value, float):
            array = np.array(value, np.float32)
        else:
            array = np.asarray(value)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def matmul(self, x: str, weight: Tensor) -> str:
        """Multiply x @ weight.T: x (N, in), weight (out, in) -> (N, out)."""
        outputs, inputs = weight.shape
        if not self._eight_bits or weight.numel() < _SMALL:
            return self.op("MatMul", x, self.constant(weight.t()))
        padded = nn.functional.pad(weight.detach(), (0, -inputs % _GROUP)).view(outputs, -1, _GROUP)
        scale = (padded.abs().amax(2) / 127).clamp(min=1e-12)
        whole = (padded / scale[..., None]).round().add(128).to(torch.uint8)
        how = {"K": inputs, "N": outputs, "bits": 8, "block_size": _GROUP, "accuracy_level": _WHOLE_NUMBERS}
        return self.op("MatMulNBits", x, self.constant(whole), self.constant(scale), domain=_MICROSOFT, **how)

    def ops(self, kind: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        names = [f"n{len(self._nodes)}_{i}" for i in range(outputs)]
        self._nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def linear(self, x: str, weight: Tensor, bias: Tensor) -> str:
        """Apply a fully connected layer: x (N, in) -> (N, out)."""
        return self.op("Add", self.matmul(x, weight), self.constant(bias))

    def norm(self, x: str, layer: nn.LayerNorm) -> str:
        """Apply a layer norm over the last axis."""
        scale, shift = self.constant(layer.weight), self.constant(layer.bias)
        return self.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=layer.eps)

    def gelu(self, x: str, approximate: str = "none") -> str:
        """Apply a Gaussian error linear unit."""
        return self.op("Gelu", x, approximate=approximate)

    def reshape(self, x: str, *shape: int) -> str:
        """Reshape; -1 stands for what is left over."""
        return self.op("Reshape", x, self.constant(list(shape)))

    def slice(self, x: str, axis: int, start: int, stop: int) -> str:
        """Slice x[start:stop] along an axis."""
        return self.op("Slice", x, *(self.constant([v]) for v in (start, stop, axis)))

    def session(self, **outputs: str) -> onnxruntime.InferenceSession:
        """Build an ONNX Runtime session on one CPU thread; outputs are named values (rows, …) of float32."""
        nodes = list(self._nodes)
        nodes += [helper.make_node("Identity", [value], [name]) for name, value in outputs.items()]
        results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(nodes, "step", self._inputs, results, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
        return weights.onnx_session(model.SerializeToString())


def dilated_blocks_past(graph: Graph, past: str, blocks: Sequence[DilatedBlock], frames: int) -> list[str]:
    """Work out what the past adds to each block's convolution, for all blocks at once.

    Args:
        graph: to add to.
        past: (rows, 2 * blocks, frames * hidden) as `Rings.read` gives it.
        blocks: of equal size.
        frames: S, frames a step.

    Returns:
        For each block (rows * frames, hidden). Where dilation < S the tap of d ago still lacks its part.
    """
    count, hidden = len(blocks), blocks[0].taps.shape[1]
    taps = torch.stack([b.taps for b in blocks])[:, :, None]
    whole = torch.tensor([b.dilation % frames == 0 for b in blocks])[:, None, None]
    shaped = graph.reshape(past, -1, 2 * count, frames, hidden)
    older, old = (graph.slice(shaped, 1, i * count, (i + 1) * count) for i in (0, 1))
    total = graph.op("Mul", older, graph.constant(taps[:, 0]))
    total = graph.op("Add", total, graph.op("Mul", old, graph.constant(taps[:, 1] * whole)))
    total = graph.op("Add", total, graph.constant(torch.stack([b.taps_bias for b in blocks])[:, None]))
    parts = graph.ops("Split", count, total, axis=1, num_outputs=count)
    return [graph.reshape(p, -1, hidden) for p in parts]


def dilated_block_step(
    graph: Graph, x: str, block: DilatedBlock, from_past: str, previous: str | None, frames: int
) -> tuple[str, str]:
    """Add `DilatedBlock.step` as nodes.

    Args:
        graph: to add to.
        x: (rows * frames, width).
        block: the layers.
        from_past: (rows * frames, hidden), as `dilated_blocks_past` gives it.
        previous: (rows, 1, hidden) activations of the frame before this step; needed where dilation < S.
        frames: S, frames a step.

    Returns:
        Result (rows * frames, width) and activations (rows * frames, hidden).
    """
    hidden = block.taps.shape[1]
    y = graph.gelu(graph.linear(graph.norm(x, block.norm_in), block.widen.weight, block.widen.bias), approximate="tanh")
    z = graph.op("Add", from_past, graph.op("Mul", y, graph.constant(block.taps[2])))
    if block.dilation % frames:
        assert previous is not None
        earlier = graph.slice(graph.reshape(y, -1, frames, hidden), 1, 0, frames - 1)
        old = graph.reshape(graph.op("Concat", previous, earlier, axis=1), -1, hidden)
        z = graph.op("Add", z, graph.op("Mul", old, graph.constant(block.taps[1])))
    z = graph.norm(graph.gelu(z, approximate="tanh"), block.norm_out)
    return graph.op("Add", x, graph.linear(z, block.narrow.weight, block.narrow.bias)), y
