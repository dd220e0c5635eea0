"""Tries out, before a recording is separated, whose lips help the separator.

On people it was not trained on lips help with some faces and mislead with others, and nobody can see which. Stretches
in which two people of this recording speak alone are added up, one of them is pulled out again with and without the
lips that belong to them, and what comes out is compared with what went in.
"""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face
from models.separation.runtime import SeparatorRuntime
from streamer.engine.lips import Lips
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK

LEAST, MOST = 1.2, 4.0
"""Seconds of a trial: those with less speech alone are not tried, and no more is used."""

CLEARLY = 0.5
"""Decibels that lips must add to be used."""

OTHERS = 2
"""Other speakers that each face is tried against, at most."""

LEVEL = 0.05
"""Root mean square to which both voices of a trial are brought."""

LAG, AHEAD = 0.04, 0.25
"""Seconds that lips are behind the sound for the separator, and that pictures are taken in before it."""


def lips_that_help(separator: SeparatorRuntime, known: Known, rows: tuple[int, int]) -> frozenset[int]:
    """Try the lips of every face whose voice is known.

    Args:
        separator: It is stepped on `rows`, which are forgotten before and after each trial.
        known: What the first pass over the recording found.
        rows: Two rows of the separator that nobody uses.

    Returns:
        Faces with whose lips the separator does better.
    """
    solo = {id: runs[0] for id, runs in known.settled.solo.items() if runs and len(runs[0][1]) >= LEAST * SAMPLE_RATE}
    helped = set()
    for id in (id for id in solo if id > 0):
        others = sorted((other for other in solo if other != id), key=lambda other: -len(solo[other][1]))[:OTHERS]
        gains = [
            _trial(separator, known, rows, id, solo[id], other, solo[other][1], True)
            - _trial(separator, known, rows, id, solo[id], other, solo[other][1], False)
            for other in others
        ]
        if gains and float(np.mean(gains)) > CLEARLY:
            helped.add(id)
    return frozenset(helped)


def _trial(
    separator: SeparatorRuntime,
    known: Known,
    rows: tuple[int, int],
    id: int,
    own: tuple[float, F32],
    other: int,
    beside: F32,
    with_lips: bool,
) -> float:
    """Return the signal-to-distortion ratio (dB) of a voice pulled out of a mixture of this recording's own sound."""
    begin, voice = own
    length = min(len(voice), len(beside), round(MOST * SAMPLE_RATE)) // (2 * BLOCK) * 2 * BLOCK
    wanted, foreign = (_levelled(x[:length]) for x in (voice, beside))
    mix = np.concatenate([wanted + foreign, np.zeros(BLOCK, np.float32)]).astype(np.float32)
    prints = np.stack([known.settled.prints[who].print for who in (id, other)])
    index = np.array(rows)
    separator.reset(index)
    track, pictures = Lips(), _pictures(known, id, begin - 1.0, begin + length / SAMPLE_RATE + AHEAD)
    out = []
    for k in range(0, len(mix), BLOCK):
        t = begin + k / SAMPLE_RATE
        while pictures and pictures[0][0] <= t + AHEAD:
            seen, face = pictures.pop(0)
            track.add(seen, face.lips, face.lips_visible)
        if k % (2 * BLOCK) == 0:
            values, visible = track.at(t + BLOCK / SAMPLE_RATE - LAG)
            lips = np.stack([values, np.zeros(4, np.float32)])
            separator.lips(index, lips, np.array([visible and with_lips, False]))
        block = mix[k : k + BLOCK]
        out.append(separator.step(index, np.stack([block, block]), index[::-1].copy(), prints)[0])
    separator.reset(index)
    heard = np.concatenate(out)[separator.DELAY : separator.DELAY + length]
    return si_sdr(heard.astype(np.float64), wanted.astype(np.float64))


def _levelled(pcm: F32) -> F32:
    return pcm * np.float32(LEVEL / max(float(np.sqrt(np.mean(np.square(pcm)))), 1e-6))


def _pictures(known: Known, id: int, begin: float, end: float) -> list[tuple[float, Face]]:
    return [
        (t, face) for t, faces in sorted(known.faces.items()) if begin <= t <= end for face in faces if face.id == id
    ]


def si_sdr(estimate: F64, reference: F64) -> float:
    """Return the scale-invariant signal-to-distortion ratio, dB (Le Roux et al. 2019, arXiv:1811.02508)."""
    estimate, reference = estimate - estimate.mean(), reference - reference.mean()
    target = (estimate @ reference) / max(float(reference @ reference), 1e-12) * reference
    noise = estimate - target
    return float(10 * np.log10((target @ target + 1e-12) / (noise @ noise + 1e-12)))
