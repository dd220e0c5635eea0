"""A second reading of a sentence that is over, by a recogniser that makes fewer errors and takes longer."""

from __future__ import annotations

from dataclasses import replace

from models.common.arrays import F32
from models.speech.stream import give_out
from models.speech.types import Line, Reading, Recogniser


def better(line: Line, second: Reading | None) -> Line:
    """Return a line with the words of its second reading; as it was where that is None or found no words."""
    return replace(line, text=second.text) if second is not None and second.text else line


class ReadAgain:
    """Finishes every sentence by a second reading and waits for it, for recordings, see `types.Finish`.

    Args:
        recogniser: Whose reading stands in the end.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    def __call__(self, line: Line, shown: bool, sound: F32) -> Line | None:
        """Return the line as it is read now, None if neither reading found words and nothing was shown."""
        return give_out(better(line, self._recogniser.read(sound)), shown, sound)
