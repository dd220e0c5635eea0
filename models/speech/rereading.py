"""A second reading of a sentence that is over, by a recogniser that makes fewer errors and takes longer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from models.common.arrays import F32
from models.speech.languages import ENGLISH
from models.speech.stream import give_out
from models.speech.types import Line, Polyglot, Reading
from models.speech.unwritten import Unwritten


def better(line: Line, second: Reading | None) -> Line:
    """Return a line with the words of its second reading; as it was where that is None or found no words."""
    return replace(line, text=second.text) if second is not None and second.text else line


class ReadAgain:
    """Finishes every sentence of a voice by a second reading and waits for it, for recordings, see `types.Finish`.

    Args:
        recogniser: Whose reading stands in the end.
        language: Chooses that of a sentence, given the probability of each and its length in seconds.
        unwritten: Counts what is not written down, and in which languages the rest is.
    """

    def __init__(
        self, recogniser: Polyglot, language: Callable[[Mapping[str, float], float], str], unwritten: Unwritten
    ) -> None:
        self._recogniser, self._language, self._unwritten = recogniser, language, unwritten

    def __call__(self, line: Line, shown: bool, sound: F32) -> Line | None:
        """Return the line as it is read now, None if there are no words to be believed and nothing was shown."""
        language = ENGLISH

        def choose(probabilities: Mapping[str, float]) -> str:
            nonlocal language
            language = self._language(probabilities, line.end - line.start)
            return language

        second = self._recogniser.read_as(sound, choose)
        # The first reader makes English of everything.
        line = better(line, second) if language == ENGLISH else replace(line, text=second.text)
        self._unwritten.count(line, language)
        return give_out(line, shown, sound)
