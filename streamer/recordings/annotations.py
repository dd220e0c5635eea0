"""Annotations: what is drawn on a picture beside its faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamer.observer.types import Localization


@dataclass(frozen=True)
class Annotations:
    """Newest findings.

    Attributes:
        place: Where sound comes from; None before it is known.
        tags: What is heard, most probable first.
        description: What is to be seen, in words.
        captions: Lines of what each face says; None is a voice without a face.
    """

    place: Localization | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    captions: Mapping[int | None, tuple[str, ...]] = field(default_factory=dict)
