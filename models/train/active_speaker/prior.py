"""Look for a better `Prior` by random steps: attribution runs over the same chunks with each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from models.active_speaker.attribution import EMBED_EVERY, HALF_SPAN
from models.active_speaker.chunk import CHUNK, Chunk
from models.active_speaker.inference import SpeakerInference
from models.active_speaker.likelihoods import Prior
from models.common.arrays import Bools
from models.common.audio import SAMPLE_RATE
from models.train.active_speaker.evidence import Evidence
from models.train.data.conversations import FRAME

ENOUGH = 0.95
"""Share of a conversation from which being still better counts no more: it is the bad ones that matter."""

GOOD = 0.9
"""Share from which a conversation counts as understood."""

CHANGED = 2
"""Fields changed in one step."""


@dataclass(frozen=True)
class Better:
    """A prior and how good it is.

    Attributes:
        score: 0..1, see `score_of`.
        prior: what is believed.
    """

    score: float
    prior: Prior


def search(evidence: Sequence[Evidence], steps: int, rng: np.random.Generator) -> Iterator[Better]:
    """Yield the prior as it is, and then each that is better than the last.

    Args:
        evidence: of conversations.
        steps: to try.
        rng: source of chance.
    """
    best = Better(score_of(evidence, Prior()), Prior())
    yield best
    for _ in range(steps):
        prior = _changed(best.prior, rng)
        score = score_of(evidence, prior)
        if score > best.score:
            best = Better(score, prior)
            yield best


def score_of(evidence: Sequence[Evidence], prior: Prior) -> float:
    """Return how well it is told who speaks, 0..1: half of it how surely, half in how many conversations well."""
    shares = np.array([right(one.chunks, one.truth, prior) for one in evidence])
    return float(0.5 * np.minimum(shares, ENOUGH).mean() + 0.5 * (shares > GOOD).mean())


def right(chunks: Sequence[Chunk], truth: Bools, prior: Prior) -> float:
    """Return the mean probability given to who really speaks, where one person does.

    Args:
        chunks: heard and seen, faces by person from 1.
        truth: who talks in each 40 ms, (P, T).
        prior: what is believed at first.

    Returns:
        0..1: the mean of what is said a voice's delay after the moment, and at the end.
    """
    inference, early, final = SpeakerInference(prior, len(chunks) + 1, EMBED_EVERY), {}, {}
    late = HALF_SPAN - 1
    for number, chunk in enumerate(chunks):
        inference.add(replace(chunk, voice=None))
        if number >= late:
            inference.chunk(number - late).voice = chunks[number - late].voice
        inference.infer()
        if number >= late:
            early[number - late] = inference.posterior(number - late)
    for number in range(len(chunks)):
        final[number] = inference.posterior(number)
        early.setdefault(number, final[number])
    middles = ((np.arange(len(chunks)) + 0.5) * CHUNK * SAMPLE_RATE / FRAME).astype(int)
    told = [
        i for i in range(len(chunks)) if chunks[i].tells and truth[:, min(middles[i], truth.shape[1] - 1)].sum() == 1
    ]
    faces = {id for chunk in chunks for id in chunk.lips}
    given = []
    for i in told:
        speaks = int(truth[:, min(middles[i], truth.shape[1] - 1)].argmax()) + 1
        for posterior in (early[i], final[i]):
            # Who was never seen is known as a voice without a face.
            mine = [p for id, p in posterior.items() if (id == speaks if speaks in faces else id < 0)]
            given.append(sum(mine))
    return float(np.mean(given)) if given else 0.0


def _changed(prior: Prior, rng: np.random.Generator) -> Prior:
    """Change some fields at random: probabilities and log-odds by adding, spreads and weights by a factor."""
    changes: dict[str, Any] = {}
    for name in rng.choice([one.name for one in fields(Prior)], CHANGED, replace=False):
        value = getattr(prior, name)
        if name in ("silent", "rise"):
            changed: Any = tuple((m + rng.normal(0, 0.2), s * np.exp(rng.normal(0, 0.3))) for m, s in value)
        elif name == "noise":
            changed = tuple(spread * float(np.exp(rng.normal(0, 0.25))) for spread in value)
        elif name == "stay":
            changed = float(np.clip(value + rng.normal(0, 0.03), 0.7, 0.99))
        else:
            changed = value + rng.normal(0, 0.4) if value < 0 else value * float(np.exp(rng.normal(0, 0.3)))
        changes[str(name)] = changed
    return replace(prior, **changes)
