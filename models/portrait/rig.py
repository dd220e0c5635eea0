"""A portrait as a net of points, and where they go when its mouth, lids and head move.

Lip points go where a shape puts them. What is around them follows by radial basis functions |x - c|: for points that
are given displacements y at centres c, the field f(x) = sum_j a_j |x - c_j| with a solving f(c_i) = y_i bends little,
and is linear in y. So the whole net is one matrix times the displacements of the 40 lip points. Above the mouth and
below it there are two fields, since lips that touch in the picture go different ways.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.spatial import Delaunay

from models.common.arrays import F32, F64, I64
from models.faces.mesh import INNER_LIP, LIPS, NOSE_TIP, Mesh
from models.portrait.life import Stance
from models.portrait.topology import FOLDS, JAW, LIDS, LOWER_ROWS, OVAL, STILL, UPPER_ROWS

ROW = 11
CLOSED = (0.4, 0.6)
"""Shares of a gap between lips by which the upper one comes down and the lower one up, to close it."""

RINGS = (1.22, 1.55)
"""How far out rings around the face lie, as multiples of its edge: hair, neck and background give way there."""

WIDEST = 0.34
"""Opening beyond which no mouth goes, eye distances."""


def _column(row: int) -> tuple[list[int], list[int]]:
    """Return places in the 40 of a row's 11 points in the outer or inner contour: of the upper and the lower lip."""
    first = 0 if row == 0 else 20
    upper = [first] + [first + k for k in range(19, 10, -1)] + [first + 10]
    return upper, [first + k for k in range(ROW)]


OUTER_UPPER, OUTER_LOWER = _column(0)
INNER_UPPER, INNER_LOWER = _column(1)


class Rig:
    """The net of one portrait.

    Args:
        mesh: Of its face, pixels.
        width: Of the picture, pixels.
        height: Likewise.
        rest: (40, 2) shape of a closed mouth as the mouth's network knows it, eye distances.

    Attributes:
        points: (V, 2) where the net lies in the picture, pixels; the first 468 are the face's.
        triangles: (T, 3) of its points; the first `hole` of them lie between the lips.
        hole: How many.
        moves: (V, 40) what of each lip point's displacement every point of the net takes over.
        shut: (40, 2) displacements that close the portrait's own mouth, eye distances.
        stretch: How wide that mouth is beside the resting one.
        follow: (V,) how much each point goes with the head, 0..1.
        near: (V,) how much nearer to the camera than the face's edge it lies, pixels: what turning the head moves.
        neck: (2,) what the head turns around.
        level: (2, 2) turns eye-level vectors (as rows) into the picture's.
        unit: Eye distance, pixels.
    """

    def __init__(self, mesh: Mesh, width: int, height: int, rest: F32) -> None:
        face = mesh.points[:, :2].astype(np.float64)
        self.unit, self._rest = mesh.eye_distance, rest.astype(np.float64)
        c, s = np.cos(mesh.angle), np.sin(mesh.angle)
        self.level = np.array([[c, s], [-s, c]])
        around, depth = self._around(mesh, width, height)
        self.points: F32 = np.concatenate([face, around]).astype(np.float32)
        depths = np.concatenate([mesh.points[:, 2], depth]).astype(np.float64)
        self.near = np.maximum(0, depths[list(OVAL)].mean() - depths)
        self._frame = np.array([width, height], np.float64)
        self.follow = self._follows(face)
        self.neck = face[152] + 0.35 * (face[152] - face[10])
        self.moves = self._fields(face)
        self.shut, self.stretch = self._closing(face)
        self.triangles, self.hole = self._net()

    def _around(self, mesh: Mesh, width: int, height: int) -> tuple[F64, F64]:
        """Return points around the face, clipped to the picture, and how deep they lie."""
        edge = mesh.points[list(OVAL)]
        middle = edge[:, :2].mean(axis=0)
        rings = [middle + (edge[:, :2] - middle) * share for share in RINGS]
        x, y = np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9)
        border = [(a, b) for a in x for b in y if a in (x[0], x[-1]) or b in (y[0], y[-1])]
        inside = [p for ring in rings for p in ring[::2] if 2 < p[0] < width - 3 and 2 < p[1] < height - 3]
        found = np.array(border + [tuple(p) for p in inside])
        return found, np.full(len(found), float(edge[:, 2].mean()))

    def _follows(self, face: F64) -> F64:
        """Return how much each point goes with the head, (V,): the face wholly, the picture's edge not at all."""
        low, high = face[list(OVAL)].min(axis=0), face[list(OVAL)].max(axis=0)
        away = np.linalg.norm((self.points - (low + high) / 2) / ((high - low) / 2), axis=1)
        inner = np.clip((1.9 - away) / 0.9, 0, 1)
        edge = np.minimum(self.points, self._frame - 1 - self.points).min(axis=1)
        near = np.clip(edge / (0.12 * self._frame.min()), 0, 1)
        follow = inner * inner * (3 - 2 * inner) * near
        # A face that the picture cuts off stays at the edge there, and nothing tears.
        follow[:468] = np.maximum(follow[:468], near[:468])
        return np.asarray(follow, np.float64)

    def _fields(self, face: F64) -> F64:
        """Return (V, 40): what of each lip point's displacement every point of the net takes over."""
        steady = np.concatenate([face[list(STILL)], self.points[468:]])
        jaw = list(JAW)
        chin = np.zeros((len(jaw), 40))
        chin[:, OUTER_LOWER[ROW // 2]] = list(JAW.values())
        upper = self._field(face[list(UPPER_ROWS[0])], np.eye(40)[OUTER_UPPER], steady)
        lower_centres = np.concatenate([face[list(LOWER_ROWS[0])], face[jaw]])
        lower = self._field(lower_centres, np.concatenate([np.eye(40)[OUTER_LOWER], chin]), steady)
        below = self._below(face)[:, None]
        moves = (1 - below) * upper + below * lower
        for rows, outer, inner in (
            (UPPER_ROWS, OUTER_UPPER, INNER_UPPER),
            (LOWER_ROWS, OUTER_LOWER, INNER_LOWER),
        ):
            for share, row in zip((0, 1 / 3, 2 / 3, 1), rows, strict=True):
                moves[list(row)] = (1 - share) * np.eye(40)[outer] + share * np.eye(40)[inner]
        return moves

    def _field(self, centres: F64, values: F64, steady: F64) -> F64:
        every = np.concatenate([centres, steady])
        given = np.concatenate([values, np.zeros((len(steady), 40))])
        among = np.linalg.norm(every[:, None] - every[None], axis=2) / self.unit
        # Points of the net may lie on one another at the picture's edge: the ridge lets the system be solved.
        amounts = np.linalg.solve(among - 1e-6 * np.eye(len(every)), given)
        to = np.linalg.norm(self.points[:, None].astype(np.float64) - every[None], axis=2) / self.unit
        return np.asarray(to @ amounts, np.float64)

    def _below(self, face: F64) -> F64:
        """Return 0 for points above the mouth's line, 1 below, and between beside its corners."""
        left, right = face[LOWER_ROWS[0][0]], face[LOWER_ROWS[0][-1]]
        along = (right - left) / np.linalg.norm(right - left)
        offset = self.points - (left + right) / 2
        across = np.abs(offset @ along) / (np.linalg.norm(right - left) / 2)
        down = offset @ np.array([-along[1], along[0]]) / self.unit
        soft = 0.06 + 0.3 * np.clip(across - 0.8, 0, 1)
        t = np.clip(down / soft / 2 + 0.5, 0, 1)
        return np.asarray(t * t * (3 - 2 * t), np.float64)

    def _closing(self, face: F64) -> tuple[F64, float]:
        """Return the displacements (40, 2) that close the portrait's mouth, and how wide it is beside the rest's."""
        lips = self._lips(face)
        gap = np.maximum(0, lips[INNER_LOWER, 1] - lips[INNER_UPPER, 1])
        shut = np.zeros((40, 2))
        for places, share in ((INNER_UPPER, CLOSED[0]), (OUTER_UPPER, 0.7 * CLOSED[0])):
            shut[places, 1] += share * gap
        for places, share in ((INNER_LOWER, CLOSED[1]), (OUTER_LOWER, 0.9 * CLOSED[1])):
            shut[places, 1] -= share * gap
        wide = float(lips[10, 0] - lips[0, 0]) / float(self._rest[10, 0] - self._rest[0, 0])
        return shut, float(np.clip(wide, 0.6, 1.4))

    def _lips(self, face: F64) -> F64:
        """Return the lips (40, 2) as shapes have them."""
        return np.asarray((face[LIPS] - face[NOSE_TIP]) @ self.level.T / self.unit, np.float64)

    def _net(self) -> tuple[I64, int]:
        """Return triangles, those between the lips first; found with the mouth open, where no two points meet."""
        shape = self._rest.copy()
        profile = np.sqrt(np.maximum(0, 1 - (np.arange(ROW) / 5 - 1) ** 2))
        shape[INNER_LOWER, 1] += 0.22 * profile
        shape[OUTER_LOWER, 1] += 0.2 * profile
        # Lips of no thickness, or crossed ones, would leave gaps: rows are spread a little.
        open_mouth = self._spread(self.place(shape.astype(np.float32), Stance()).astype(np.float64))
        triangles = Delaunay(open_mouth).simplices.astype(np.int64)
        between = np.isin(triangles, INNER_LIP).all(axis=1)
        ordered = np.concatenate([triangles[between], triangles[~between]])
        return ordered, int(between.sum())

    def _spread(self, points: F64) -> F64:
        least = 0.006 * self.unit
        down = np.array([0.0, 1.0]) @ self.level
        for rows, sign in ((UPPER_ROWS, 1), (LOWER_ROWS, -1)):
            for k in range(1, ROW - 1):
                for outer, inner in pairwise(rows):
                    ahead = sign * float((points[inner[k]] - points[outer[k]]) @ down)
                    points[inner[k]] += sign * max(0.0, least - ahead) * down
        return points

    def place(self, shape: F32, stance: Stance) -> F32:
        """Return where the net's points (V, 2) are.

        Args:
            shape: (40, 2) of the mouth, as the network gives them.
            stance: Of the head.
        """
        moved = self.points + self.moves @ (self._displacements(shape) * self.unit @ self.level)
        for (upper, lower), fold in zip(LIDS, FOLDS, strict=True):
            way = stance.lids * (moved[list(lower)] - moved[list(upper)])
            moved[list(upper)] += way
            moved[list(fold)] += 0.6 * way
        c, s = np.cos(stance.turn) - 1, np.sin(stance.turn)
        turned = (moved - self.neck) @ np.array([[c, s], [-s, c]])
        shift = np.array([stance.right, stance.down]) * self.unit + turned
        shift = shift + self.near[:, None] * np.array([np.sin(stance.yaw), np.sin(stance.pitch)])
        return np.asarray(moved + self.follow[:, None] * shift, np.float32)

    def _displacements(self, shape: F32) -> F64:
        """Return how far each lip point goes from where the picture has it, (40, 2), eye distances and eye-level."""
        change = (shape - self._rest) * np.array([self.stretch, 1.0])
        # The lips of another face part where its own meet.
        parted = change[INNER_LOWER, 1] - change[INNER_UPPER, 1]
        excess = parted - np.clip(parted, 0, WIDEST)
        change[INNER_LOWER, 1] -= excess / 2
        change[INNER_UPPER, 1] += excess / 2
        return np.asarray(self.shut + change, np.float64)
