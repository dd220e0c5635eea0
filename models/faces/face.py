"""One face of one picture: what the rest of the system sees of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32
from models.faces.detect import Box
from models.faces.mesh import Mesh, aligned_lips, lip_numbers

LEAST_EYES = 12.0
"""Pixels between the eyes below which lips cannot be read."""

TURNED = (0.7, 0.6)
"""Radians of yaw and pitch beyond which lips cannot be read."""

PLAUSIBLE_LIPS = ((-3.0, 12.0), (0.5, 18.0), (4.0, 18.0), (2.0, 22.0))
"""Range of each lip number on a real face."""

MOUTH = [61, 291, 0, 17]
"""Landmarks: both corners, top and bottom of the outer lips."""


@dataclass(frozen=True)
class Face:
    """One face in one picture.

    Attributes:
        id: number of the person, from 1, the same for as long as the tracker lives.
        box: (x, y, width, height) as fractions of the picture, within it.
        score: how surely this is a face, 0..1.
        lips: float32 (4,): inner opening, outer opening, mouth width, lower lip below the nose; in eye
            distances times 12, y down, head upright.
        lips_visible: whether the lips can be trusted.
        landmarks: float32 (468, 2), fractions of the picture.
    """

    id: int
    box: Box
    score: float
    lips: F32
    lips_visible: bool
    landmarks: F32 | None = None


def face_of(id: int, mesh: Mesh, width: int, height: int) -> Face:
    """Return what `mesh` shows, in a picture of this many pixels."""
    x, y, w, h = mesh.box
    left, right = (float(np.clip(v / width, 0, 1)) for v in (x, x + w))
    top, bottom = (float(np.clip(v / height, 0, 1)) for v in (y, y + h))
    numbers = lip_numbers(aligned_lips(mesh))
    return Face(
        id=id,
        box=(left, top, right - left, bottom - top),
        score=mesh.score,
        lips=numbers,
        lips_visible=_lips_visible(mesh, numbers, width, height),
        landmarks=np.asarray(mesh.points[:, :2] / np.array([width, height], np.float32), np.float32),
    )


def frontal(mesh: Mesh) -> bool:
    """Return whether the head looks towards the camera well enough to read lips and to know the person."""
    yaw, pitch = mesh.turn
    return abs(yaw) < TURNED[0] and abs(pitch) < TURNED[1]


def _lips_visible(mesh: Mesh, numbers: F32, width: int, height: int) -> bool:
    mouth = mesh.points[MOUTH, :2]
    return bool(
        frontal(mesh)
        and mesh.eye_distance >= LEAST_EYES
        and (mouth >= 0).all()
        and (mouth < (width, height)).all()
        and all(low < value < high for value, (low, high) in zip(numbers, PLAUSIBLE_LIPS, strict=True))
    )
