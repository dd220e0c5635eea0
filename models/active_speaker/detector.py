"""Probability that each speaker is talking right now, every 40 ms.

What attribution found out 0.2 to 0.6 s ago, what the lips did in the last 0.4 s, and how loud the sound is, weighed by
a logistic model: one for a call, and one for recordings, where what came after is known too. The weights come from
`python -m models.train.active_speaker.fit`, which also prints how often they are right.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models.active_speaker.attribution import Attribution
from models.active_speaker.likelihoods import Prior, lip_features, lip_ratio
from models.active_speaker.loudness import Loudness
from models.common.arrays import F32, F64

LIVE = (-0.57, 0.22, 0.18, 0.27, 0.42, 0.66, 0.01, 2.02, -0.03, -0.14)
SETTLED = (-1.06, 0.68, 0.06, 0.73, 0.69, 0.94, -0.07, 2.59, -0.19, 0.02)
"""Bias, then one weight for each further cue of `cues`."""

UNKNOWN = 0.3
"""Probability, before anything is known of a speaker, that it is the one."""

RISE, FALL = 0.6, 0.3
"""Share of the way to a higher, and to a lower probability in one update: a short pause is not the end."""


def cues(known: Attribution, id: int, lips: F32 | None, loudness: Loudness) -> F64:
    """Gather what tells whether one speaker talks.

    Args:
        known: what attribution says.
        id: of the speaker.
        lips: (K, 4) lip numbers of its pictures within 0.4 s, None while they are not to be seen.
        loudness: of the sound.

    Returns:
        (10,): 1; log-odds of being the one who speaks, where nobody else does; likelihood ratio of the lips; whether
        they are seen; level over the quietest and over the loudest moment; log-odds of speech; probability of overlap;
        and log-odds and lips' ratio where there is overlap.
    """
    likely, speech = _log_odds(known.speakers.get(id, UNKNOWN)), _log_odds(known.speech)
    features = None if lips is None else lip_features(lips)
    ratio, means = 0.0, known.lip_means.get(id)
    if features is not None and means is not None:
        ratio = float(lip_ratio(features.astype(np.float64), means.astype(np.float64), Prior()))
    above, below = np.clip(loudness.above / 10, 0.0, 3.0), np.clip(loudness.below / 10, -4.0, 0.0)
    overlap, seen = known.overlap, float(features is not None)
    alone = likely * (1 - overlap)
    return np.array([1, alone, ratio, seen, above, below, speech, overlap, likely * overlap, ratio * overlap])


def talking(cue: F64, weights: tuple[float, ...] = LIVE) -> float:
    """Weigh the cues of one moment.

    Args:
        cue: (10,), see `cues`.
        weights: `LIVE` or `SETTLED`.

    Returns:
        Probability 0..1.
    """
    return float(1 / (1 + np.exp(-np.clip(cue @ np.array(weights), -30, 30))))


def _log_odds(probability: float) -> float:
    p = float(np.clip(probability, 0.018, 0.982))
    return float(np.log(p / (1 - p)))


class SpeakingDetector:
    """Probability that each speaker talks, for one stream.

    Args:
        weights: `LIVE` or `SETTLED`.
        rise, fall: share of the way to a higher, and to a lower probability in one update.
    """

    def __init__(self, weights: tuple[float, ...] = LIVE, rise: float = RISE, fall: float = FALL) -> None:
        self._weights, self._rise, self._fall = weights, rise, fall
        self._speaking: dict[int, float] = {}

    def update(self, known: Attribution, lips: Mapping[int, F32 | None], loudness: Loudness) -> dict[int, float]:
        """Take in 40 ms.

        Args:
            known: what attribution says.
            lips: for everybody to be judged, the lip numbers (K, 4) of the last 0.4 s, None where there are none.
            loudness: of all sound.

        Returns:
            By speaker, the probability 0..1 of talking; it rises fast and falls more slowly. Who is not in `lips`
            is forgotten.
        """
        result = {}
        for id, numbers in lips.items():
            p = talking(cues(known, id, numbers, loudness), self._weights)
            before = self._speaking.get(id, 0.0)
            result[id] = before + (p - before) * (self._rise if p > before else self._fall)
        self._speaking = result
        return dict(result)
