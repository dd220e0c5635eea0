"""A still portrait that talks: its mouth, jaw, eyelids and head are moved by warping the photograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.common.arrays import F32, F64, U8
from models.faces.detect import FaceDetector
from models.faces.mesh import INNER_LIP, OUTER_LIP, FaceMesher, Mesh, roi_of_detection, roi_of_mesh

UPPER_LIDS = ([33, 246, 161, 160, 159, 158, 157, 173, 133], [263, 466, 388, 387, 386, 385, 384, 398, 362])
LOWER_LIDS = ([33, 7, 163, 144, 145, 153, 154, 155, 133], [263, 249, 390, 373, 374, 380, 381, 382, 362])
CHIN = 152

THROAT = np.array([30, 10, 12], np.float32)
TONGUE = np.array([112, 48, 46], np.float32)
TEETH = np.array([214, 190, 168], np.float32)


@dataclass(frozen=True, slots=True)
class Pose:
    """How the puppet stands in one frame.

    Attributes:
        opening: Of the mouth, outer eye-corner distances, 0..0.2.
        narrow: Share by which the mouth is narrower than in the photograph, -0.1..0.2.
        lids: How far the eyelids are down, 0..1.
        shift: Of the head to the right and down, pixels.
        turn: Of the head clockwise around the neck, radians.
        scale: Of the head, 1 as photographed.
    """

    opening: float
    narrow: float
    lids: float
    shift: tuple[float, float]
    turn: float
    scale: float


def find_mesh(rgb: U8) -> Mesh:
    """Return the landmarks of the largest face in a photograph.

    Args:
        rgb: uint8 (height, width, 3).

    Raises:
        ValueError: there is no face.
    """
    found = FaceDetector().whole(rgb)
    if not found:
        raise ValueError("there is no face in the portrait")
    best = max(found, key=lambda d: d.box[2])
    mesher = FaceMesher()
    mesh = mesher.mesh(rgb, roi_of_detection(best.box, best.keypoints))
    for _ in range(2):
        mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
    return mesh


def _smooth(x: F32 | F64, low: float, high: float) -> F32:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    smooth: F32 = (t * t * (3 - 2 * t)).astype(np.float32)
    return smooth


class Puppet:
    """A portrait with one face.

    Args:
        rgb: uint8 (height, width, 3).

    Raises:
        ValueError: there is no face.
    """

    def __init__(self, rgb: U8) -> None:
        self._still = rgb
        self.mesh = find_mesh(rgb)
        self._points = self.mesh.points[:, :2]
        self._unit = float(np.hypot(*(self._points[263] - self._points[33])))
        self._mouth = _Mouth(rgb, self._points, self._unit)
        self._eyes = [
            _Eye(self._points[u], self._points[w], self._unit, rgb.shape[0])
            for u, w in zip(UPPER_LIDS, LOWER_LIDS, strict=True)
        ]
        height, width = rgb.shape[:2]
        self._y, self._x = np.mgrid[:height, :width].astype(np.float32)
        left, top, w, h = self.mesh.box
        # The hair and the hat move with the face, the shoulders a little, the edge of the picture not at all.
        across = (self._x - (left + w / 2)) / (0.95 * w)
        down = (self._y - (top + 0.4 * h)) / (1.0 * h)
        away = np.sqrt(across**2 + down**2)
        edge = np.minimum(np.minimum(self._x, width - 1 - self._x), self._y) / (0.12 * width)
        self._follows = (1 - 0.8 * _smooth(away, 0.75, 1.5)) * _smooth(edge, 0, 1)
        self._neck = (left + w / 2, top + 1.25 * h)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Where the face rests: x, y, width, height as fractions of the portrait."""
        height, width = self._still.shape[:2]
        x, y, w, h = self.mesh.box
        return x / width, y / height, w / width, h / height

    def draw(self, pose: Pose) -> U8:
        """Draw one frame.

        Returns:
            uint8, of the portrait's shape.
        """
        picture = self._still.copy()
        for eye in self._eyes:
            eye.draw(self._still, picture, pose.lids)
        self._mouth.draw(self._still, picture, pose.opening * self._unit, pose.narrow)
        # Inverse similarity around the neck, blended towards standing still away from the head.
        c, s = np.cos(-pose.turn) / pose.scale, np.sin(-pose.turn) / pose.scale
        dx, dy = self._x - self._neck[0], self._y - self._neck[1]
        to_x = self._x + self._follows * ((c - 1) * dx - s * dy - pose.shift[0])
        to_y = self._y + self._follows * (s * dx + (c - 1) * dy - pose.shift[1])
        # A pose of numpy's own numbers makes them float64, which OpenCV does not take.
        maps = to_x.astype(np.float32), to_y.astype(np.float32)
        drawn: U8 = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)
        return drawn


class _Mouth:
    """The lower lip and jaw slide down along the seam between the lips; what opens is painted."""

    def __init__(self, rgb: U8, points: F32, unit: float) -> None:
        inner = points[INNER_LIP]
        upper, lower = inner[10:][::-1], inner[:11]
        gap = float(inner[5, 1] - inner[15, 1])
        # Lips apart: the teeth stay above and the lower lip's edge is the seam.
        self._closed = gap < 0.04 * unit
        corner_left, corner_right = points[OUTER_LIP[0]], points[OUTER_LIP[10]]
        self._unit = unit
        self._middle = float(corner_left[0] + corner_right[0]) / 2
        self._half = 0.96 * float(corner_right[0] - corner_left[0]) / 2
        self._jaw = float(points[CHIN, 1] - inner[5, 1])
        height, width = rgb.shape[:2]
        self._left = max(0, round(self._middle - 1.5 * unit))
        self._right = min(width, round(self._middle + 1.5 * unit))
        self._top = max(0, round(inner[15, 1] - 0.5 * unit))
        self._bottom = min(height, round(inner[5, 1] + 2.4 * self._jaw))
        x = np.arange(self._left, self._right, dtype=np.float32)
        seam = lower if not self._closed else (lower[:10:1] + upper[:10]) / 2
        self._seam = self._fit(seam, x)
        if self._closed:
            self._seam = self._fit(self._darkest(rgb, x), x)
        self._x = x[None]
        self._y = np.arange(self._top, self._bottom, dtype=np.float32)[:, None]
        u = (self._x - self._middle) / self._half
        v = (self._y - self._seam) / self._jaw
        self._pull = (u * self._half * np.exp(-((u / 1.4) ** 2) - (v / 0.8) ** 2)).astype(np.float32)
        self._jaw_width = np.exp(-((u / 1.55) ** 2)).astype(np.float32)
        self._u = u

    def _fit(self, seam: F32 | F64, x: F32) -> F32:
        """Return a parabola through the seam's points, level beyond the corners."""
        curve = np.polyfit(seam[:, 0] - self._middle, seam[:, 1], 2)
        within = np.clip(x - self._middle, -self._half, self._half)
        fitted: F32 = np.polyval(curve, within).astype(np.float32)
        return fitted

    def _darkest(self, rgb: U8, x: F32) -> F32:
        """Return the line between closed lips, which is darker than they are; landmarks miss it by a few pixels."""
        grey = cv2.GaussianBlur(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
        reach = max(2, round(0.04 * self._unit))
        found = []
        for column, y in zip(x, self._seam, strict=True):
            if abs(column - self._middle) < 0.8 * self._half:
                start = round(float(y)) - reach
                strip = grey[start : start + 2 * reach + 1, int(column)]
                found.append((column, start + float(np.argmin(strip))))
        return np.array(found, np.float32)

    def draw(self, still: U8, picture: U8, opening: float, narrow: float) -> None:
        """Draw the mouth `opening` pixels open into `picture`."""
        u = self._u * (1 + narrow)
        profile = np.maximum(0, 1 - u**2)
        lift = 0.15 * opening
        upper, lower = self._seam - lift * profile, self._seam + opening * profile
        below = self._y - lower
        depth = below / self._jaw
        spread = _smooth(depth, 0, 0.7)
        lateral = profile * (1 - spread) + self._jaw_width * spread
        fade = (1 - 0.35 * _smooth(depth, 0, 0.8)) * (1 - _smooth(depth, 0.95, 2.0))
        above = upper - self._y
        rise = profile * np.exp(-((above / (0.22 * self._unit)) ** 2))
        source_y = np.where(below >= 0, self._y - opening * lateral * fade, self._y + lift * rise)
        source_y = np.where((below < 0) & (above < 0), self._seam, source_y).astype(np.float32)
        source_x = (self._x + narrow * self._pull).astype(np.float32)
        warped = cv2.remap(still, source_x, source_y, cv2.INTER_CUBIC).astype(np.float32)
        # Half a pixel of soft edge on both lips; nothing where the lips touch.
        inside = np.clip(-below + 0.2, 0, 1) * np.clip(-above + 0.2, 0, 1) * np.clip(lower - upper - 0.4, 0, 1)
        if inside.max() > 0:
            depth_in = np.clip(-above / np.maximum(lower - upper, 1), 0, 1)
            warped += inside[..., None] * (self._inner(depth_in, -above, u) - warped)
        area = (slice(self._top, self._bottom), slice(self._left, self._right))
        picture[area] = np.clip(warped + 0.5, 0, 255).astype(np.uint8)

    def _inner(self, share: F32 | F64, below_lip: F32 | F64, u: F32 | F64) -> F32:
        """Return the colour of the open mouth: throat, tongue low down, teeth if the photograph shows none."""
        dim = np.clip(1.05 - u**2, 0.25, 1)[..., None]
        tongue = (0.85 * _smooth(share, 0.35, 1.0))[..., None] * dim
        colour = THROAT * (1 - tongue) + TONGUE * tongue
        if self._closed:
            deep = 0.03 * self._unit * np.clip(1.1 - u**2, 0, 1)
            edge = np.clip(deep - below_lip, 0, 2) / 2
            teeth = (0.85 * edge * _smooth(share, 0.0, 0.12) * np.clip(1.15 - 1.9 * u**2, 0, 1))[..., None]
            colour = colour * (1 - teeth) + TEETH * (0.4 + 0.4 * dim) * teeth
        inner: F32 = colour.astype(np.float32)
        return inner


class _Eye:
    """The skin above an eye is drawn down over it."""

    def __init__(self, upper: F32, lower: F32, unit: float, height: int) -> None:
        left, right = float(upper[:, 0].min()), float(upper[:, 0].max())
        x = np.arange(int(left), int(right) + 1, dtype=np.float32)
        self._skin = 0.05 * unit
        top = np.polyval(np.polyfit(upper[:, 0], upper[:, 1], 2), x)
        bottom = np.polyval(np.polyfit(lower[:, 0], lower[:, 1], 2), x)
        self._top = top[None].astype(np.float32)
        self._drop = np.maximum(bottom - top, 0)[None].astype(np.float32)
        y0 = max(0, int(top.min() - self._skin) - 1)
        y1 = min(height, int(bottom.max()) + 2)
        self._x = np.broadcast_to(x[None], (y1 - y0, len(x))).astype(np.float32)
        self._y = np.arange(y0, y1, dtype=np.float32)[:, None]
        self._area = (slice(y0, y1), slice(int(left), int(right) + 1))

    def draw(self, still: U8, picture: U8, closed: float) -> None:
        """Draw the lid `closed` (0..1) of the way down into `picture`."""
        if closed <= 0:
            return
        start = self._top - self._skin
        drop = closed * self._drop
        stretched = start + (self._y - start) * (self._skin / (self._skin + drop))
        covered = (self._y >= start) & (self._y <= self._top + drop)
        source = np.where(covered, stretched, self._y).astype(np.float32)
        picture[self._area] = cv2.remap(still, self._x, source, cv2.INTER_LINEAR)
