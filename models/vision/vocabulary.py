"""Words of captions and questions, and their numbers.

The words travel in the metadata of the weights that were trained with them, so that the two cannot part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from safetensors import safe_open

PADDING, START, END, UNKNOWN = range(4)
_SPECIAL = 4
_TOKEN = re.compile(r"'s\b|[a-z0-9]+(?:[-'][a-z0-9]+)*")
_METADATA = "words"


def tokenise(text: str) -> list[str]:
    """Split a sentence into words in lower case, without punctuation.

    >>> tokenise("A man's T-shirt, size 7 .")
    ['a', 'man', "'s", 't-shirt', 'size', '7']
    """
    words = []
    for word in _TOKEN.findall(text.lower().replace("\u2019", "'")):
        if word.endswith("'s") and word != "'s":
            words += [word[:-2], "'s"]
        else:
            words.append(word)
    return words


class Vocabulary:
    """Numbers 0 to 3 mean padding, start, end and unknown word; the words follow.

    Args:
        words: Each once, in the order of their numbers.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._number = {word: number for number, word in enumerate(self.words, _SPECIAL)}

    @classmethod
    def of(cls, texts: Iterable[str], least: int) -> Vocabulary:
        """Collect the words that occur at least `least` times, most frequent first."""
        counts = Counter(word for text in texts for word in tokenise(text))
        kept = [word for word, count in counts.items() if count >= least]
        return cls(sorted(kept, key=lambda word: (-counts[word], word)))

    @classmethod
    def stored(cls, weights: Path) -> Vocabulary:
        """Read the words in the metadata of a safetensors file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no words.
        """
        with safe_open(weights, "pt") as file:
            metadata = file.metadata() or {}
        if _METADATA not in metadata:
            raise ValueError(f"{weights} holds no words")
        return cls(metadata[_METADATA].split(" "))

    def metadata(self) -> dict[str, str]:
        """Return what `safetensors.torch.save_file` is to store beside the weights."""
        return {_METADATA: " ".join(self.words)}

    def __len__(self) -> int:
        """Return how many numbers there are, the four special ones included."""
        return _SPECIAL + len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._number

    def encode(self, text: str) -> list[int]:
        """Number a sentence's words; a compound that is not known counts as its parts ("red-haired")."""
        numbers = []
        for word in tokenise(text):
            parts = [word] if word in self._number else word.split("-")
            numbers += [self._number.get(part, UNKNOWN) for part in parts]
        return numbers

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """Return the words of numbers; special ones are left out."""
        return [self.words[number - _SPECIAL] for number in numbers if number >= _SPECIAL]


def sentence(words: Sequence[str]) -> str:
    """Join words to one line, as they are written."""
    return " ".join(words).replace(" 's", "'s")
