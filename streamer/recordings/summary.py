"""What is told when a recording has been gone through."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from streamer.engine.tuning import Tuning


@dataclass
class Summary:
    """What a run made.

    Attributes:
        out: The folder.
        duration: Of the recording, seconds.
        took: Seconds that the run took, without loading the models.
        learning: Seconds that the first pass took, 0 without one.
        tuning: What came of tuning the separator to these voices, None if that was not asked for; and the seconds that
            it took.
        faces: Ids of the faces, in order of appearance.
        voices: Numbers of the voices that belong to no face, from 1.
        notes: One line for everything that the recording lacks.
        files: Names of the files made.
    """

    out: Path
    duration: float = 0.0
    took: float = 0.0
    learning: float = 0.0
    tuning: Tuning | None = None
    tuning_took: float = 0.0
    faces: list[int] = field(default_factory=list)
    voices: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """How many times faster than real time."""
        return self.duration / max(self.took, 1e-9)
