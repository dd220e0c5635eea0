"""Faces made from voices of people who were never heard.

python -m bench.face --data DIR --judge WHEEL --cache DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from bench.page import publish, table
from models.common.arrays import F32, F64, U8, Bools
from models.faces.looks import SURE
from models.speech2face.drawn import Unusable
from models.speech2face.network import AGES, VoiceToFace
from models.speech2face.solo import Solo
from models.train.speech2face import fit_decoder
from models.train.speech2face.data import Material, cached_faces, faces_of_lfw, material, said, seen, speech
from models.train.speech2face.drawings import drawn, found_by_detector, frechet, nearest
from models.train.speech2face.evaluate import (
    SYSTEMS,
    by_person,
    cross_validated,
    embeddings,
    from_elsewhere,
    guessed_apart,
    interval,
    kept_apart,
    of_galleries,
    permuted,
    scored,
)
from models.train.speech2face.judge import Judge
from models.train.speech2face.train import fit
from streamer.media.made_face import framed, marked

SHOWN = ("R@1", "R@5", "R@10", "two", "R@1 within", "R@5 within", "R@10 within", "two within", "distance")
HEAD = ["R@1", "R@5", "R@10", "two-way", "R@1, one gender", "R@5", "R@10", "two-way", "distance"]
LFW = 3_552
"""Pictures of LFW that are looked at, the first."""

PICTURE = Path(__file__).with_name("face.jpg")

REFUSED = 10
"""People whose recordings are tried out on what refuses two voices."""


def cell(name: str, mean: float, low: float | None = None, high: float | None = None) -> str:
    digits = 3 if name == "distance" else 1
    return f"{mean:.{digits}f}" + ("" if low is None else f" ({low:.{digits}f} to {high:.{digits}f})")


def retrieval(m: Material, apart: Bools) -> tuple[str, F32]:
    """The people apart, system by system; and the network's guesses."""
    faces, female, rows = m.first[apart], m.female[apart], []
    mean = m.faces[~apart].mean(axis=0)
    for name, guesser in SYSTEMS.items():
        guess = by_person(m, guessed_apart(m, guesser, apart))[apart]
        figures = scored(guess, faces, female, mean).figures()
        rows.append([name, *(cell(key, *interval(figures[key])) for key in SHOWN)])
    chance = permuted(guess, faces, female, mean)
    rows.insert(0, ["chance", *(cell(key, *chance[key]) for key in SHOWN)])
    return table(["system", *HEAD], rows), guess


def everybody(m: Material) -> str:
    rows, foreign, mean = [], from_elsewhere(m.people), m.faces.mean(axis=0)
    for name, guesser in SYSTEMS.items():
        guess = by_person(m, cross_validated(m, guesser))
        for size in (275, 100):
            found = of_galleries(guess, m.first, m.female, mean, size)
            rows.append([name, f"{size} drawn", *(cell(key, found[key]) for key in SHOWN)])
        other = scored(guess[foreign], m.first[foreign], m.female[foreign], mean).figures()
        means = (cell(key, float(other[key].mean())) for key in SHOWN)
        rows.append([name, f"{foreign.sum()} of other sources", *means])
    return table(["system", "faces", *HEAD], rows)


def agreement(net: VoiceToFace, m: Material, apart: Bools, judge: Judge, shown: list[U8]) -> list[list[str]]:
    """Gender and age of drawn faces and of the voice, beside those of the real faces."""
    x = net.scaled(torch.from_numpy(m.prints))
    heard = by_person(m, torch.sigmoid(net.gender(x)).detach().numpy())[apart, 0]
    middles = np.array([12.0, 24.0, 37.0, 52.0, 66.0])
    years = (by_person(m, net.age(x).softmax(-1).detach().numpy()) @ middles)[apart]
    looks = seen(shown)
    seen_as = np.array([judge.of(rgb, points) for rgb, points in zip(shown, looks.points, strict=True)])
    woman, true = m.female[apart] > 0.5, m.years[apart]
    rows = []
    for what, female, age in (("drawn face", seen_as[:, 0], seen_as[:, 1]), ("`gender` and `age`", heard, years)):
        same = 100.0 * ((female > 0.5) == woman)
        inside = [np.corrcoef(age[one], true[one])[0, 1] for one in (woman, ~woman)]
        groups = np.searchsorted(AGES, age, side="right") == np.searchsorted(AGES, true, side="right")
        rows.append([what, cell("", *interval(same)), f"{np.corrcoef(age, true)[0, 1]:.2f}"])
        rows[-1] += [f"{np.mean(inside):.2f}", f"{np.abs(age - true).mean():.1f}", f"{100 * groups.mean():.0f} %"]
    mean = np.abs(true - m.years[~apart].mean()).mean()
    most = 100 * max(woman.mean(), 1 - woman.mean())
    rows.append(["always the same", f"{most:.1f}", "0", "0", f"{mean:.1f}", ""])
    return rows


def words(m: Material, rows: F32, apart: Bools) -> str:
    """How alike guesses from other words of one voice are."""
    own: dict[int, int] = {}
    last: dict[int, int] = {}
    for place, who in enumerate(m.who):
        own.setdefault(int(who), place)
        last[int(who)] = place
    pairs = [(own[w], last[w]) for w in own if apart[w] and own[w] != last[w]]
    first, second = (rows[[pair[k] for pair in pairs]] for k in (0, 1))
    same = np.linalg.norm(first - second, axis=1)
    other = np.linalg.norm(first[:, None] - second[None], axis=2)
    nearest_own = (other.argmin(axis=1) == np.arange(len(other))).mean()
    two = other[~np.eye(len(other), dtype=bool)]
    return (
        f"Other words of one voice ({len(pairs)} people, two parts of their speech): guesses lie "
        f"{np.median(same):.2f} apart (95 % within {np.quantile(same, 0.95):.2f}), those of two people "
        f"{np.median(two):.2f}; the guess nearest to one from the other part is the own for {100 * nearest_own:.0f} %."
    )


def show(faces: list[U8], real: list[U8], female: F64) -> None:
    """Keep a picture of the first four women and men: above of the real face's embedding, below of the voice."""
    chosen = [*np.flatnonzero(female > 0.5)[:4], *np.flatnonzero(female <= 0.5)[:4]]
    above = [framed(real[i]) for i in chosen]
    rows = [np.concatenate(row, axis=1) for row in (above, [marked(faces[i]) for i in chosen])]
    small = cv2.resize(np.concatenate(rows)[..., ::-1], None, fx=1 / 3, fy=1 / 3, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(PICTURE), small, [cv2.IMWRITE_JPEG_QUALITY, 88])


def refusals(data: Path, m: Material, apart: Bools) -> str:
    """How often recordings of one voice, and of two, are refused."""
    solo, pcm = Solo(), speech(data)
    long = [p for p, one in zip(m.people, apart, strict=True) if one and p.samples >= 80_000][:REFUSED]
    own = [said(pcm, p)[:80_000] for p in long]
    own = [one * np.float32(0.05 / np.sqrt(np.mean(one**2))) for one in own]
    pairs = list(zip(own, own[1:] + own[:1], strict=True))
    kinds = {
        "one voice": own,
        "two, one after the other": [np.concatenate(pair) for pair in pairs],
        "two at once": [a + b for a, b in pairs],
    }

    def refused(sound: F32) -> bool:
        try:
            solo.speech(sound)
        except Unusable:
            return True
        return False

    counts = [f"{name} {sum(map(refused, sounds))} of {len(sounds)}" for name, sounds in kinds.items()]
    return f"Refused, of 5 s of each of {len(own)} people apart: {', '.join(counts)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--data", "--judge", "--cache"):
        parser.add_argument(name, type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    m = material(options.data, options.judge, options.cache)
    apart = kept_apart(m.people)
    tables, _ = retrieval(m, apart)
    net = fit(m, ~apart)
    rows = embeddings(net, m.prints)
    mean = net.mean_face.numpy()
    shown = by_person(m, rows)[apart]

    e, shaped, flows, ids = fit_decoder.material(options.data, options.cache)
    hidden = {p.id for p, one in zip(m.people, apart, strict=True) if one}
    learnt = np.array([id not in hidden for id in ids])
    decoder = fit_decoder.fit(e[learnt], shaped[learnt], flows[learnt])
    faces, average = drawn(decoder, shown), drawn(decoder, mean[None])
    real = drawn(decoder, m.faces[apart])
    show(faces, real, m.female[apart])
    judge = Judge(options.judge)
    agreed = agreement(net, m, apart, judge, faces)
    lfw = cached_faces(options.cache / "lfw.npz", options.data / "lfw64.zip", faces_of_lfw(options.data)[:LFW])
    known, own = m.faces[~apart], m.first[apart]
    looks = []
    for name, found in (("drawn from voices", faces), ("drawn from the real faces' embeddings", real)):
        made = seen(found).plain
        near, off = nearest(made, known), np.linalg.norm(made - own, axis=1).mean()
        share = 100 * found_by_detector([marked(picture) for picture in found])
        looks.append([name, f"{share:.1f} %", f"{frechet(made, lfw.plain):.3f}", f"{off:.3f}", *closeness(near)])
    looks.append(["real faces", "", f"{frechet(own, lfw.plain):.3f}", "0", *closeness(nearest(own, known))])
    made = seen(average).plain
    off = np.linalg.norm(made - own, axis=1).mean()
    looks.append(["the mean face, drawn", "", "", f"{off:.3f}", *closeness(nearest(made, known))])
    columns = ["pictures", "a face is found", "Fréchet distance to LFW", "to the own face"]
    text = [
        f"{apart.sum()} people kept apart, among them {from_elsewhere(m.people).sum()}, all, of other sources; "
        f"{(~apart).sum()} taught. Brackets: 95 % of bootstraps over people, for chance of 100 permutations of who has "
        "which face. Faces are ranked by their angle to the guess, seen from the mean face. In percent, but for the "
        "distance. Ties are half won: the mean face finds nobody.",
        tables,
        "Everybody, guessed by cross-validation (five parts; other sources never taught), in galleries drawn from all:",
        everybody(m),
        table(["", "gender agrees %", "age: r", "r in one gender", "years off", "group agrees"], agreed),
        table([*columns, f"a taught face within {SURE}", "nearest: median, least"], looks),
        words(m, rows, apart),
        refusals(options.data, m, apart),
    ]
    publish("face", "python -m bench.face --data DIR --judge WHEEL --cache DIR", "\n\n".join(text))


def closeness(near: F64) -> list[str]:
    return [f"{100 * (near < SURE).mean():.1f} %", f"{np.median(near):.2f}, {near.min():.2f}"]


if __name__ == "__main__":
    main()
