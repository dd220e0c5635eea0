"""A network stored as tensors and the nodes over them, run by ONNX Runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from safetensors import safe_open

from models.common.arrays import F32
from models.common.weights import onnx_session

_OPSET, _IR = 20, 10

Node = tuple[str, list[str], str, dict[str, Any]]
"""An ONNX operator, its inputs, its output, its attributes."""


def _without_prelu(nodes: list[Node], constants: dict[str, F32]) -> list[Node]:
    """Write PRelu(x) as slope * x + (1 - slope) * Relu(x), each product a convolution of one pixel; adds constants.

    ONNX Runtime keeps pictures in blocks of channels for convolutions, but not for PRelu: with the 23 of the face
    mesh as they are, it takes 5.7 ms instead of 2.4.
    """
    plain: list[Node] = []
    for kind, inputs, output, how in nodes:
        if kind != "PRelu":
            plain.append((kind, inputs, output, how))
            continue
        x, slope = inputs
        channels = len(constants[slope])
        one_each = {"group": channels, "kernel_shape": [1, 1]}
        below, above, positive, left, right = (f"{output}_{n}" for n in ("below", "above", "positive", "left", "right"))
        constants[below] = constants[slope].reshape(channels, 1, 1, 1)
        constants[above] = 1 - constants[below]
        plain += [
            ("Relu", [x], positive, {}),
            ("Conv", [positive, above], right, one_each),
            ("Conv", [x, below], left, one_each),
            ("Add", [right, left], output, {}),
        ]
    return plain


class StoredGraph:
    """One network with one float32 input, on one thread.

    Its file is a safetensors file: the weights, and under "graph" in the metadata a JSON object with the input's
    "shape", the names of the "outputs", "numbers" (named lists of whole numbers or floats that nodes read) and
    "nodes".

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: it is not there.
    """

    def __init__(self, path: Path) -> None:
        with safe_open(path, framework="numpy") as file:
            stored = json.loads(file.metadata()["graph"])
            constants = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}
        nodes = _without_prelu(stored["nodes"], constants)
        for name, values in stored["numbers"].items():
            constants[name] = np.array(values, np.float32 if isinstance(values[0], float) else np.int64)
        self.input_shape: tuple[int, ...] = tuple(stored["shape"])
        self._outputs: list[str] = stored["outputs"]
        graph = helper.make_graph(
            [helper.make_node(kind, inputs, [output], **how) for kind, inputs, output, how in nodes],
            path.stem,
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self._outputs],
            [numpy_helper.from_array(values, name) for name, values in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        self._session = onnx_session(model.SerializeToString())

    def run(self, x: F32) -> list[F32]:
        """Run once.

        Args:
            x: float32 of `input_shape`.

        Returns:
            The outputs in the file's order, float32.
        """
        outputs: list[F32] = self._session.run(self._outputs, {"input": x})
        return outputs
