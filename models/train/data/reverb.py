"""Reverberation: a bank of impulse responses, simulated once, from which training draws.

`python -m models.train.data.reverb --out reverb.npz` simulates box-shaped rooms with pyroomacoustics (image sources), 4
talkers around one microphone each. 240 rooms are 12 MB and take a quarter of a minute.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F32, Array
from models.common.audio import SAMPLE_RATE

TALKERS = 4
LENGTH = 6400
"""Samples of a response: 0.4 s."""

BEFORE = 16
"""Samples kept before the direct sound."""

ORDER = 24
"""Most reflections of one path; later ones are beyond LENGTH in all but the smallest rooms."""


def simulate(rng: np.random.Generator) -> F32:
    """Simulate a room: talkers 0.3 to 3 m from a microphone, reverberation time 0.15 to 0.7 s.

    Returns:
        (TALKERS, LENGTH), the direct sound `BEFORE` samples in, each of energy 1.
    """
    import pyroomacoustics

    size = rng.uniform((2.5, 2.5, 2.3), (8, 6, 3.5))
    while True:
        try:
            absorption, order = pyroomacoustics.inverse_sabine(rng.uniform(0.15, 0.7), size)
            break
        except ValueError:  # this room cannot be that dead
            continue
    walls = pyroomacoustics.Material(absorption)
    room = pyroomacoustics.ShoeBox(size, fs=SAMPLE_RATE, materials=walls, max_order=min(order, ORDER))
    microphone = rng.uniform(0.5, size - 0.5)
    room.add_microphone(microphone)
    while len(room.sources) < TALKERS:
        away = rng.standard_normal(3) * (1, 1, 0.3)
        place = microphone + away / np.linalg.norm(away) * rng.uniform(0.3, 3.0)
        if np.all((place > 0.2) & (place < size - 0.2)):
            room.add_source(place)
    room.compute_rir()
    out = np.zeros((TALKERS, LENGTH), np.float32)
    for i in range(TALKERS):
        response = np.asarray(room.rir[0][i], np.float32)
        first = int(np.flatnonzero(np.abs(response) > 0.3 * np.abs(response).max())[0])
        part = response[max(first - BEFORE, 0) :][:LENGTH]
        out[i, : len(part)] = part / np.sqrt((part**2).sum())
    return out


def make_bank(rooms: int, seed: int) -> F32:
    """Simulate: (rooms, TALKERS, LENGTH)."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyroomacoustics warns of its own internals
        return np.stack([simulate(rng) for _ in range(rooms)])


class Reverb:
    """Impulse responses on the device.

    Args:
        responses: (rooms, TALKERS, LENGTH).
        device: Where they are kept.
    """

    def __init__(self, responses: Array, device: torch.device) -> None:
        self.responses = torch.from_numpy(np.asarray(responses, np.float32)).to(device)

    def places(self, rows: int, count: int) -> Tensor:
        """Draw one room for each row, `count` different places in it: (rows, count, LENGTH)."""
        device = self.responses.device
        room = torch.randint(0, len(self.responses), (rows, 1), device=device)
        place = torch.rand(rows, TALKERS, device=device).argsort(1)[:, :count]
        return self.responses[room, place]


def load_bank(path: Path, device: torch.device) -> Reverb:
    """Read a bank that `main` wrote."""
    return Reverb(np.load(path)["responses"], device)


def convolve(sound: Tensor, response: Tensor) -> Tensor:
    """Convolve sound (B, N) with responses of places (B, M) -> (B, N)."""
    size = sound.shape[1] + response.shape[1]
    wet = torch.fft.irfft(torch.fft.rfft(sound, size) * torch.fft.rfft(response, size), size)
    return torch.as_tensor(wet[:, : sound.shape[1]])


def main() -> None:
    """Write a bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rooms", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    np.savez(options.out, responses=make_bank(options.rooms, options.seed).astype(np.float16))


if __name__ == "__main__":
    main()
