"""Make weights of `models.train.separation.prototype.Prototype` (fp16) from those of the separation prototype, to compare with.

Usage: python scripts/convert_prototype.py PROTOTYPE.safetensors OUT.safetensors
"""

import re
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from models.train.separation.prototype import Prototype

DEPTH = 7
BLOCK = {"n1": "norm_in", "a": "widen", "w": "taps", "wb": "taps_bias", "n2": "norm_out", "o": "narrow"}
PLACES = {
    "inp": "input",
    "lip": "lips.input",
    "enc": "voice.input",
    "att": "voice.attention",
    "eo": "voice.output",
    "gru": "recurrent",
    "on": "norm",
    "o1": "out_hidden",
    "o2": "out",
}


def new_name(name: str) -> str:
    """Name in `Prototype` of a tensor of the prototype."""
    if m := re.fullmatch(r"st\.(\d)\.(\d)\.(\w+)(.*)", name):
        return f"blocks.{int(m[1]) * DEPTH + int(m[2])}.{BLOCK[m[3]]}{m[4]}"
    if m := re.fullmatch(r"(lipb|encb)\.(\d)\.(\w+)(.*)", name):
        return f"{'lips' if m[1] == 'lipb' else 'voice'}.blocks.{m[2]}.{BLOCK[m[3]]}{m[4]}"
    if m := re.fullmatch(r"(fu|fg)\.(.*)", name):
        return f"{'lips_in' if m[1] == 'fu' else 'voice_in'}.{m[2]}"
    head, rest = name.split(".", 1)
    return f"{PLACES[head]}.{rest}"


def main() -> None:
    """Convert, and refuse if anything is missing or left over."""
    source, target = map(Path, sys.argv[1:3])
    weights = {new_name(k): v.half().contiguous() for k, v in load_file(source).items()}
    Prototype().load_state_dict({k: v.float() for k, v in weights.items()})
    save_file(weights, target)
    print(f"{target}: {len(weights)} tensors, {sum(v.numel() for v in weights.values()) / 1e6:.1f} M numbers")


if __name__ == "__main__":
    main()
