"""Counting words: right ones, wrong ones, and those of somebody else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from bench.captions_scenes import Word
from models.speech.types import Line


def words(text: str) -> list[str]:
    """Lower case, without punctuation, as the reference writes them."""
    plain = text.lower().replace("mr.", "mister").replace("-", " ")
    return re.sub(r"[^a-z' ]", " ", plain).split()


def align(reference: list[str], found: list[str]) -> tuple[int, list[tuple[int, int]]]:
    """Least number of wrong, missing and surplus words, and the pairs that agree."""
    n, m = len(reference), len(found)
    cost = np.zeros((n + 1, m + 1), int)
    cost[:, 0], cost[0] = range(n + 1), range(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            swap = cost[i - 1, j - 1] + (reference[i - 1] != found[j - 1])
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, swap)
    pairs, i, j = [], n, m
    while i and j:
        same = reference[i - 1] == found[j - 1]
        if cost[i, j] == cost[i - 1, j - 1] + (not same):
            if same:
                pairs.append((i - 1, j - 1))
            i, j = i - 1, j - 1
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return int(cost[n, m]), pairs[::-1]


def common(a: list[str], b: list[str]) -> int:
    """Length of the longest sequence of words in both."""
    best = np.zeros((len(a) + 1, len(b) + 1), int)
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            best[i, j] = best[i - 1, j - 1] + 1 if x == y else max(best[i - 1, j], best[i, j - 1])
    return int(best[-1, -1])


@dataclass
class Tally:
    """What was counted over some scenes."""

    errors: int = 0
    spoken: int = 0
    right: int = 0
    foreign: int = 0

    def add(self, own: tuple[Word, ...], other: tuple[Word, ...], lines: list[Line]) -> None:
        """One voice: final lines against what this person said and what the other one did."""
        found = [word for line in lines if line.final for word in words(line.text)]
        errors, pairs = align([w.text for w in own], found)
        matched = {j for _, j in pairs}
        left = [word for j, word in enumerate(found) if j not in matched]
        self.errors += errors
        self.spoken += len(own)
        self.right += len(pairs)
        self.foreign += common(left, [w.text for w in other])

    @property
    def word_error_rate(self) -> float:
        return self.errors / max(self.spoken, 1)

    @property
    def under_the_right_face(self) -> float:
        return self.right / max(self.right + self.foreign, 1)


@dataclass
class Delays:
    """Seconds after something was said, by the time the lines were given out.

    Attributes:
        covered: From the end of a word to the first line that reaches as far.
        word: From the end of a word to the first line that has it right.
        line: From the end of the last word to the final line.
        shown: Words in unfinished lines.
        kept: Those of them that stood in the finished one.
    """

    covered: list[float] = field(default_factory=list)
    word: list[float] = field(default_factory=list)
    line: list[float] = field(default_factory=list)
    shown: int = 0
    kept: int = 0

    def add(self, own: tuple[Word, ...], shown: list[tuple[float, Line]]) -> None:
        """One voice: lines with the times at which they were given out."""
        finals = [(t, line) for t, line in shown if line.final]
        found = [(line.id, word) for _, line in finals for word in words(line.text)]
        _, pairs = align([w.text for w in own], [word for _, word in found])
        for at, final in finals:
            mine = [i for i, j in pairs if found[j][0] == final.id]
            if not mine:
                continue
            said = own[mine[0] : mine[-1] + 1]
            # Its last word may have been misread: any that this person said before the line's end counts.
            self.line.append(at - max(w.end for w in own if w.start < max(final.end, said[-1].end)))
            mine_shown = [(t, line) for t, line in shown if line.id == final.id]
            for w in said:
                self.covered += [t - w.end for t, line in mine_shown if line.end >= w.end - 0.1][:1]
            waiting = {i - mine[0] for i in mine}
            whole = words(final.text)
            for t, line in mine_shown:
                _, hits = align([w.text for w in said], words(line.text))
                for i, _ in hits:
                    if i in waiting:
                        waiting.discard(i)
                        self.word.append(t - said[i].end)
                if not line.final:
                    self.shown += len(words(line.text))
                    self.kept += len(align(whole, words(line.text))[1])
