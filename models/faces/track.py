"""One face followed through the pictures, or remembered from earlier ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.common.arrays import F32
from models.faces.detect import Box, Detection, overlap
from models.faces.looks import Looks
from models.faces.mesh import Mesh, Roi, roi_of_mesh

ONE_PLACE = 0.35
"""Overlap of two meshes' boxes from which they lie on the same face."""


@dataclass(eq=False)
class Track:
    """A face that is followed or remembered.

    Attributes:
        id: 0 until it is known who it is.
        mesh: where it was last seen.
        t: when that was, seconds.
        agreed: when the detector last saw a face there, seconds.
        began: when it was first seen, seconds.
        velocity: of the box's middle, pixels a second, float32 (2,).
        looks: what the person looks like.
        look: its newest embedding (128,), None before the first.
        looked: when that was taken, seconds.
        met: numbers of the people it was seen beside.
        hits: pictures in which it was seen.
        doubts: detector runs on this very place since `agreed` that saw none.
        crowded: when another face was last near, seconds.
        unlike: looks in a row that were not like itself.
        suspect: whether somebody else looks like it, so that it must be looked at again.
        placed: whether its last place says where it may be now: not after a cut, nor if somebody else is there.
    """

    mesh: Mesh
    t: float
    agreed: float
    began: float
    id: int = 0
    velocity: F32 = field(default_factory=lambda: np.zeros(2, np.float32))
    looks: Looks = field(default_factory=Looks)
    look: F32 | None = None
    looked: float = -1e9
    met: set[int] = field(default_factory=set)
    hits: int = 1
    doubts: int = 0
    crowded: float = -1e9
    unlike: int = 0
    suspect: bool = False
    placed: bool = True

    @property
    def middle(self) -> F32:
        """Middle of the box, pixels."""
        return middle(self.mesh.box)

    def expected(self, t: float) -> F32:
        """Return where the middle of the face should be at `t`, pixels; it is not trusted to fly for long."""
        return (self.middle + self.velocity * np.float32(min(max(t - self.t, 0.0), 0.4))).astype(np.float32)

    def roi(self, t: float) -> Roi:
        """Return where to look for the mesh at `t`."""
        last = roi_of_mesh(self.mesh)
        step = self.expected(t) - self.middle
        step *= min(1.0, 0.2 * last.side / max(float(np.hypot(*step)), 1e-6))
        return Roi(last.x + float(step[0]), last.y + float(step[1]), last.side, last.angle)

    def plausible(self, mesh: Mesh) -> bool:
        """Return whether `mesh` can be this face in the next picture."""
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
        """Return whether this is the face that the detector saw."""
        union, inside = overlap(one.box, self.mesh.box)
        return union > 0.3 or inside > 0.6

    def rescale(self, x: float, y: float) -> None:
        """Follow a change of the picture's size by these factors."""
        factors = np.array([x, y, x], np.float32)
        self.mesh = Mesh((self.mesh.points * factors).astype(np.float32), self.mesh.score)
        self.velocity = (self.velocity * factors[:2]).astype(np.float32)


def middle(box: Box) -> F32:
    """Return the middle of a box (x, y, width, height), float32 (2,)."""
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2], np.float32)


def side(box: Box) -> float:
    """Return the longer side of a box."""
    return max(box[2], box[3], 1e-3)


def same_place(a: Box, b: Box) -> bool:
    """Return whether two meshes lie on one face."""
    union, inside = overlap(a, b)
    return union > ONE_PLACE or inside > 0.7


def near(a: Box, b: Box) -> bool:
    """Return whether two faces are so close that one mesh may slip onto the other."""
    return float(np.hypot(*(middle(a) - middle(b)))) < 1.5 * max(side(a), side(b))
