"""What is told of a recording's faces at the end: too many, too small, lips that are not to be seen."""

from __future__ import annotations

from models.faces.face import LEAST_EYES
from streamer.engine.types import FaceState
from streamer.recordings.steps import WIDEST

MOST_FACES = 6
"""Faces that the engine follows at a time."""

EYES = 0.45
"""Distance of the eyes in shares of a face's width."""


class SeenFaces:
    """Remembers of each face how large it was, and whether its lips were ever seen.

    Args:
        width: Of the picture in pixels.
    """

    def __init__(self, width: int) -> None:
        self._width = min(width, WIDEST)
        self._widest: dict[int, float] = {}
        self._lips: set[int] = set()
        self._most = 0

    def add(self, faces: list[FaceState]) -> None:
        """Take in the faces of a picture."""
        self._most = max(self._most, len(faces))
        for face in faces:
            self._widest[face.id] = max(self._widest.get(face.id, 0.0), face.box[2])
            if face.lips_visible:
                self._lips.add(face.id)

    def notes(self) -> list[str]:
        """Return what is to be told."""
        notes = []
        if self._most >= MOST_FACES:
            notes.append(
                f"{self._most} faces are in view at once, and no more are followed: further ones have no voice file"
            )
        hidden = sorted(self._widest.keys() - self._lips)
        small = [id for id in hidden if self._widest[id] * self._width * EYES < LEAST_EYES]
        turned = [id for id in hidden if id not in small]
        if small:
            wide = max(self._widest[id] * self._width for id in small)
            notes.append(f"{_named(small)} too small for lips to be read (at most {wide:.0f} pixels wide)")
        if turned:
            notes.append(f"{_named(turned)} never seen with lips that can be read: known by voice alone")
        return notes


def _named(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:8])) + (" and others" if len(ids) > 8 else "")
    return f"face {shown} is" if len(ids) == 1 else f"faces {shown} are"
