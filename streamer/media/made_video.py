"""How a made picture says that it is one: a mark in it, and metadata beside it.

The metadata is an XMP packet with the IPTC's digital source type, in the box of an MP4 file that XMP (ISO 16684) has
for it, and a comment for programs that know no XMP.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from models.common.arrays import U8
from streamer.media.made import xmp

COMMENT = "Made picture (trainedAlgorithmicMedia): a still portrait, moved by a program. Nobody was filmed."

MARK = "made picture"

XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def add_xmp(path: Path) -> None:
    """Append the packet to a finished MP4 file, as a box of its own behind all others."""
    packet = xmp(COMMENT)
    with path.open("ab") as file:
        file.write((8 + len(XMP_BOX) + len(packet)).to_bytes(4, "big") + b"uuid" + XMP_BOX + packet)


class Mark:
    """The mark for pictures of one size: light letters on a dark ground in the lower left corner.

    Args:
        width: Of the pictures, pixels.
        height: Likewise.
    """

    def __init__(self, width: int, height: int) -> None:
        scale = max(0.4, min(width, height) / 900)
        thick = max(1, round(1.6 * scale))
        (w, h), below = cv2.getTextSize(MARK, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        pad = max(3, round(8 * scale))
        label = np.zeros((h + below + 2 * pad, w + 2 * pad), np.uint8)
        cv2.putText(label, MARK, (pad, pad + h), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
        self._letters = label[: height - pad, : width - pad, None].astype(np.float32) / 255
        rows, columns = self._letters.shape[:2]
        self._area = (slice(height - pad - rows, height - pad), slice(pad, pad + columns))

    def draw(self, picture: U8) -> None:
        """Draw it into a picture (H, W, 3)."""
        ground = 0.45 * picture[self._area].astype(np.float32)
        picture[self._area] = (ground * (1 - self._letters) + 245 * self._letters + 0.5).astype(np.uint8)
