"""What a face does beside speaking, so that it lives: it sways, nods with the phrase, and blinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32

BLINK = (0.45, 0.9, 0.85, 0.5, 0.2)
"""How far the lids are down at steps of 40 ms."""

PAUSES = (1.6, 5.0)
"""Seconds between blinks, least and most."""

WAVES = (0.11, 0.23, 0.37)
"""Cycles a second of the sway; in none of them does a head come back at the same time."""

SWAY = {"right": 0.028, "down": 0.016, "turn": 0.016, "yaw": 0.05, "pitch": 0.03}
"""Of each wave, eye distances and radians."""


@dataclass(frozen=True, slots=True)
class Stance:
    """How the head stands at one moment.

    Attributes:
        right, down: Its shift, eye distances.
        turn: Around the neck, radians clockwise on the screen.
        yaw, pitch: Around its own axes, radians: to the picture's right, and down.
        lids: How far they are down, 0..1.
    """

    right: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    lids: float = 0.0


def stances(openings: F32, rate: int, seed: int) -> list[Stance]:
    """Return a stance for every moment.

    Args:
        openings: (T,) of the mouth, eye distances: who speaks with effort nods.
        rate: Moments a second.
        seed: The same one gives the same movements.
    """
    random = np.random.default_rng(seed)
    t = np.arange(len(openings)) / rate
    ramp = np.minimum(1, t / 0.8)
    moves = {}
    for name, size in SWAY.items():
        phases = random.uniform(0, 2 * np.pi, len(WAVES))
        speeds = np.array(WAVES) * random.uniform(0.85, 1.15, len(WAVES))
        moves[name] = ramp * size * np.sin(2 * np.pi * speeds[:, None] * t + phases[:, None]).mean(axis=0)
    size = max(3, round(0.9 * rate) // 2 * 2 + 1)
    kernel = np.hanning(size + 2)[1:-1]
    effort = np.convolve(np.pad(openings, size // 2, mode="edge"), kernel / kernel.sum(), "valid")
    moves["pitch"] += 0.35 * effort
    moves["down"] += 0.25 * effort
    lids = np.zeros(len(t))
    at = random.uniform(*PAUSES)
    while len(t) and at < t[-1]:
        steps = (t - at) * 25
        lids = np.maximum(lids, np.interp(steps, np.arange(-1, len(BLINK) + 1), (0, *BLINK, 0)))
        at += random.uniform(*PAUSES)
    rows = np.stack([*(moves[name] for name in SWAY), lids], axis=1)
    return [Stance(*map(float, row)) for row in rows]
