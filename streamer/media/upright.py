"""Which way up a picture is, and how wide its pixels are, as the file tells the player."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.sidedata.sidedata import SideData, Type

from models.common.arrays import U8

ODDEST = 8.0
"""Widest pixel for its height, and highest for its width, that is believed."""

TURNS = ((1, 0, 0, 1), (0, -1, 1, 0), (-1, 0, 0, -1), (0, 1, -1, 0))
"""Display matrices (without scale) of 0 to 3 quarter turns anticlockwise."""


@dataclass(frozen=True, slots=True)
class Pose:
    """What is done to a decoded picture to put it upright.

    Attributes:
        quarter_turns: Of 90 degrees anticlockwise, 0..3.
        mirrored: Whether left and right are exchanged before that.
        aspect: Width of a pixel as decoded, its height being 1.
    """

    quarter_turns: int = 0
    mirrored: bool = False
    aspect: float = 1.0

    def decoded_size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height, as decoded, of a picture with square pixels: the short side of a pixel grows."""
        return (round(width * self.aspect), height) if self.aspect > 1 else (width, round(height / self.aspect))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return width and height of the upright picture with square pixels."""
        across, down = self.decoded_size(width, height)
        return (down, across) if self.quarter_turns % 2 else (across, down)

    def apply(self, plane: U8) -> U8:
        """Put a plane, or a picture (H, W, ...), upright."""
        return np.rot90(plane[:, ::-1] if self.mirrored else plane, self.quarter_turns)


UPRIGHT = Pose()


def pose(frame: av.VideoFrame, stream: av.VideoStream) -> Pose:
    """Return how a picture of a track is put upright."""
    turns, mirrored = _orientation(frame)
    aspect = float(stream.sample_aspect_ratio or 1)
    return Pose(turns, mirrored, aspect if 1 / ODDEST <= aspect <= ODDEST else 1.0)


def _orientation(frame: av.VideoFrame) -> tuple[int, bool]:
    try:
        found = [item for item in cast("Iterable[SideData]", frame.side_data) if item.type == Type.DISPLAYMATRIX]
    except ValueError:
        # PyAV has no name for one of the things that stand beside this picture.
        return round(frame.rotation / 90) % 4, False
    if not found:
        return 0, False
    a, b, _, c, d = struct.unpack_from("=5i", bytes(found[0]))
    # The nearest of the eight ways a picture can lie: `a` and `b` change sign in a mirror.
    fits = {(k, m): np.dot((-a, -b, c, d) if m else (a, b, c, d), TURNS[k]) for k in range(4) for m in (False, True)}
    return max(fits, key=lambda way: fits[way])
