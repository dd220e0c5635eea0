"""Annotations: what is drawn on a picture beside its faces."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streamer.observer.types import Caption, Localization

CAPTION_STAYS = 2.0
"""Seconds a caption is shown after its last word."""


@dataclass(frozen=True)
class Annotations:
    """Newest findings.

    Attributes:
        place: Where sound comes from; None before it is known.
        tags: What is heard, most probable first.
        description: What is to be seen, in words.
        captions: What each face says; None is a voice without a face.
    """

    place: Localization | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    captions: dict[int | None, Caption] = field(default_factory=dict)

    def at(self, t: float) -> Annotations:
        """Return what of it is to be drawn at `t` seconds."""
        return replace(self, captions={f: c for f, c in self.captions.items() if t <= c.end + CAPTION_STAYS})
