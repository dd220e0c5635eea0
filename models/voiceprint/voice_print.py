"""A voice print: how one person sounds, the mean of what several snippets of their speech gave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32

SIZE = 256
"""Numbers in a print."""

LENGTH = 8.0
"""Euclidean length of every print: its numbers are about as large as the separator's other inputs."""

SNIPPETS = 5
"""Snippets that a print is the mean of: 10 s of a face's speech."""


@dataclass(frozen=True)
class Enrolment:
    """What is known of one face's voice. Never changed, only replaced.

    Attributes:
        print: float32 (256,), length 8.
        snippets: prints of single snippets, newest last, each of length 8.
        seconds: of speech heard in all.
        agreement: mean cosine of the snippets with the print, -1..1.
        updated: when the last snippet came, seconds.
    """

    print: F32
    snippets: tuple[F32, ...]
    seconds: float
    agreement: float
    updated: float

    @property
    def confidence(self) -> float:
        """0..1: half of it is there after 3 s of speech, and disagreement takes away."""
        return float(self.seconds / (self.seconds + 3.0) * np.clip(self.agreement, 0.0, 1.0))


def enrolled(snippets: tuple[F32, ...], seconds: float, t: float) -> Enrolment:
    """Return what the last snippets together say.

    Args:
        snippets: Prints of them, oldest first; only the last `SNIPPETS` count.
        seconds: Of speech heard in all.
        t: Time of the last one, seconds.
    """
    snippets = snippets[-SNIPPETS:]
    mean = scaled(np.stack(snippets).mean(axis=0, dtype=np.float64).astype(np.float32))
    chosen = snippets[-1] if mean is None else mean
    agreement = float(np.mean([cosine(snippet, chosen) for snippet in snippets]))
    return Enrolment(chosen, snippets, seconds, agreement, t)


def scaled(x: F32) -> F32 | None:
    """Return `x` at length 8, None when it has no direction."""
    length = float(np.linalg.norm(x))
    if not np.isfinite(length) or length < 1e-6:
        return None
    return (x * np.float32(LENGTH / length)).astype(np.float32)


def cosine(a: F32, b: F32) -> float:
    """Return how alike two prints are, -1..1."""
    return float(a @ b) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9)
