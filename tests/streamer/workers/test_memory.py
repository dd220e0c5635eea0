"""A long sentence takes memory while it is read, and not from then on."""

import subprocess
import sys

import pytest

READ = """
import numpy as np
from models.speech.moonshine import Moonshine
from streamer.workers.memory import give_back_large
assert give_back_large()
def resident():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
reader = Moonshine()
noise = np.random.default_rng(1).normal(0, 0.05, 20 * 16_000).astype(np.float32)
for _ in range(3):
    reader.read(noise[: 2 * 16_000])
before = resident()
reader.read(noise)
reader.read(noise[: 2 * 16_000])
print(resident() - before)
"""

MOST = 40.0
"""MB; ONNX Runtime by itself keeps 78 of such a sentence."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and speaks to glibc")
def test_what_a_long_sentence_took_is_given_back():
    said = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, timeout=240, check=True)
    assert float(said.stdout) < MOST


FREE = """
from streamer.workers.memory import give_back
def resident():
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmRSS"))
parts = [bytearray(64 * 1024) for _ in range(1600)]
between = parts[::16]
del parts
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, and speaks to glibc")
def test_what_is_free_between_what_stays_is_given_back():
    said = subprocess.run([sys.executable, "-c", FREE], capture_output=True, text=True, timeout=60, check=True)
    assert 80 < float(said.stdout) < 100, "of 94 MB"
