"""How long a step takes, by chunk length: CPU (ONNX Runtime and torch, one thread) and GPU where there is one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from models.common.audio import SAMPLE_RATE
from models.separation.runtime import BLOCK, Backend, SeparatorRuntime
from models.voiceprint.encoder import PRINT

CHUNKS = (20, 40, 200)
"""Milliseconds of sound given at once."""


@dataclass(frozen=True)
class Pace:
    """One row of the table.

    Attributes:
        backend: "onnx8", "onnx", "torch" or "cuda".
        faces: Rows a step.
        chunk: Milliseconds of sound a step.
        cpu: Milliseconds of processor time a step, median.
        wall: Milliseconds a step takes, median, and `slow` the 99th percentile.
        real_time: Processor time over sound, of the median; on a GPU wall time.
        latency: Algorithmic, milliseconds: the chunk itself and the overlap of the spectra.
    """

    backend: str
    faces: int
    chunk: int
    cpu: float
    wall: float
    slow: float
    real_time: float
    latency: float


def measure(weights: Path, backend: Backend | Literal["cuda"], faces: int, chunk: int, seconds: float = 6.0) -> Pace:
    """Time steps of one kind.

    Args:
        weights: Of the separator.
        backend: As `SeparatorRuntime` has them on the CPU, or "cuda".
        faces: Rows a step.
        chunk: Milliseconds, a multiple of 20. The network runs in blocks of 20 ms; a longer chunk is several.
        seconds: Of sound.
    """
    torch.set_num_threads(1)
    device = "cuda" if backend == "cuda" else "cpu"
    runtime = SeparatorRuntime(device, faces, "torch" if backend == "cuda" else backend, weights)
    rng, rows, blocks = np.random.default_rng(0), np.arange(faces), chunk // 20
    sound = rng.normal(0, 0.05, (faces, BLOCK)).astype(np.float32)
    lips, seen = rng.normal(0, 1, (faces, 4)).astype(np.float32), np.ones(faces, bool)
    prints = rng.normal(0, 0.6, (faces, PRINT)).astype(np.float32)
    other, number = np.roll(rows, 1) if faces > 1 else np.array([-1]), 0
    cpu, wall = [], []
    for _ in range(max(10, round(seconds * 1000 / chunk))):
        a, b = time.process_time(), time.perf_counter()
        for _ in range(blocks):
            if number % 2 == 0:
                runtime.lips(rows, lips, seen)
            runtime.step(rows, sound, other, prints)  # its result is on the CPU: the GPU is done
            number += 1
        cpu.append(1000 * (time.process_time() - a))
        wall.append(1000 * (time.perf_counter() - b))
    half = len(cpu) // 4  # the first steps make room and warm caches
    busy, took = float(np.median(cpu[half:])), float(np.median(wall[half:]))
    latency = chunk + 1000 * SeparatorRuntime.DELAY / SAMPLE_RATE
    used = took if backend == "cuda" else busy
    return Pace(backend, faces, chunk, busy, took, float(np.percentile(wall[half:], 99)), used / chunk, latency)


def table(weights: Path, faces: tuple[int, ...] = (1,), seconds: float = 6.0) -> list[Pace]:
    """Measure every backend there is, by number of faces and chunk."""
    backends: list[Backend | Literal["cuda"]] = ["onnx8", "onnx", "torch"]
    backends += ["cuda"] if torch.cuda.is_available() else []
    return [measure(weights, b, n, chunk, seconds) for b in backends for n in faces for chunk in CHUNKS]


def rows_in_time(weights: Path, most: int = 4096) -> int:
    """Find on a GPU the largest batch whose 99th percentile stays within a block of 20 ms (powers of two)."""
    held, rows = 0, 1
    while rows <= most and measure(weights, "cuda", rows, 20, 4.0).slow <= 20.0:
        held, rows = rows, 2 * rows
    return held
