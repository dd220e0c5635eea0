"""Weights that are shipped: small, of 16 or 8 bits, each with a card that names it by its hash."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import models

FOLDER = Path(models.__file__).parent / "weights"


def test_every_file_of_weights_is_of_16_or_8_bits_and_named_in_its_card():
    files = sorted(FOLDER.glob("*.safetensors"))
    assert files
    for path in files:
        assert {value.dtype for value in load_file(path).values()} <= {torch.float16, torch.int8, torch.uint8}
        assert hashlib.sha256(path.read_bytes()).hexdigest() in path.with_suffix(".md").read_text()
    assert sum(path.stat().st_size for path in files) < 78e6


def test_networks_tell_nobody_that_they_run(tmp_path):
    code = (
        "from models.common.weights import onnx_session, packaged\n"
        "onnx_session(packaged('silero_vad', 'data', 'silero_vad_16k_op15.onnx'))"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))} | {"HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    # ONNX Runtime's reports wait in a database in the home folder, beside a number for this machine.
    assert not list(tmp_path.rglob("*onnxruntime*"))
