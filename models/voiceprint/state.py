"""How it stands with each face's voice print, and what changed: for overlays and event files."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["unknown", "listening", "known", "dropped"]
"""unknown: nothing heard yet that this face alone said. listening: some of it, not enough for a print. known: the
print is in use. dropped: there was a print, but it silenced its own face; it is not used until more is heard."""

Why = Literal["heard", "lost", "learned", "more", "returned", "adopted", "replaced", "silenced", "restored"]
"""heard: first words; lost: they were too long ago; learned: a first print; more: another snippet agreed; returned:
the face came back, or the models were restarted; adopted: taken over from an absent face that sounds the same;
replaced: several snippets contradicted it; silenced: the face spoke and its own print kept its voice out; restored:
after that it was heard again and agreed."""

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

    def happened(self, t: float, id: int, why: Why, state: State, confidence: float) -> None:
        """Note what was learnt or lost, whether or not the state is another."""
        self._states = self._states | {id: state}
        self._changes.append(Change(t, id, state, why, confidence))

    def attend(self, t: float, listening: Mapping[int, bool]) -> None:
        """Bring the faces without a print up to date, and forget those that are gone.

        Args:
            t: Now, seconds.
            listening: Every present face, and whether some of its speech is waiting to be learned from.
        """
        states = {id: self.of(id) for id in listening}
        for id, some in listening.items():
            if states[id] in ("unknown", "listening") and states[id] != ("listening" if some else "unknown"):
                states[id] = "listening" if some else "unknown"
                self._changes.append(Change(t, id, states[id], "heard" if some else "lost", 0.0))
        if states != self._states:
            self._states = states
