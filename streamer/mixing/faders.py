"""What one listener wants to hear: a fader for each speaker, mutes, and a focus. No sound in here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Strip: TypeAlias = int | Literal["rest"]
"""A face's number, below 0 that of a voice without a face, or "rest" for everything else that a participant sends."""

MOST = 2.0
"""A fader's highest gain (6 dB)."""

MOST_FADERS = 512
"""Faders kept for one listener; a call has 8 participants with 6 faces, but ids change over the hours."""


Setting: TypeAlias = tuple[Any, ...]
"""All faders of a listener, to compare: who has the same hears the same."""


@dataclass(frozen=True, slots=True)
class Gains:
    """The gains that apply to one participant now.

    Attributes:
        rest: gain of everything else, 0..2.
        faces: gain of each face, 0..2.
        plain: gain of the unseparated sound, for when voices are not separated.
    """

    rest: float
    faces: dict[int, float]
    plain: float


class Faders:
    """One listener's faders, all at 1 to begin with.

    Attributes:
        focus: (participant, face) to hear alone; face None is the whole participant; None is everyone.
    """

    def __init__(self) -> None:
        self.focus: tuple[str, int | None] | None = None
        self._gains: dict[tuple[str, Strip], float] = {}
        self._muted: set[str] = set()
        self._setting: Setting | None = None

    @property
    def setting(self) -> Setting:
        """All of it, as one value that is equal where everything is."""
        if self._setting is None:
            self._setting = self.focus, frozenset(self._gains.items()), frozenset(self._muted)
        return self._setting

    def copy(self) -> Faders:
        """Return faders that stay as these are now."""
        faders = Faders()
        faders.focus, faders._gains, faders._muted = self.focus, dict(self._gains), set(self._muted)
        return faders

    def set_gain(self, participant: str, face: Strip, gain: float) -> None:
        """Move a fader.

        Args:
            participant: whose sound.
            face: the face's number, or "rest".
            gain: 0..2, linear.

        Raises:
            ValueError: the gain is no number in 0..2, or there are too many faders.
        """
        if not math.isfinite(gain) or not 0.0 <= gain <= MOST:
            raise ValueError(f"a gain lies in 0..{MOST:g}, not at {gain}")
        key = (participant, face)
        self._setting = None
        if gain == 1.0:
            self._gains.pop(key, None)
            return
        if key not in self._gains and len(self._gains) >= MOST_FADERS:
            raise ValueError(f"more than {MOST_FADERS} faders")
        self._gains[key] = gain

    def set_muted(self, participant: str, muted: bool) -> None:
        """Silence a participant, or no longer."""
        self._setting = None
        if muted:
            self._muted.add(participant)
        else:
            self._muted.discard(participant)

    def set_focus(self, participant: str | None, face: int | None = None) -> None:
        """Hear only this participant, or only this face of it; participant None hears everyone."""
        self._setting = None
        self.focus = None if participant is None else (participant, face)

    def join(self, participant: str, gone: int, stays: int) -> None:
        """Let what was set for one face hold for another, unless that has a setting of its own."""
        self._setting = None
        gain = self._gains.pop((participant, gone), None)
        if gain is not None:
            self._gains.setdefault((participant, stays), gain)
        if self.focus == (participant, gone):
            self.focus = (participant, stays)

    def forget(self, participant: str) -> None:
        """Drop all that was set for a participant who is gone for good."""
        self._setting = None
        self._gains = {key: gain for key, gain in self._gains.items() if key[0] != participant}
        self._muted.discard(participant)
        if self.focus is not None and self.focus[0] == participant:
            self.focus = None

    def gain(self, participant: str, face: Strip) -> float:
        """Return the gain that applies to a face or "rest" now: a mute beats the focus, the focus beats the others.

        Returns:
            0..2. A face in focus is never silent by its own fader: its gain is 1 where the fader is at 0.
        """
        if participant in self._muted:
            return 0.0
        own = self._gains.get((participant, face), 1.0)
        if self.focus is None:
            return own
        focused, focused_face = self.focus
        if focused != participant or (focused_face is not None and focused_face != face):
            return 0.0
        return own if focused_face is None or own > 0.0 else 1.0

    def gains(self, participant: str, faces: Iterable[int]) -> Gains:
        """Return all gains of a participant.

        Args:
            participant: whose.
            faces: the faces that it has now (or had when its voices were last separated).
        """
        of_faces = {face: self.gain(participant, face) for face in faces}
        rest = self.gain(participant, "rest")
        # Without separation there is one sound: it is as loud as the loudest part of it that is wanted.
        plain = max([rest, *of_faces.values()])
        if self.focus is not None and self.focus[0] == participant and self.focus[1] is not None:
            plain = max(plain, self.gain(participant, self.focus[1]))
        return Gains(rest, of_faces, plain)

    def state(self) -> dict[str, object]:
        """Return the faders as the page is told: {"gains": [...], "muted": [...], "focus": {...} or None}."""
        return {
            "gains": [
                {"participant": participant, "face": face, "gain": gain}
                for (participant, face), gain in self._gains.items()
            ],
            "muted": sorted(self._muted),
            "focus": None if self.focus is None else {"participant": self.focus[0], "face": self.focus[1]},
        }
