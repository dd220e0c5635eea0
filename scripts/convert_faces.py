"""Make the face detector, the face mesh and the selfie segmentation in models/weights from mediapipe's wheel.

Usage: pip download --no-deps mediapipe==0.10.21
       pip install ai-edge-litert==2.3.0
       python scripts/convert_faces.py mediapipe-0.10.21-*.whl models/weights

LiteRT is needed here only: to read the sparse tensors, and to compare with. Each network becomes the tensors of its
file, unchanged, and the nodes of an ONNX graph over them (models/common/stored_graph.py).
"""

import json
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from safetensors.numpy import save

from models.common.stored_graph import StoredGraph

NETWORKS = {
    "face_detector": "face_detection/face_detection_full_range_sparse.tflite",
    "face_mesh": "face_landmark/face_landmark.tflite",
    "selfie_segmentation": "selfie_segmentation/selfie_segmentation_landscape.tflite",
}
TOLERANCE = 2e-4
"""Largest difference from LiteRT, as a share of the largest output if that is above 1: sums in another order."""

OPERATORS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
SAME = schema.Padding.SAME
PLAIN = {"ADD": "Add", "MUL": "Mul", "RELU": "Relu", "LOGISTIC": "Sigmoid", "HARD_SWISH": "HardSwish"}
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


class Converter:
    """Writes a .tflite graph (channels last) as ONNX nodes (channels first).

    Args:
        content: of the .tflite file.
    """

    def __init__(self, content: bytes) -> None:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        self._graph = model.subgraphs[0]
        self._codes = model.operatorCodes
        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        # After one run LiteRT has laid out every constant, the sparse ones too. It lacks a custom operator of the
        # segmentation's, which has no sparse tensor: there the buffers are read.
        self._interpreter = None
        if all(code.customCode is None for code in self._codes):
            reader = Interpreter(
                model_content=content, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
            )
            reader.allocate_tensors()
            reader.invoke()
            self._interpreter = reader
        self._buffers = model.buffers
        self._constant_of = {}  # of a number that a node makes from a stored one
        self._pads: dict[int, tuple[int, list[int]]] = {}
        self.tensors: dict[str, np.ndarray] = {}
        self.numbers: dict[str, list[Any]] = {}
        self.nodes: list[list[Any]] = []

    def convert(self) -> dict[str, Any]:
        """Write every node; return the description that goes with `tensors`."""
        first = self._graph.inputs[0]
        self._node("Transpose", ["input"], f"x{first}", perm=TO_CHANNELS_FIRST)
        for operator in self._graph.operators:
            self._operator(operator)
        outputs = []
        for index in self._graph.outputs:
            name = f"x{index}"
            if len(self._graph.tensors[index].shape) == 4:
                self._node("Transpose", [name], f"{name}_last", perm=TO_CHANNELS_LAST)
                name += "_last"
            outputs.append(name)
        shape = [int(n) for n in self._graph.tensors[first].shape]
        return {"shape": shape, "outputs": outputs, "numbers": self.numbers, "nodes": self.nodes}

    def _operator(self, operator: schema.OperatorT) -> None:
        code = self._codes[operator.opcodeIndex]
        kind = OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
        inputs, output, options = list(operator.inputs), int(operator.outputs[0]), operator.builtinOptions
        if kind in ("DEQUANTIZE", "DENSIFY"):
            self._constant_of[output] = self._constant_of.get(inputs[0], inputs[0])
            return
        result = f"x{output}"
        relu = getattr(options, "fusedActivationFunction", 0)
        if relu not in (0, schema.ActivationFunctionType.RELU):
            raise ValueError(f"unknown activation {relu} in {kind}")
        target = f"{result}_linear" if relu else result
        match kind:
            case "PAD":
                self._pad(inputs, output)
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                self._convolution(kind, inputs, target, options, output)
            case "MAX_POOL_2D":
                window, step = [options.filterHeight, options.filterWidth], [options.strideH, options.strideW]
                pads = self._same(inputs[0], output, window, step) if options.padding == SAME else [0] * 4
                self._node("MaxPool", [f"x{inputs[0]}"], target, kernel_shape=window, strides=step, pads=pads)
            case "PRELU":
                slope = self._values(inputs[1]).reshape(-1, 1, 1)
                self._node("PRelu", [f"x{inputs[0]}", self._tensor(inputs[1], slope)], target)
            case "RESIZE_BILINEAR":
                if not options.halfPixelCenters or options.alignCorners:
                    raise ValueError("only bilinear with pixel centres at half pixels is known")
                before, after = (self._graph.tensors[i].shape for i in (inputs[0], output))
                scales = self._number([1.0, 1.0, *(float(a / b) for a, b in zip(after[1:3], before[1:3], strict=True))])
                how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
                self._node("Resize", [f"x{inputs[0]}", "", scales], target, **how)
            case "DEPTH_TO_SPACE":
                self._node("DepthToSpace", [f"x{inputs[0]}"], target, blocksize=options.blockSize, mode="DCR")
            case "MEAN":
                if list(self._values(inputs[1])) != [1, 2] or not options.keepDims:
                    raise ValueError("only the mean of the whole picture is known")
                self._node("GlobalAveragePool", [f"x{inputs[0]}"], target)
            case "RESHAPE":
                self._node("Transpose", [f"x{inputs[0]}"], f"{result}_last", perm=TO_CHANNELS_LAST)
                shape = self._number([int(n) for n in self._graph.tensors[output].shape])
                self._node("Reshape", [f"{result}_last", shape], target)
            case "CUSTOM" if code.customCode == b"Convolution2DTransposeBias":
                weights = self._values(inputs[1]).transpose(3, 0, 1, 2)
                names = [f"x{inputs[0]}", self._tensor(inputs[1], weights), self._tensor(inputs[2])]
                # The options: padding (the window is as large as the step, so there is none), step down, across.
                _, down, across = np.frombuffer(bytes(operator.customOptions), np.int32)
                if weights.shape[2:] != (down, across):
                    raise ValueError("only a transposed convolution whose window is its step is known")
                self._node("ConvTranspose", names, target, strides=[int(down), int(across)])
            case _ if kind in PLAIN:
                self._node(PLAIN[kind], [f"x{i}" for i in inputs], target)
            case _:
                raise ValueError(f"unknown operator {kind} {code.customCode}")
        if relu:
            self._node("Relu", [target], result)

    def _pad(self, inputs: list[int], output: int) -> None:
        rows = self._values(inputs[1]).reshape(4, 2).tolist()
        (top, bottom), (left, right), (front, back) = rows[1:]
        if front or back:
            pads = self._number([0, front, top, left, 0, back, bottom, right])
            self._node("Pad", [f"x{inputs[0]}", pads], f"x{output}")
        else:
            # ONNX's convolution pads for itself.
            self._pads[output] = (inputs[0], [top, left, bottom, right])

    def _convolution(self, kind: str, inputs: list[int], target: str, options: Any, output: int) -> None:
        x, weights = inputs[0], self._values(inputs[1])
        groups = 1
        if kind == "CONV_2D":
            weights = weights.transpose(0, 3, 1, 2)
        else:
            weights, groups = weights.transpose(3, 0, 1, 2), weights.shape[3]
        if (options.dilationHFactor, options.dilationWFactor) != (1, 1):
            raise ValueError("no dilated convolution is known")
        window, step = list(weights.shape[2:]), [options.strideH, options.strideW]
        if x in self._pads:
            x, pads = self._pads[x]
            if options.padding == SAME:
                raise ValueError("a padded picture is padded again")
        else:
            pads = self._same(x, output, window, step) if options.padding == SAME else [0] * 4
        names = [f"x{x}", self._tensor(inputs[1], weights), self._tensor(inputs[2])]
        self._node("Conv", names, target, kernel_shape=window, strides=step, pads=pads, group=groups)

    def _same(self, x: int, output: int, window: list[int], step: list[int]) -> list[int]:
        before, after = (self._graph.tensors[i].shape[1:3] for i in (x, output))
        total = [max(0, int((a - 1) * s + w - b)) for a, b, w, s in zip(after, before, window, step, strict=True)]
        return [t // 2 for t in total] + [t - t // 2 for t in total]

    def _values(self, index: int) -> np.ndarray:
        index = self._constant_of.get(index, index)
        tensor = self._graph.tensors[index]
        kind = {schema.TensorType.FLOAT16: np.float16, schema.TensorType.INT32: np.int32}[tensor.type]
        if tensor.sparsity is None:
            return np.frombuffer(bytes(self._buffers[tensor.buffer].data), kind).reshape(tensor.shape)
        # A sparse tensor is read where the DENSIFY node wrote it.
        dense = next(o.outputs[0] for o in self._graph.operators if list(o.inputs) == [index] and len(o.outputs) == 1)
        return self._interpreter.get_tensor(int(dense))

    def _tensor(self, index: int, values: np.ndarray | None = None) -> str:
        name = f"w{index}"
        stored = self._values(index) if values is None else values
        if stored.dtype != np.float16:
            raise ValueError(f"tensor {index} is {stored.dtype}")
        self.tensors[name] = np.ascontiguousarray(stored)
        return name

    def _number(self, values: list[Any]) -> str:
        name = next((n for n, v in self.numbers.items() if v == values), f"n{len(self.numbers)}")
        self.numbers[name] = values
        return name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append([kind, inputs, output, attributes])


def milliseconds(run: Any, x: np.ndarray) -> float:
    """Median time of one run."""
    took = []
    for _ in range(100):
        began = time.perf_counter()
        run(x)
        took.append(time.perf_counter() - began)
    return 1e3 * float(np.median(took))


def compare(content: bytes, path: Path) -> str:
    """Refuse a network that differs from what LiteRT makes of the source; say how far and how fast both are."""
    ours = StoredGraph(path)
    reader = Interpreter(model_content=content, num_threads=1)
    reader.allocate_tensors()
    places = [d["index"] for d in reader.get_output_details()]

    def litert(x: np.ndarray) -> list[np.ndarray]:
        reader.set_tensor(reader.get_input_details()[0]["index"], x)
        reader.invoke()
        return [reader.get_tensor(i) for i in places]

    rng, worst = np.random.default_rng(0), 0.0
    for _ in range(5):
        x = rng.uniform(0, 1, ours.input_shape).astype(np.float32)
        for a, b in zip(ours.run(x), litert(x), strict=True):
            worst = max(worst, float(np.abs(a - b).max() / max(1, np.abs(b).max())))
    if not worst < TOLERANCE:
        raise SystemExit(f"{path}: differs from LiteRT by {worst:.1e}")
    return f"within {worst:.1e} of LiteRT; {milliseconds(ours.run, x):.2f} ms, LiteRT {milliseconds(litert, x):.2f} ms"


def main() -> None:
    """Convert all, and refuse what comes out other than LiteRT has it."""
    wheel, folder = map(Path, sys.argv[1:3])
    with zipfile.ZipFile(wheel) as archive:
        contents = {name: archive.read(f"mediapipe/modules/{inside}") for name, inside in NETWORKS.items()}
    for name, content in contents.items():
        converter = Converter(content)
        description = converter.convert()
        path = folder / f"{name}.safetensors"
        path.write_bytes(save(converter.tensors, {"graph": json.dumps(description, separators=(",", ":"))}))
        count = sum(t.size for t in converter.tensors.values())
        print(f"{path}: {count / 1e6:.3f} M numbers, {Counter(n[0] for n in description['nodes'])}")
        print("   ", compare(content, path))


if __name__ == "__main__":
    main()
