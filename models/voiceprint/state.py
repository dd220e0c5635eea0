"""How it stands with each face's voice print, and what changed: for overlays and event files."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["unknown", "listening", "known", "dropped"]
"""unknown: nothing heard yet that this speaker alone said. listening: some of it, not enough for a print. known: the
print is in use. dropped: of no use any more; kept for pages of before, nothing is dropped now."""

Why = Literal["heard", "learned", "more", "lost"]
"""heard: first words; learned: a first print; more: the print was made anew of more speech; lost: what it was made of
turned out to be somebody else's."""

KEPT = 256
"""Changes kept for who has not asked yet."""


@dataclass(frozen=True)
class Change:
    """Something new about one face's print.

    Attributes:
        t: When, seconds.
        id: The face.
        state: How it stands now.
        why: What happened.
        confidence: Of the print, 0..1; 0 while there is none.
    """

    t: float
    id: int
    state: State
    why: Why
    confidence: float


class VoiceStates:
    """Where each present face stands. One thread writes; any may read: what they read is replaced whole."""

    def __init__(self) -> None:
        self._states: dict[int, State] = {}
        self._confidences: dict[int, float] = {}
        self._changes: deque[Change] = deque(maxlen=KEPT)

    def of(self, id: int) -> State:
        """Return the state of a face; "unknown" for one that is not there."""
        return self._states.get(id, "unknown")

    def take_changes(self) -> list[Change]:
        """Return changes since the last call, oldest first."""
        taken = []
        while self._changes:
            taken.append(self._changes.popleft())
        return taken

    def follow(self, t: float, confidences: Mapping[int, float], speaking: Mapping[int, bool]) -> None:
        """Note what became of prints.

        Args:
            t: Now, seconds.
            confidences: Of every print in use, 0..1.
            speaking: Every speaker that is there, and whether it seems to speak just now.
        """
        states = dict(self._states)
        for id in self._confidences.keys() | confidences.keys():
            before, now = self._confidences.get(id), confidences.get(id)
            if before == now:
                continue
            states[id] = "unknown" if now is None else "known"
            why: Why = "learned" if before is None else "lost" if now is None else "more"
            self._changes.append(Change(t, id, states[id], why, now or 0.0))
        for id, speaks in speaking.items():
            if speaks and states.get(id, "unknown") == "unknown":
                states[id] = "listening"
                self._changes.append(Change(t, id, "listening", "heard", 0.0))
        self._confidences = dict(confidences)
        self._states = states
