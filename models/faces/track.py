"""One face followed through the pictures, and which seen face goes with which remembered one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.common.stored_graph import F32
from models.faces.detect import Box, Detection, overlap
from models.faces.mesh import Mesh, Roi, roi_of_mesh
from models.faces.signature import SAME, Gallery

ONE_PLACE = 0.35
"""Overlap of two meshes' boxes from which they lie on the same face."""

HERE_AGAIN = 0.5
"""Seconds within which a face at the same place is the same one even if it looks different (turned head)."""

ALIKE_THERE = 0.5
"""Least similarity for that."""


@dataclass(eq=False)
class Track:
    """A face that is followed or remembered.

    Attributes:
        id: 0 until it is confirmed.
        mesh: where it was last seen.
        t: when that was, seconds.
        velocity: of the box's middle, pixels a second, float32 (2,).
        gallery: what it looks like.
        fresh: what it looked like when last compared, None before.
        hits: pictures in which it was seen.
        agreed: when the detector last saw a face there, seconds.
        doubts: detector runs on this very place since then that saw none.
        crowded: when another face was last near, seconds.
        unlike: comparisons in a row in which it did not look like itself.
        stranger: it was lost because somebody else was in its place.
    """

    mesh: Mesh
    t: float
    agreed: float
    id: int = 0
    velocity: F32 = field(default_factory=lambda: np.zeros(2, np.float32))
    gallery: Gallery = field(default_factory=Gallery)
    fresh: F32 | None = None
    hits: int = 1
    doubts: int = 0
    crowded: float = -1e9
    unlike: int = 0
    stranger: bool = False

    @property
    def middle(self) -> F32:
        """Middle of the box, pixels."""
        return middle(self.mesh.box)

    def expected(self, t: float) -> F32:
        """Where the middle of the face should be at `t`, pixels; it is not trusted to fly for long."""
        return (self.middle + self.velocity * np.float32(min(max(t - self.t, 0.0), 0.4))).astype(np.float32)

    def roi(self, t: float) -> Roi:
        """Where to look for the mesh at `t`."""
        last = roi_of_mesh(self.mesh)
        step = self.expected(t) - self.middle
        step *= min(1.0, 0.2 * last.side / max(float(np.hypot(*step)), 1e-6))
        return Roi(last.x + float(step[0]), last.y + float(step[1]), last.side, last.angle)

    def plausible(self, mesh: Mesh) -> bool:
        """Whether `mesh` can be this face in the next picture."""
        size, before = side(mesh.box), side(self.mesh.box)
        jump = float(np.hypot(*(middle(mesh.box) - self.middle)))
        return bool(np.isfinite(mesh.points).all()) and 0.6 < size / before < 1.7 and jump < before

    def seen(self, mesh: Mesh, t: float) -> None:
        """Move to where the face is at `t`."""
        dt = max(t - self.t, 1e-3)
        moved = (middle(mesh.box) - self.middle) / np.float32(dt)
        self.velocity = (0.5 * self.velocity + 0.5 * moved).astype(np.float32) if dt < 0.5 else moved * 0
        self.mesh, self.t = mesh, t
        self.hits += 1

    @property
    def hidden(self) -> bool:
        """Whether it was last seen close to another face, which may be in front of it."""
        return self.t - self.crowded < 0.5

    def covers(self, one: Detection) -> bool:
        """Whether this is the face that the detector saw."""
        union, inside = overlap(one.box, self.mesh.box)
        return union > 0.3 or inside > 0.6

    def rescale(self, x: float, y: float) -> None:
        """Follow a change of the picture's size by these factors."""
        factors = np.array([x, y, x], np.float32)
        self.mesh = Mesh((self.mesh.points * factors).astype(np.float32), self.mesh.score)
        self.velocity = (self.velocity * factors[:2]).astype(np.float32)


def middle(box: Box) -> F32:
    """Middle of a box (x, y, width, height), float32 (2,)."""
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2], np.float32)


def side(box: Box) -> float:
    """Longer side of a box."""
    return max(box[2], box[3], 1e-3)


def same_place(a: Box, b: Box) -> bool:
    """Whether two meshes lie on one face."""
    union, inside = overlap(a, b)
    return union > ONE_PLACE or inside > 0.7


def near(a: Box, b: Box) -> bool:
    """Whether two faces are so close that one mesh may slip onto the other."""
    return float(np.hypot(*(middle(a) - middle(b)))) < 1.5 * max(side(a), side(b))


def match(lost: list[Track], found: list[tuple[Mesh, F32]], t: float) -> dict[int, int]:
    """Which remembered face each newly seen one is.

    Args:
        lost: remembered tracks.
        found: mesh and signature of faces that nobody follows.
        t: now, seconds.

    Returns:
        index into `found` -> index into `lost`, the best whole assignment; absent = somebody new.
    """
    if not lost or not found:
        return {}
    gain = np.zeros((len(found), len(lost)))
    for i, (mesh, look) in enumerate(found):
        for j, track in enumerate(lost):
            gain[i, j] = _agreement(track, mesh, look, t)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0}


def _agreement(track: Track, mesh: Mesh, look: F32, t: float) -> float:
    likeness = track.gallery.likeness(look) if len(track.gallery) else 0.0
    size = max(side(mesh.box), side(track.mesh.box))
    away = float(np.hypot(*(middle(mesh.box) - track.expected(t)))) / size
    growth = abs(float(np.log(side(mesh.box) / side(track.mesh.box))))
    gone = max(t - track.t, 0.0)
    # A face may be anywhere after a few seconds, so place says less and less.
    placed = float(np.exp(-0.5 * (away / (0.5 + 2 * gone)) ** 2 - 0.5 * (growth / (0.3 + gone)) ** 2))
    just_there = not track.stranger and gone < HERE_AGAIN and away < 0.5 and growth < 0.4 and likeness > ALIKE_THERE
    if likeness < SAME and not just_there:
        return 0.0
    return likeness + 0.2 * placed
