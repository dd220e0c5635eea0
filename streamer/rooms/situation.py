"""What a call knows of one participant, in words: how many people, who talks, what is heard.

All of it was found by what is made to find it, so it comes before what the captioner believes to see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from streamer.engine.types import FaceState, SpeakerState

TALKING = 0.5
"""Probability from which a speaker counts as talking."""

SURE = 0.7
"""Probability from which it is said that they do: `python -m bench.descriptions` counts what is wrong of it."""

PAUSE = 2.0
"""Seconds for which somebody who paused still counts as talking."""

TOGETHER = 0.2
"""Seconds between which two have talked at once."""

STALE = 3.0
"""Seconds after which what was heard, or seen, is over unless it is told again."""

SETTLED = 1.0
"""Seconds for which there have to be as many faces before it is said that there are."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

SENTENCES = {
    "applause": "people clap",
    "bird": "a bird sings",
    "car horn": "a car honks",
    "cat": "a cat meows",
    "children playing": "children play",
    "clock ticking": "a clock ticks",
    "cough": "somebody coughs",
    "cow": "a cow moos",
    "crow": "a crow caws",
    "crowd": "a crowd is heard",
    "crying": "somebody cries",
    "dog bark": "a dog barks",
    "doorbell": "a doorbell rings",
    "duck": "a duck quacks",
    "knocking": "somebody knocks",
    "laughter": "somebody laughs",
    "music": "music plays",
    "rain": "it rains",
    "shouting": "somebody shouts",
    "singing": "somebody sings",
    "siren": "a siren is heard",
    "sneeze": "somebody sneezes",
    "snoring": "somebody snores",
    "telephone": "a telephone rings",
    "typing": "somebody types",
    "whistling": "somebody whistles",
}
"""Of sounds that are more than "… is heard"."""

_UNCOUNTED = frozenset(
    ["thunder", "wind", "running water", "splashing", "hammering", "sawing", "drilling", "clinking glass"]
)

_UNTOLD = frozenset(["speech"])
"""Who talks is told better."""

MOST_SOUNDS = 2


class Situation:
    """What is known of one participant now.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._count: int | None = None
        self._settled: int | None = None
        self._since = float("-inf")
        self._faces: list[int] = []
        self._looked = self._heard = float("-inf")
        self._talked: dict[int, float] = {}
        self._sounds: list[str] = []

    def look(self, faces: Sequence[FaceState], others: Sequence[SpeakerState]) -> None:
        """Take in who is to be seen, and who talks."""
        now = self._looked = self._clock()
        self._faces = [face.id for face in faces]
        if self._count != len(faces):
            self._settled = self._settled_count(now)
            self._count, self._since = len(faces), now
        talking = [face.id for face in faces if face.speaking > SURE]
        talking += [other.id for other in others if other.speaking > SURE]
        self._talked |= dict.fromkeys(talking, now)
        self._talked = {who: at for who, at in self._talked.items() if now - at < PAUSE}

    @property
    def heads(self) -> bool:
        """Whether there are faces to be seen, or it is too early to say that there are none."""
        return self._clock() - self._looked < STALE and self.count != 0

    @property
    def count(self) -> int | None:
        """How many faces there are to be seen; None if that is not known."""
        now = self._clock()
        return self._settled_count(now) if now - self._looked < STALE else None

    @property
    def talking(self) -> list[int] | None:
        """Who talks, or did until a moment ago, several only if they do at once; None if that is not known."""
        now = self._clock()
        return self._talking(now) if now - self._looked < STALE else None

    def hear(self, names: Sequence[str]) -> None:
        """Take in what sounds, most probable first."""
        self._heard, self._sounds = self._clock(), [name for name in names if name not in _UNTOLD]

    def text(self, name_of: Callable[[int | None], str | None], screen: bool = False, talk: bool = True) -> str:
        """Say it.

        Args:
            name_of: gives the name of a face or a voice, None where it has none; for None that of the participant.
            screen: whether the picture is a shared screen.
            talk: whether to say who talks.

        Returns:
            Lower case but for names, no full stop; empty where nothing is known.
        """
        now = self._clock()
        parts = ["a shared screen"] if screen else self._people(name_of, now, talk)
        if now - self._heard < STALE:
            parts.append(_and([SENTENCES.get(name) or _heard(name) for name in self._sounds[:MOST_SOUNDS]]))
        return "; ".join(part for part in parts if part)

    def _people(self, name_of: Callable[[int | None], str | None], now: float, talk: bool) -> list[str]:
        talking = self._talking(now) if talk else []
        unseen = [name_of(who) or "somebody who is not to be seen" for who in talking if who < 0]
        parts = []
        if (count := self.count) is not None:
            seen = [who for who in talking if who in self._faces]
            parts.append(", ".join(part for part in (people(count), self._who(seen, count, name_of)) if part))
        if unseen:
            parts.append(_talks(list(dict.fromkeys(unseen))))
        return parts

    def _talking(self, now: float) -> list[int]:
        """Return who talks, or did last; several only if they do at once."""
        latest = max(self._talked.values(), default=now)
        return [who for who, at in self._talked.items() if now - at < PAUSE and at > latest - TOGETHER]

    def _settled_count(self, now: float) -> int | None:
        """Return how many faces there are, once that is settled; before, how many there were."""
        return self._count if now - self._since >= SETTLED else self._settled

    def _who(self, seen: list[int], count: int, name_of: Callable[[int | None], str | None]) -> str:
        if not seen:
            return ""
        if count == 1:
            return _talks([name_of(seen[0]) or name_of(None) or ""])
        names = [name for who in seen if (name := name_of(who)) is not None]
        if len(names) == len(seen):
            return _talks(names)
        if len(seen) >= count:
            return "both are talking" if count == 2 else "all of them are talking"
        return "one of them is talking" if len(seen) == 1 else f"{_number(len(seen))} of them are talking"


def people(count: int) -> str:
    """Say how many people are to be seen."""
    if count == 0:
        return "no face to be seen"
    return "one person" if count == 1 else f"{_number(count)} people"


def _heard(name: str) -> str:
    if name.endswith("s"):
        return f"{name} are heard"
    article = "" if name in _UNCOUNTED else "an " if name[0] in "aeiou" else "a "
    return f"{article}{name} is heard"


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def _talks(names: list[str]) -> str:
    return f"{_and(names)} {'is' if len(names) == 1 else 'are'} talking"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
