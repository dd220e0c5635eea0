"""Make models/weights/voice.safetensors (fp16) from the speaker encoder that the PyPI package Resemblyzer carries.

Usage: pip download --no-deps resemblyzer==0.1.4
       python scripts/convert_voice_encoder.py Resemblyzer-0.1.4-py3-none-any.whl OUT.safetensors
"""

import io
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file

from models.voiceprint.encoder import VoiceEncoder

INSIDE = "resemblyzer/pretrained.pt"
TRAINING_ONLY = ("similarity_weight", "similarity_bias")


def main() -> None:
    """Convert, and refuse if anything is missing or left over."""
    wheel, target = map(Path, sys.argv[1:3])
    with zipfile.ZipFile(wheel) as archive:
        stored = torch.load(io.BytesIO(archive.read(INSIDE)), map_location="cpu", weights_only=True)
    weights = {k: v for k, v in stored["model_state"].items() if k not in TRAINING_ONLY}
    VoiceEncoder().load_state_dict(weights)
    save_file({k: v.half().contiguous() for k, v in weights.items()}, target)
    print(f"{target}: {len(weights)} tensors, {sum(v.numel() for v in weights.values()) / 1e6:.2f} M numbers")


if __name__ == "__main__":
    main()
