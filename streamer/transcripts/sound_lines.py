"""Which sounds are worth a line in the transcript: those that begin."""

from __future__ import annotations

from collections.abc import Iterable

AGAIN_AFTER = 10.0
"""Seconds without it after which a sound that comes again is new."""

LASTS = 2.0
"""Seconds that such a line stands in a transcript."""

SPEECH = "speech"
"""It has lines of its own: what was said."""


class SoundLines:
    """Turns tags, as they come once a second, into lines such as "[dog bark]"."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def step(self, t: float, tags: Iterable[tuple[str, float]]) -> str | None:
        """Take the tags of a moment.

        Args:
            t: Seconds.
            tags: Names and probabilities.

        Returns:
            A line for the sounds that are new, None if there are none.
        """
        names = [name for name, _ in tags if name != SPEECH]
        new = [name for name in names if t - self._heard.get(name, -AGAIN_AFTER) >= AGAIN_AFTER]
        self._heard |= dict.fromkeys(names, t)
        return f"[{', '.join(new)}]" if new else None
