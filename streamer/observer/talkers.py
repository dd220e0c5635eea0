"""Faces that are known to talk, on the map of where the sound comes from: that is known better than looks and motion tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from models.localization.box import Box
from models.localization.face_extent import covered
from streamer.observer.types import GRID, Localization

SURE = 0.7
"""Probability of talking from which a face is lit; see `streamer.rooms.situation.SURE`."""


def with_talkers(found: Localization, faces: Iterable[tuple[Box, float]]) -> Localization:
    """Light the faces that talk.

    Args:
        found: What looks and motion tell.
        faces: Box of each face (x, y, width, height; fractions), and probability that it talks, 0..1.

    Returns:
        The same with their heat; where one of them is surer than the place that was found, with its place and box.
    """
    talking = [(box, probability) for box, probability in faces if probability >= SURE]
    if not talking:
        return found
    edges = np.array([(x, y, x + w, y + h) for (x, y, w, h), _ in talking], np.float32)
    sure = np.array([probability for _, probability in talking], np.float32)
    own = (covered(edges) * sure[:, None, None]).max(axis=0)
    heat = np.maximum(np.frombuffer(found.heat, np.uint8).reshape(GRID, GRID), np.rint(own * 255)).astype(np.uint8)
    (x, y, w, h), probability = max(talking, key=lambda face: face[1])
    if found.peak is not None and (found.score >= probability or any(_in(found.peak, box) for box, _ in talking)):
        return replace(found, heat=heat.tobytes())
    score = max(found.score, float(probability))
    middle = (float(np.clip(x + w / 2, 0, 1)), float(np.clip(y + h / 2, 0, 1)))
    return Localization(found.t, score, middle, (x, y, w, h), heat.tobytes())


def _in(place: tuple[float, float], box: Box) -> bool:
    return box[0] <= place[0] <= box[0] + box[2] and box[1] <= place[1] <= box[1] + box[3]
