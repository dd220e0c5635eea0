"""Fit the weights of models/active_speaker/detector.py: `python -m models.train.active_speaker.fit FOLDER…`.

A FOLDER holds conversations as `models.train.data.conversations` describes them. Faces are found and attribution runs
over each, as in a call and as in the first pass over a recording, and once more with listeners who chew or are still
pictures; what the detector would weigh then is weighed by a logistic model against who really talks. Speech and silence
count alike, however often each is. It prints the balanced accuracy by kind of conversation, of each person by weights
fitted on all others, and the weights fitted on everybody.
`--prior N` then looks for a better `Prior` in N random steps.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from models.active_speaker.networks import load_networks
from models.common.arrays import F64, Bools, Strings
from models.faces.tracker import FaceModels
from models.train.active_speaker.evidence import Evidence, evidence_of, lips_of, remembering
from models.train.active_speaker.listeners import chewing
from models.train.active_speaker.prior import search
from models.train.data.conversations import load

RIDGE = 1e-3
"""Penalty on the squares of all weights but the bias."""

CHEWING = 0.5
"""What a moment with listeners who chew counts, beside one without: there are more people who sit still."""


@dataclass(frozen=True)
class Rows:
    """Moments of many conversations.

    Attributes:
        cues: (N, 10).
        talks: (N,) whether the person talked.
        people: (N,) who.
        kinds: (N,) of conversation.
        weights: (N,) what each counts.
    """

    cues: F64
    talks: Bools
    people: Strings
    kinds: Strings
    weights: F64

    def of(self, some: Bools) -> Rows:
        """Return some of them."""
        return Rows(self.cues[some], self.talks[some], self.people[some], self.kinds[some], self.weights[some])


def rows_of(evidence: Sequence[Evidence], settled: bool) -> Rows:
    """Join what is known at each moment, or at the end."""
    return Rows(
        np.array([row for one in evidence for row in (one.settled if settled else one.live)]),
        np.array([talks for one in evidence for talks in one.talks]),
        np.array([person for one in evidence for person in one.person]),
        np.array([one.kind for one in evidence for _ in one.talks]),
        np.array([CHEWING if one.kind.endswith(", chewing") else 1.0 for one in evidence for _ in one.talks]),
    )


def fit(rows: Rows) -> F64:
    """Fit a logistic regression in which speech and silence count alike, by Newton's steps.

    Args:
        rows: the first of the cues is 1, and there is speech as well as silence.

    Returns:
        (C,) weights.
    """
    cues, talks = rows.cues, rows.talks
    speech, silence = rows.weights[talks].sum(), rows.weights[~talks].sum()
    importance = rows.weights * np.where(talks, 0.5 / speech, 0.5 / silence)
    ridge = np.full(cues.shape[1], 2 * RIDGE)
    ridge[0] = 0.0
    weights = np.zeros(cues.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(cues @ weights, -30, 30)))
        gradient = cues.T @ (importance * (p - talks)) + ridge * weights
        hessian = (cues * (importance * p * (1 - p))[:, None]).T @ cues + np.diag(ridge + 1e-9)
        step = np.linalg.solve(hessian, gradient)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def cross_validated(rows: Rows) -> Bools:
    """Judge every person by weights fitted on all others, (N,)."""
    judged = np.zeros(len(rows.talks), bool)
    for person in np.unique(rows.people):
        mine = rows.people == person
        judged[mine] = rows.cues[mine] @ fit(rows.of(~mine)) > 0
    return judged


def balanced(judged: Bools, talks: Bools) -> tuple[float, float]:
    """Return the shares of speech and of silence that were judged right."""
    return float(judged[talks].mean()), float((~judged[~talks]).mean())


def report(name: str, rows: Rows) -> str:
    """Put weights and accuracies into words."""
    judged = cross_validated(rows)
    lines = [f"{name} = ({', '.join(f'{weight:.2f}' for weight in fit(rows))})"]
    for kind in (*np.unique(rows.kinds), "all"):
        some = np.ones(len(judged), bool) if kind == "all" else rows.kinds == kind
        speech, silence = balanced(judged[some], rows.talks[some])
        lines.append(f"  {kind}: {(speech + silence) / 2:.3f} (speech {speech:.3f}, silence {silence:.3f})")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--prior", type=int, default=0, metavar="N", help="random steps of the search for a prior")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    networks, models, evidence = load_networks(), FaceModels(), []
    rng = np.random.default_rng(options.seed)
    for conversation in [one for folder in options.folders for one in load(folder)]:
        seen, ears = lips_of(conversation, models), remembering(networks)
        evidence.append(evidence_of(conversation, seen, ears))
        harder = evidence_of(*chewing(conversation, seen, rng), ears)
        evidence.append(replace(harder, kind=f"{conversation.kind}, chewing"))
        print(f"{conversation.path.name}: {len(evidence[-1].talks)} moments", flush=True)
    print(report("LIVE", rows_of(evidence, settled=False)))
    print(report("SETTLED", rows_of(evidence, settled=True)))
    if options.prior:
        for better in search(evidence, options.prior, rng):
            print(better, flush=True)


if __name__ == "__main__":
    main()
