"""The one face of a portrait, and the part of the picture that is shown of it."""

from __future__ import annotations

import cv2
import numpy as np

from models.common.arrays import U8
from models.faces.detect import Detection, FaceDetector
from models.faces.mesh import FaceMesher, Mesh, roi_of_detection, roi_of_mesh

LEAST = 20.0
"""Eye distance of a face that can be made to talk, pixels."""

USUAL, LARGEST = 88.0, 720
"""Eye distance that a small face is enlarged to, and the longer side that a large picture is shrunk to, pixels."""

AROUND = 1.2
"""How far the part that is shown reaches from the middle of the face, in sides of its box."""

SURE = 0.5
BESIDE = 0.35
"""Side of a face that counts as a second one, as a share of the largest."""

TURNED = 0.6
"""Radians away from the camera beyond which the far half of a face is guessed."""


class UnfitPortraitError(ValueError):
    """A picture that cannot be made to talk; the message says why."""


def find_portrait(rgb: U8) -> tuple[U8, Mesh]:
    """Return what is shown of a picture, (H, W, 3) with even sides, and the face in it.

    Args:
        rgb: (H, W, 3) uint8.

    Raises:
        UnfitPortraitError: there is no face, or more than one, or it is too small or turned away.
    """
    mesher = FaceMesher()
    shown = _shown(rgb, find_face(rgb, mesher))
    return shown, _mesh(mesher, shown, max(_faces(shown), key=lambda one: one.box[2]))


def find_face(rgb: U8, mesher: FaceMesher) -> Mesh:
    """Return the one face in a picture.

    Args:
        rgb: (H, W, 3) uint8.
        mesher: Finds its landmarks.

    Raises:
        UnfitPortraitError: there is no face, or more than one, or it is too small or turned away.
    """
    meshes = [mesh for one in _faces(rgb) if (mesh := _mesh(mesher, rgb, one)).score >= SURE]
    if not meshes:
        raise UnfitPortraitError("no face is found in it")
    if len(meshes) > 1:
        raise UnfitPortraitError(f"{len(meshes)} faces are found in it: a portrait has one")
    mesh = meshes[0]
    if mesh.eye_distance < LEAST:
        raise UnfitPortraitError(
            f"the face in it is too small: its eyes are {mesh.eye_distance:.0f} pixels apart, {LEAST:.0f} are needed"
        )
    if max(map(abs, mesh.turn)) > TURNED:
        raise UnfitPortraitError("the face in it is turned away from the camera")
    return mesh


def _faces(rgb: U8) -> list[Detection]:
    """Return faces that are not small beside the largest."""
    found = FaceDetector().whole(rgb)
    widest = max((one.box[2] for one in found), default=0.0)
    return [one for one in found if one.box[2] >= BESIDE * widest]


def _mesh(mesher: FaceMesher, rgb: U8, one: Detection) -> Mesh:
    mesh = mesher.mesh(rgb, roi_of_detection(one.box, one.keypoints))
    for _ in range(2):
        mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
    return mesh


def _shown(rgb: U8, mesh: Mesh) -> U8:
    """Cut the surroundings of the face out, and bring them to the size that is drawn."""
    x, y, w, h = mesh.box
    reach = AROUND * max(w, h)
    height, width = rgb.shape[:2]
    left, right = max(0, round(x + w / 2 - reach)), min(width, round(x + w / 2 + reach))
    top, bottom = max(0, round(y + h / 2 - reach)), min(height, round(y + h / 2 + reach))
    part = rgb[top:bottom, left:right]
    scale = min(max(1.0, USUAL / mesh.eye_distance), LARGEST / max(part.shape[:2]))
    size = [max(2, round(side * scale) // 2 * 2) for side in (part.shape[1], part.shape[0])]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(part, size, interpolation=how), np.uint8)
