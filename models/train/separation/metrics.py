"""How good a separated voice is: decibels here, PESQ and STOI by their packages, and how sure a mean is."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import solve_toeplitz
from torch import Tensor

from models.common.audio import SAMPLE_RATE

TAPS = 512
"""Length of the filter that SDR forgives, samples: what BSS Eval (Vincent et al. 2006) takes."""


def decibel(x: Tensor, y: Tensor) -> Tensor:
    """Return the energy of x (B, N) over that of y, dB: (B,)."""
    return 10 * torch.log10((x.pow(2).sum(-1) + 1e-9) / (y.pow(2).sum(-1) + 1e-9))


def si_sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Return the scale-invariant signal-to-distortion ratio, dB: (B, N) twice -> (B,)."""
    gain = (estimate * reference).sum(-1, keepdim=True) / (reference.pow(2).sum(-1, keepdim=True) + 1e-9)
    return decibel(gain * reference, estimate - gain * reference)


def sdr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Return the signal-to-distortion ratio (BSS Eval), dB: any filter of `TAPS` samples on the reference is forgiven.

    Args:
        estimate: (B, N).
        reference: (B, N).

    Returns:
        (B,).
    """
    size = estimate.shape[-1] + TAPS
    results = []
    for e, r in zip(estimate.double().numpy(), reference.double().numpy(), strict=True):
        E, R = np.fft.rfft(e, size), np.fft.rfft(r, size)
        correlation = np.fft.irfft(np.abs(R) ** 2, size)[:TAPS]
        correlation[0] = correlation[0] * (1 + 1e-9) + 1e-9
        answer = solve_toeplitz(correlation, np.fft.irfft(E * R.conj(), size)[:TAPS])
        near = np.fft.irfft(np.fft.rfft(answer, size) * R, size)
        error = np.concatenate([e, np.zeros(TAPS)]) - near
        results.append(10 * np.log10((near @ near + 1e-9) / (error @ error + 1e-9)))
    return torch.tensor(np.array(results))


def pesq_of(estimate: Tensor, reference: Tensor) -> list[float]:
    """Return wide-band PESQ (ITU-T P.862.2), 1.0 to 4.64, by the package `pesq`: (B, N) twice -> B numbers.

    NaN where PESQ finds no utterance.
    """
    from pesq import NoUtterancesError, pesq

    values = []
    for e, r in zip(estimate.numpy(), reference.numpy(), strict=True):
        try:
            values.append(float(pesq(SAMPLE_RATE, r, e, "wb")))
        except NoUtterancesError:
            values.append(float("nan"))
    return values


def stoi_of(estimate: Tensor, reference: Tensor) -> list[float]:
    """Return the short-time objective intelligibility, about 0 to 1, by `pystoi`: (B, N) twice -> B numbers."""
    from pystoi import stoi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # crops with little speech; the value it then gives is 1e-5
        return [float(stoi(r, e, SAMPLE_RATE)) for e, r in zip(estimate.numpy(), reference.numpy(), strict=True)]


def interval(values: Sequence[float], groups: Sequence[int] | None = None, draws: int = 1000) -> tuple[float, float]:
    """Bootstrap a 95 % interval of the mean.

    Args:
        values: One figure a scene; NaN is left out.
        groups: Who the wanted talker is, a number a scene: whole talkers are drawn, since scenes of one talker
            are no independent scenes. None draws scenes.
        draws: Resamplings.

    Returns:
        The 2.5 and 97.5 percentile; NaN twice where there is nothing.
    """
    x = np.asarray(values, np.float64)
    kept = np.isfinite(x)
    if not kept.any():
        return float("nan"), float("nan")
    which = np.arange(len(x)) if groups is None else np.asarray(groups)
    _, member = np.unique(which[kept], return_inverse=True)
    total, count = np.bincount(member, x[kept]), np.bincount(member)
    drawn = np.random.default_rng(0).integers(0, len(count), (draws, len(count)))
    means = total[drawn].sum(1) / count[drawn].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def word_errors(said: str, heard: str) -> tuple[int, int]:
    """Count words wrong, missing or too many, and words said; case and punctuation do not count."""
    a, b = plain_words(said), plain_words(heard)
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, two in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != two))
    return row[-1], len(a)


def plain_words(text: str) -> list[str]:
    """Return lower-case words; "Mr." is said "mister", and hyphens part words."""
    kept = "".join(c if c.isalnum() or c == "'" else " " for c in text.lower())
    return ["mister" if word == "mr" else word for word in kept.split()]
