"""Whether landmarks are those of a face, and whether its lips can be seen."""

import numpy as np

from models.face_mesh import LIPS, Mesh, aligned_lips

LEAST_EYE_DISTANCE = 12.0  # pixels; below, the lips move by less than the landmarks tremble
MOST_YAW = np.deg2rad(50)
MOST_PITCH = np.deg2rad(45)


def plausible(mesh: Mesh, size: tuple[int, int]) -> bool:
    """Whether a mesh can be a face of the picture at all.

    Args:
        mesh: landmarks.
        size: of the picture, (width, height) pixels.
    """
    if not np.isfinite(mesh.points).all() or mesh.eye_distance < 3:
        return False
    x, y, w, h = mesh.box
    inside_w = min(x + w, size[0]) - max(x, 0)
    inside_h = min(y + h, size[1]) - max(y, 0)
    mostly_inside = inside_w > 0 and inside_h > 0 and inside_w * inside_h > 0.4 * w * h
    return mostly_inside and 0.2 < mesh.eye_distance / max(h, w) * 2 < 1.6


def lips_are_visible(mesh: Mesh, others: list[Mesh], size: tuple[int, int]) -> bool:
    """Whether the lip landmarks show lips, not a guess at them.

    Args:
        mesh: the face.
        others: the other faces of the picture, which may be in front.
        size: of the picture, (width, height) pixels.
    """
    lips = mesh.points[LIPS, :2]
    if (lips < 0).any() or (lips > np.array(size) - 1).any():
        return False
    yaw, pitch = mesh.turn
    if mesh.eye_distance < LEAST_EYE_DISTANCE or abs(yaw) > MOST_YAW or abs(pitch) > MOST_PITCH:
        return False
    level = aligned_lips(mesh)
    width, drop = float(level[10, 0] - level[0, 0]), float(level[:, 1].mean())
    if not (0.3 < width < 1.8 and 0.1 < drop < 1.5 and level[5, 1] > level[15, 1]):
        return False
    x, y = lips.mean(axis=0)
    for other in others:
        ox, oy, ow, oh = other.box
        if ox < x < ox + ow and oy < y < oy + oh and other.eye_distance >= 0.9 * mesh.eye_distance:
            return False
    return True
