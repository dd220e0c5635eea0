"""How well faces guessed from voices fit people who were never heard nor seen.

Kept apart are everybody whose recording is not from the source that most come from, and a draw of the others: 275
together. The recipe was chosen among the rest. For closer figures everybody is also guessed once by a network that
was taught without a fifth of the people and without the other sources.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models.common.arrays import F32, F64, I64, Bools
from models.faces.embedding import SIZE
from models.speech2face.network import VoiceToFace
from models.train.speech2face.data import HOME, Material, Person
from models.train.speech2face.fit_decoder import ridge
from models.train.speech2face.train import Recipe, fit
from models.voiceprint import campplus

APART = 275
"""People kept apart."""

PARTS = 5
"""Of the others, in cross-validation."""

DRAWS = 1000
"""Of the bootstrap over people, and of permutations."""

RANKS = (1, 5, 10)


def from_elsewhere(people: Sequence[Person]) -> Bools:
    """Who comes from other sources than most."""
    return np.array([not person.source.startswith(HOME) for person in people])


def kept_apart(people: Sequence[Person]) -> Bools:
    """Who is kept apart: other sources whole, and others by lot, always the same."""
    foreign = from_elsewhere(people)
    lot = np.argsort([hashlib.sha256(person.id.encode()).hexdigest() for person in people])
    home = lot[~foreign[lot]][: APART - int(foreign.sum())]
    apart = foreign.copy()
    apart[home] = True
    return apart


def parts(people: Sequence[Person]) -> list[Bools]:
    """Who is guessed together in cross-validation: a fifth of the most common source each, and all others."""
    foreign = from_elsewhere(people)
    order = np.flatnonzero(~foreign)[np.random.default_rng(0).permutation(int((~foreign).sum()))]
    return [foreign, *(np.isin(np.arange(len(people)), order[k::PARTS]) for k in range(PARTS))]


Guesser = Callable[[Material, Bools], Callable[[F32], F32]]
"""From material and who may be heard: from prints (K, P) to embeddings (K, 128)."""


def mean_face(material: Material, train: Bools) -> Callable[[F32], F32]:
    """Guess the mean face for every voice."""
    mean = material.faces[train].mean(axis=0)
    return lambda prints: np.broadcast_to(mean, (len(prints), SIZE)).astype(np.float32)


def plain_ridge(columns: int | None, strength: float = 1.5) -> Guesser:
    """Ridge regression on the first columns of prints, a row a person."""

    def guesser(material: Material, train: Bools) -> Callable[[F32], F32]:
        x = by_person(material, material.prints)[train, :columns].astype(np.float64)
        middle = x.mean(axis=0)
        weights, mean = ridge(x - middle, material.faces[train].astype(np.float64), strength)
        return lambda prints: ((prints[:, :columns] - middle) @ weights + mean).astype(np.float32)

    return guesser


def network(recipe: Recipe | None = None) -> Guesser:
    """Guess with the network, taught anew."""

    def guesser(material: Material, train: Bools) -> Callable[[F32], F32]:
        net = fit(material, train, recipe)
        return lambda prints: embeddings(net, prints)

    return guesser


SYSTEMS: dict[str, Guesser] = {
    "mean face": mean_face,
    "ridge on CAM++": plain_ridge(campplus.SIZE),
    "ridge on both": plain_ridge(None),
    "network": network(),
}


@torch.no_grad()
def embeddings(net: VoiceToFace, prints: F32) -> F32:
    """Guess of a network for each stretch: (K, P) -> (K, 128)."""
    return np.asarray(net(net.scaled(torch.from_numpy(prints))).numpy(), np.float32)


def by_person(material: Material, rows: F32) -> F32:
    """Average what stands for stretches (K, …) over each person's: (N, …)."""
    total = np.zeros((len(material.people), rows.shape[1]))
    np.add.at(total, material.who, rows)
    return (total / np.bincount(material.who)[:, None]).astype(np.float32)


def guessed_apart(material: Material, guesser: Guesser, apart: Bools) -> F32:
    """Guess all stretches by what was taught without some people; of use are those of the people apart."""
    return guesser(material, ~apart)(material.prints)


def cross_validated(material: Material, guesser: Guesser) -> F32:
    """Guess every stretch by what was taught without its speaker, and without the other sources: (K, 128).

    Mean faces are made the same for all parts: one without a part lies just opposite to that part's own faces.
    """
    groups = parts(material.people)
    found, mean = np.zeros((len(material.prints), SIZE), np.float32), material.faces.mean(axis=0)
    for group in groups:
        rows, train = group[material.who], ~(group | groups[0])
        found[rows] = guesser(material, train)(material.prints[rows]) - material.faces[train].mean(axis=0) + mean
    return found


@dataclass(frozen=True)
class Scores:
    """Of N people, a number each.

    Attributes:
        rank: (N,) how many of the others' faces are more like the guess than the own.
        rank_within: (N,) the same among faces of the own gender.
        two: (N,) share of the others' faces that are less like it than the own.
        two_within: (N,) the same within the own gender.
        apart: (N,) distance of guess and own face.
    """

    rank: F64
    rank_within: F64
    two: F64
    two_within: F64
    apart: F64

    def figures(self) -> dict[str, F64]:
        """Name the numbers a person, in percent where that makes sense."""
        recall = {f"R@{k}": 100.0 * (self.rank < k) for k in RANKS}
        within = {f"R@{k} within": 100.0 * (self.rank_within < k) for k in RANKS}
        return recall | within | {"two": 100 * self.two, "two within": 100 * self.two_within, "distance": self.apart}


def scored(guess: F32, faces: F32, female: F64, mean: F32) -> Scores:
    """Compare guesses (N, 128) with all faces (N, 128), by the angle seen from the mean face; ties are half won."""
    away, there = (x - mean for x in (guess, faces))
    away, there = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in (away, there))
    d = -(away @ there.T).astype(np.float64)
    own = np.diag(d)[:, None]
    nearer = (d < own) + 0.5 * ((d == own) & ~np.eye(len(d), dtype=bool))
    same = (female[:, None] > 0.5) == (female[None] > 0.5)
    within = same.sum(axis=1)
    rank, rank_within = nearer.sum(axis=1), (nearer * same).sum(axis=1)
    apart = np.linalg.norm(guess - faces, axis=1).astype(np.float64)
    return Scores(rank, rank_within, 1 - rank / (len(d) - 1), 1 - rank_within / (within - 1), apart)


def interval(values: F64) -> tuple[float, float, float]:
    """Mean, and where 95 % of means of people drawn anew lie."""
    random = np.random.default_rng(0)
    means = values[random.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def permuted(guess: F32, faces: F32, female: F64, mean: F32, draws: int = 100) -> dict[str, tuple[float, float, float]]:
    """What the figures are when voices are given others' faces at random: mean, and where 95 % lie."""
    random, found = np.random.default_rng(0), []
    for _ in range(draws):
        order: I64 = random.permutation(len(faces))
        values = scored(guess, faces[order], female[order], mean).figures()
        found.append({name: float(value.mean()) for name, value in values.items()})
    spread = {name: np.array([one[name] for one in found]) for name in found[0]}
    return {
        name: (float(v.mean()), float(np.quantile(v, 0.025)), float(np.quantile(v, 0.975)))
        for name, v in spread.items()
    }


def of_galleries(guess: F32, faces: F32, female: F64, mean: F32, size: int, draws: int = 40) -> dict[str, float]:
    """The figures among `size` people drawn from all, averaged over draws."""
    random, found = np.random.default_rng(0), []
    for _ in range(draws):
        some = random.permutation(len(guess))[:size]
        values = scored(guess[some], faces[some], female[some], mean).figures()
        found.append([float(value.mean()) for value in values.values()])
    return dict(zip(values, np.mean(found, axis=0).tolist(), strict=True))
