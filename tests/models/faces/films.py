"""Made-up films: public-domain portraits moved about."""

from collections.abc import Callable

import cv2
import numpy as np

from models.common.arrays import U8
from models.faces.mesh import Mesh, roi_of_detection, roi_of_mesh
from models.faces.tracker import Face, FaceModels, FaceTracker

Draw = Callable[[U8, int], None]
FPS = 25


def backdrop(width: int = 640, height: int = 360) -> U8:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 9)


def paste(canvas: U8, portrait: U8, x: int, y: int, size: int) -> None:
    """Put the oval middle of a portrait at (x, y); what falls outside of the canvas is cut off."""
    small = cv2.resize(portrait, (size, size), interpolation=cv2.INTER_AREA)
    rows, columns = np.mgrid[0:size, 0:size]
    oval = ((columns - size / 2) / (size * 0.42)) ** 2 + ((rows - size / 2) / (size * 0.5)) ** 2 < 1
    height, width = canvas.shape[:2]
    left, top, right, bottom = max(0, x), max(0, y), min(width, x + size), min(height, y + size)
    if right > left and bottom > top:
        part = np.s_[top - y : bottom - y, left - x : right - x]
        canvas[top:bottom, left:right][oval[part]] = small[part][oval[part]]


def film(
    models: FaceModels, frames: int, draw: Draw, width: int = 640, height: int = 360, max_faces: int = 6
) -> list[list[Face]]:
    tracker, clean = FaceTracker(models, max_faces), backdrop(width, height)
    seen = []
    for i in range(frames):
        canvas = clean.copy()
        draw(canvas, i)
        seen.append(tracker.step(canvas, i / FPS))
    return seen


def ids(faces: list[Face]) -> list[int]:
    return [face.id for face in faces]


def id_near(faces: list[Face], x: float) -> int:
    nearest = min(faces, key=lambda face: abs(face.box[0] + face.box[2] / 2 - x))
    assert abs(nearest.box[0] + nearest.box[2] / 2 - x) < 0.06
    return nearest.id


def steady_mesh(models: FaceModels, rgb: U8) -> Mesh:
    found = models.detector.whole(rgb)[0]
    mesh = models.mesher.mesh(rgb, roi_of_detection(found.box, found.keypoints))
    for _ in range(3):
        mesh = models.mesher.mesh(rgb, roi_of_mesh(mesh))
    return mesh
