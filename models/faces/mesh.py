"""The 468-point face mesh on a rotated crop, and the lip numbers the separator reads from it."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.common.stored_graph import StoredGraph
from models.common.weights import FOLDER

INPUT = 192
ROI_SCALE = 1.5
"""The crop's side over the longer side of the box: room for the chin and for movement."""

OUTER_LIP = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
INNER_LIP = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
LIPS = np.array(OUTER_LIP + INNER_LIP)
EYES = np.array([[33, 133], [263, 362]])
"""Outer and inner corner of the eye on the picture's left, then the other."""

NOSE_TIP = 1
CHIN = 152
LIP_GAIN = 12.0
"""Lip numbers are eye distances times this: so the separator was trained."""


@dataclass(frozen=True)
class Roi:
    """A rotated square in the picture, pixels and radians (clockwise on the screen)."""

    x: float
    y: float
    side: float
    angle: float


@dataclass(frozen=True)
class Mesh:
    """A face's landmarks.

    Attributes:
        points: float32 (468, 3): x and y in pixels of the picture, z towards the picture in the same unit.
        score: how surely there is a face in the crop, 0..1.
    """

    points: F32
    score: float

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Upright bounding box (x, y, width, height) in pixels."""
        low, high = self.points[:, :2].min(axis=0), self.points[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])

    @cached_property
    def eyes(self) -> F32:
        """Middle of each eye, float32 (2, 3): the one on the picture's left first."""
        middles: F32 = self.points[EYES].mean(axis=1)
        return middles

    @property
    def eye_distance(self) -> float:
        """Between the middles of the eyes, pixels."""
        a, b = self.eyes[:, :2]
        return float(np.hypot(*(b - a)))

    @property
    def angle(self) -> float:
        """Of the eye line, radians, clockwise on the screen."""
        a, b = self.eyes[:, :2]
        return float(np.arctan2(b[1] - a[1], b[0] - a[0]))

    @property
    def turn(self) -> tuple[float, float]:
        """Yaw and pitch of the head in radians, 0 when it looks at the camera."""
        left, right = self.eyes
        across = right - left
        down = self.points[CHIN] - (left + right) / 2
        yaw = np.arctan2(across[2], np.hypot(across[0], across[1]))
        pitch = np.arctan2(down[2], np.hypot(down[0], down[1]))
        return float(yaw), float(pitch)


def roi_of_detection(box: tuple[float, float, float, float], keypoints: F32) -> Roi:
    """Return where to look for the mesh of a detected face.

    Args:
        box: (x, y, width, height), pixels.
        keypoints: (6, 2), the two eyes first, pixels.
    """
    eyes = keypoints[1] - keypoints[0]
    x, y, w, h = box
    return Roi(x + w / 2, y + h / 2, ROI_SCALE * max(w, h), float(np.arctan2(eyes[1], eyes[0])))


def roi_of_mesh(mesh: Mesh) -> Roi:
    """Return where to look for the same face in the next frame."""
    angle = mesh.angle
    c, s = np.cos(angle), np.sin(angle)
    level = mesh.points[:, :2] @ np.array([[c, -s], [s, c]], np.float32)
    low, high = level.min(axis=0), level.max(axis=0)
    u, v = (low + high) / 2
    return Roi(float(c * u - s * v), float(s * u + c * v), ROI_SCALE * float((high - low).max()), angle)


def aligned_lips(mesh: Mesh) -> F32:
    """Return the lip contours free of the head's place, roll and size.

    Returns:
        float32 (40, 2), outer contour then inner: nose tip as origin, eye line level, eye distance 1, y down.
    """
    c, s = np.cos(mesh.angle), np.sin(mesh.angle)
    around_nose = mesh.points[LIPS, :2] - mesh.points[NOSE_TIP, :2]
    level = around_nose @ np.array([[c, -s], [s, c]], np.float32)
    return (level / max(mesh.eye_distance, 1e-6)).astype(np.float32)


def lip_numbers(contours: F32) -> F32:
    """Return the four numbers the separator sees.

    Args:
        contours: (40, 2) of `aligned_lips`.

    Returns:
        float32 (4,): inner opening, outer opening, mouth width, lower lip below the nose; eye distances x 12.
    """
    outer, inner = contours[:20], contours[20:]
    return LIP_GAIN * np.array(
        [inner[5, 1] - inner[15, 1], outer[5, 1] - outer[15, 1], outer[10, 0] - outer[0, 0], outer[5, 1]],
        np.float32,
    )


class FaceMesher:
    """MediaPipe's face mesh.

    Raises:
        FileNotFoundError: the weights are not there.

    Source: Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
    """

    def __init__(self) -> None:
        self._model = StoredGraph(FOLDER / "face_mesh.safetensors")

    def mesh(self, rgb: U8, roi: Roi) -> Mesh:
        """Find the landmarks of the face in a crop.

        Args:
            rgb: uint8 (H, W, 3).
            roi: the crop; parts outside of the picture are filled with its edge.
        """
        scale = roi.side / INPUT
        c, s = np.cos(roi.angle) * scale, np.sin(roi.angle) * scale
        middle = INPUT / 2
        to_picture = np.array([[c, -s, roi.x - middle * (c - s)], [s, c, roi.y - middle * (s + c)]], dtype=np.float64)
        # Pixel centres lie at half pixels: without the shift the landmarks drift with the crop's scale.
        centred = to_picture.copy()
        centred[:, 2] += to_picture[:, :2] @ (0.5, 0.5) - 0.5
        crop = cv2.warpAffine(
            rgb,
            centred,
            (INPUT, INPUT),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        landmarks, flag = self._model.run((crop.astype(np.float32) / 255)[None])
        points = landmarks.reshape(468, 3)
        out = np.empty((468, 3), np.float32)
        out[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
        out[:, 2] = points[:, 2] * scale
        logit = float(np.clip(flag.reshape(-1)[0], -50, 50))
        return Mesh(out, float(1 / (1 + np.exp(-logit))))
