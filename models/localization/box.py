"""From evidence on the grid to a heat map and to a box."""

from __future__ import annotations

import cv2
import numpy as np

from models.common.arrays import F32
from models.localization.attention import WIDE
from models.localization.face_extent import faces_around

Box = tuple[float, float, float, float]

FINER = 8
"""Points of the enlarged map for each cell."""

BLUR = 0.6
"""Cells over which the map of what moves alike is smoothed."""

AS_MUCH = 0.5
"""How much the amount of motion counts beside its likeness."""

LOOKED = 8.0
"""How much looking like what is heard counts beside moving with it, where attention goes."""

SHARE = 0.45
"""Of the peak's height, from which a place belongs to the source; chosen on composed dev scenes, as the two above."""


def attention_of(sync: F32, meaning: F32, look: F32) -> F32:
    """Return where to look, (14, 14) that sums to 1, from synchrony, likeness and `looks_like` (14, 14)."""
    logits = sync + np.float32(WIDE) * meaning + np.float32(LOOKED) * look
    weight = np.exp(logits - logits.max())
    return np.asarray(weight / weight.sum(), np.float32)


def heat_of(attention: F32, similar: F32, moved: F32, look: F32, extent: F32) -> tuple[F32, float]:
    """Return the attention, spread over the whole of what it falls on.

    Args:
        attention: Shape (14, 14), sums to 1.
        similar: How alike each cell moves to the attended feature, (14, 14).
        moved: Mean size of each cell's motion, (14, 14).
        look: How surely each cell shows what is heard, (14, 14).
        extent: Of faces, (5, 14, 14), see `FaceExtent`.

    Returns:
        Heat (14, 14), 0..1 with 1 at its peak, and how much of the attention falls on faces, 0..1.
    """
    around, faces = faces_around(extent, attention)
    alike, much = (np.asarray(cv2.GaussianBlur(x, (0, 0), BLUR), np.float32) for x in (similar, moved))
    moving = _above_middle(alike, float(alike.max()))
    # What belongs together moves about as much; a flat side of a thing shows it badly, but shows it.
    moving = moving + np.float32(AS_MUCH) * _above_middle(much, float((attention * much).sum()), 0.05)
    moving /= max(float(moving.max()), 1e-6)
    known = min(1.0, float((attention * look).sum()))
    thing = np.sqrt(known) * look / max(float(look.max()), 1e-6) + (1 - np.sqrt(known)) * moving
    # The roots: attention that falls half on a face and half on noise is about the face.
    heat = np.sqrt(faces) * around + (1 - np.sqrt(faces)) * thing
    return np.asarray(heat / max(float(heat.max()), 1e-6), np.float32), faces


def _above_middle(x: F32, top: float, least: float = 1e-6) -> F32:
    """Scale a map to 0 at its median, 1 at `top` and above."""
    low = float(np.median(x))
    return np.asarray(np.clip((x - low) / max(top - low, least), 0, 1), np.float32)


def region(heat: F32, attention: F32, share: float = SHARE) -> tuple[tuple[float, float], Box]:
    """Return the place looked at most within the heat, and the box around the heat that hangs together with it.

    Args:
        heat: Shape (14, 14), as `heat_of` gives it.
        attention: Shape (14, 14).
        share: Of the highest heat, from which a place belongs to the source.

    Returns:
        (x, y) and (x, y, width, height), fractions of the picture.
    """
    rows, columns = heat.shape
    y, x = np.unravel_index(int((attention * (heat >= share * heat.max())).argmax()), heat.shape)
    fine = cv2.resize(heat, (columns * FINER, rows * FINER), interpolation=cv2.INTER_LINEAR)
    high = (fine >= min(share * float(fine.max()), float(heat[y, x]) * 0.999)).astype(np.uint8)
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(high, connectivity=4)
    middle = FINER // 2
    here = labels[
        y * FINER + middle - 1 : y * FINER + middle + 1, x * FINER + middle - 1 : x * FINER + middle + 1
    ].max()
    left, top, w, h = (int(v) for v in boxes[here][:4])
    wide, tall = columns * FINER, rows * FINER
    return (float((x + 0.5) / columns), float((y + 0.5) / rows)), (left / wide, top / tall, w / wide, h / tall)


def overlap(a: Box, b: Box) -> float:
    """Return the intersection of two boxes (x, y, width, height) over their union."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h)
