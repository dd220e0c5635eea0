"""Weights that are shipped: small, of 16 or 8 bits, each with a card that names it by its hash."""

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file

import models

FOLDER = Path(models.__file__).parent / "weights"


def test_every_file_of_weights_is_of_16_or_8_bits_and_named_in_its_card():
    files = sorted(FOLDER.glob("*.safetensors"))
    assert files
    for path in files:
        assert {value.dtype for value in load_file(path).values()} <= {torch.float16, torch.uint8}
        assert hashlib.sha256(path.read_bytes()).hexdigest() in path.with_suffix(".md").read_text()
    assert sum(path.stat().st_size for path in files) < 75e6
