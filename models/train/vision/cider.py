"""How well a sentence agrees with several written by people: CIDEr-D and BLEU-4, quick enough to train on.

Sentences are numbers of words here. The end counts as a word, or sentences learn to stop after "in a". Source:
Vedantam et al., "CIDEr", CVPR 2015 (arXiv:1411.5726), section 4 and its variant D; Papineni et al., "BLEU", ACL 2002,
for one sentence, with one added to matches and counts above single words (Lin and Och, COLING 2004).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Gram = tuple[int, ...]
Sentence = Sequence[int]
ORDERS = 4
_SPREAD = 6.0
"""Words of difference in length that CIDEr-D forgives."""


def grams(sentence: Sentence) -> list[Counter[Gram]]:
    """Count a sentence's runs of 1, 2, 3 and 4 words."""
    return [Counter(tuple(sentence[i : i + n]) for i in range(len(sentence) - n + 1)) for n in range(1, ORDERS + 1)]


@dataclass(frozen=True)
class _Weighed:
    """A sentence's runs of n words for n = 1 … 4, each weighed by how few pictures' captions have it."""

    length: int
    vectors: list[dict[Gram, float]]
    sizes: list[float]


class References:
    """The captions of all pictures.

    Args:
        captions: For each picture its captions, each with its end.
    """

    def __init__(self, captions: Sequence[Sequence[Sentence]]) -> None:
        counted = [[grams(one) for one in of_picture] for of_picture in captions]
        self._pictures: Counter[Gram] = Counter()
        for of_picture in counted:
            self._pictures.update({gram for one in of_picture for order in one for gram in order})
        self._threes = {gram for of_picture in counted for one in of_picture for gram in one[2]}
        self._log_count = math.log(len(captions))
        self._weighed = [
            [self._weigh(len(sentence), one) for sentence, one in zip(sentences, of_picture, strict=True)]
            for sentences, of_picture in zip(captions, counted, strict=True)
        ]
        self._most: list[list[Counter[Gram]]] = []
        for of_picture in counted:
            most: list[Counter[Gram]] = [Counter() for _ in range(ORDERS)]
            for one in of_picture:
                for order, more in zip(most, one, strict=True):
                    order |= more
            self._most.append(most)

    def _weigh(self, length: int, counts: list[Counter[Gram]]) -> _Weighed:
        vectors = [
            {gram: n * (self._log_count - math.log(max(1, self._pictures[gram]))) for gram, n in order.items()}
            for order in counts
        ]
        return _Weighed(length, vectors, [math.hypot(*vector.values()) for vector in vectors])

    def cider(self, picture: int, sentence: Sentence) -> float:
        """Return CIDEr-D of a sentence about a picture, 0 to 10."""
        mine = self._weigh(len(sentence), grams(sentence))
        total = 0.0
        for truth in self._weighed[picture]:
            near = math.exp(-((mine.length - truth.length) ** 2) / (2 * _SPREAD**2))
            for a, b, size_a, size_b in zip(mine.vectors, truth.vectors, mine.sizes, truth.sizes, strict=True):
                if size_a and size_b:
                    common = sum(min(value, b[gram]) * b[gram] for gram, value in a.items() if gram in b)
                    total += near * common / (size_a * size_b)
        return 10 * total / (ORDERS * len(self._weighed[picture]))

    def bleu(self, picture: int, sentence: Sentence) -> float:
        """Return BLEU-4 of a sentence about a picture, 0 to 1."""
        logs = 0.0
        for n, (mine, most) in enumerate(zip(grams(sentence), self._most[picture], strict=True)):
            right = sum(min(count, most[gram]) for gram, count in mine.items())
            more = 1 if n else 0
            whole = sum(mine.values())
            if right + more == 0:
                return 0.0
            logs += math.log((right + more) / (whole + more)) / ORDERS
        lengths = [truth.length for truth in self._weighed[picture]]
        closest = min(lengths, key=lambda length: (abs(length - len(sentence)), length))
        return math.exp(logs + min(0.0, 1 - closest / len(sentence)))

    def odd(self, sentence: Sentence) -> int:
        """Count a sentence's runs of three words that stand in nobody's caption of any picture ("a red", end)."""
        return sum(gram not in self._threes for gram in grams(sentence)[2].elements())
