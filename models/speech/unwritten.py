"""What of a recording was said in another language, and what was heard and is not written down."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.common.arrays import F32
from models.speech.languages import ENGLISH, LANGUAGES
from models.speech.stream import give_out
from models.speech.types import Line

LEAST_TOLD = 3.0
"""Seconds below which nothing is said of it: a cough, or a word that nobody could have read."""

LEAST_SHARE = 0.05
"""Share of all speech below which nothing is said of what was refused: residues of other voices are sentences, too."""


@dataclass
class Unwritten:
    """Seconds of sentences.

    Attributes:
        refused: Of those that no reader was sure of.
        foreign: Of those in other languages than English that were written down, by code.
        written: Of all that were written down.
        english_only: Whether nobody read who speaks other languages, and nobody said that it is English.
    """

    refused: float = 0.0
    foreign: dict[str, float] = field(default_factory=dict)
    written: float = 0.0
    english_only: bool = False

    def notes(self) -> list[str]:
        """Return what is to be told at the end."""
        ordered = sorted(self.foreign.items(), key=lambda item: -item[1])
        told = [
            f"{LANGUAGES[code]} is spoken for {seconds:.0f} s" for code, seconds in ordered if seconds >= LEAST_TOLD
        ]
        if self.refused >= max(LEAST_TOLD, LEAST_SHARE * (self.refused + self.written)):
            told.append(
                f"the language is not English (or it is not speech): {self.refused:.0f} s are not written down; "
                "pip install 'earshot[languages]' reads them"
                if self.english_only
                else f"speech that no words are believed of: {self.refused:.0f} s are not written down"
            )
        return told

    def finish(self, line: Line, shown: bool, sound: F32) -> Line | None:
        """Finish a sentence as it was read, see `types.Finish`, and count it if nothing was."""
        self.count(line)
        return give_out(line, shown, sound)

    def count(self, line: Line, language: str = ENGLISH) -> None:
        """Count a sentence that is over."""
        seconds = line.end - line.start
        if not line.text:
            self.refused += seconds
            return
        self.written += seconds
        if language != ENGLISH:
            self.foreign[language] = self.foreign.get(language, 0.0) + seconds
