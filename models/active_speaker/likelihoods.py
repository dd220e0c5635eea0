"""What one chunk of sound and picture says for and against one speaker: priors and likelihood ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32, F64

LEAST_PICTURES = 3
"""Pictures in 0.4 s from which lips tell anything: a busy machine looks at seven a second."""

STILL = (-3.75, -2.6)
"""Lip features below which, both, a picture does not move: a change of 0.004 and a spread of 0.02. Nobody speaks so."""

LEAST_RISE = 0.25
"""By how much each lip feature rises with speech at least."""

OWN, OTHER = (0.60, 0.11), (0.07, 0.16)
"""Mean and standard deviation of the cosine of 1.4 s of a voice with more of the same voice, and of another.

Measured with CAM++ on conversations of eight strangers.
"""


@dataclass(frozen=True)
class Prior:
    """What is believed before anything is seen. Fitted on composed conversations of strangers.

    Attributes:
        silent: mean and spread over people of each lip feature while silent.
        rise: of what speaking adds to it.
        noise: standard deviation of each feature within a person.
        lips: weight of the lips' likelihood ratio a chunk: neighbouring chunks are alike.
        voice: of the voice's.
        stay: probability that the next chunk has the same speaker.
        unseen: log-odds a chunk of a face that is not in the picture, against one that is.
        off_camera: of a voice that belongs to no face.
        stranger: of a voice that was never heard before.
    """

    silent: tuple[tuple[float, float], ...] = ((-3.06, 0.36), (-1.22, 0.95))
    rise: tuple[tuple[float, float], ...] = ((0.12, 0.46), (0.68, 0.7))
    noise: tuple[float, ...] = (0.32, 0.3)
    lips: float = 0.32
    voice: float = 0.36
    stay: float = 0.94
    unseen: float = -0.9
    off_camera: float = -0.45
    stranger: float = -0.97


def lip_features(lips: F32) -> F32 | None:
    """How much a mouth moved within 0.4 s.

    Args:
        lips: (K, 4) lip numbers of its pictures in order, as `models.faces.face.Face.lips`.

    Returns:
        (2,) log of the mean change a picture, and log of the spread of the opening; None for too few pictures.
    """
    if len(lips) < LEAST_PICTURES:
        return None
    # A jump of a whole eye distance between pictures is the mesh catching a face, not speech.
    change = np.minimum(np.abs(np.diff(lips, axis=0)).mean(axis=1), 2.0).mean()
    spread = (lips[:, 0] + lips[:, 1]).std()
    return np.array([np.log(change + 0.02), np.log(spread + 0.05)], np.float32)


def lip_ratio(features: F64, means: F64, prior: Prior) -> F64:
    """Log-likelihood ratio of speaking against silence.

    Args:
        features: (..., 2), `lip_features`.
        means: (2, 2), `SpeakerInference.lip_means`.
        prior: for the noise.

    Returns:
        (...), -8..8.
    """
    silent, rise = means[:, 0], means[:, 1]
    # Lips that move even more than usual do not speak even more.
    value = np.clip(features, silent - 0.5, silent + rise + 0.5)
    ratio: F64 = np.clip((value - silent - rise / 2) * rise / np.square(prior.noise), -4, 4).sum(axis=-1)
    still = (features < np.array(STILL)).all(axis=-1)
    found: F64 = np.where(still, -8.0, ratio)
    return found


def likelihood_ratio(cosine: F64) -> F64:
    """Log-likelihood ratio of "the same voice" from cosines, -8..8.

    Nearer than usual is no less the same, and farther than usual no less another.
    """
    own = -0.5 * ((np.minimum(cosine, OWN[0]) - OWN[0]) / OWN[1]) ** 2 - np.log(OWN[1])
    other = -0.5 * ((np.maximum(cosine, OTHER[0]) - OTHER[0]) / OTHER[1]) ** 2 - np.log(OTHER[1])
    ratio: F64 = np.clip(own - other, -8, 8)
    return ratio


def smoothed(scores: F64, stay: float) -> F64:
    """Posterior of a hidden Markov model whose states change seldom, by the forward-backward algorithm.

    Args:
        scores: (N, K) log-likelihoods.
        stay: probability of the same state in the next step; all others share the rest.

    Returns:
        (N, K), rows sum to 1.
    """
    count, states = scores.shape
    if states == 1:
        return np.ones((count, 1))
    likely = np.exp(np.clip(scores - scores.max(axis=1, keepdims=True), -30, 0))
    other = (1 - stay) / (states - 1)
    forward, backward = np.empty((count, states)), np.ones((count, states))
    before = np.full(states, 1 / states)
    for i in range(count):
        # All rows of the transition matrix are alike but for the diagonal: no product of matrices is needed.
        before = (before * (stay - other) + other) * likely[i] if i else before * likely[i]
        before /= before.sum()
        forward[i] = before
    for i in range(count - 2, -1, -1):
        after = likely[i + 1] * backward[i + 1]
        after = after * (stay - other) + other * after.sum()
        backward[i] = after / after.sum()
    both = forward * backward
    posterior: F64 = both / both.sum(axis=1, keepdims=True)
    return posterior
