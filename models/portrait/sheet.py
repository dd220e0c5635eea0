"""A portrait as it is handed to a page, which draws it: its picture, its net, and how both move.

The page places the net as `Rig.place` does, by the arrays of one, and draws with the same layers as `Portrait.draw`.
"""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np

from models.common.arrays import F32, F64, U8
from models.portrait import life
from models.portrait.draw import Portrait
from models.portrait.inside import THROAT
from models.portrait.mouth import Mouth
from models.portrait.rig import INNER_LOWER, INNER_UPPER, WIDEST
from models.portrait.topology import FOLDS, LIDS, LOWER_ROWS, UPPER_ROWS

QUALITY = 88
"""Of the picture as JPEG."""

LIPS_FINE = 2.0**-12
"""Steps of lip points, eye distances."""

MOVES_FINE = 2.0**-13
"""Steps of what the net takes over of a lip point's displacement."""


def sheet(portrait: Portrait, mouth: Mouth, embed: bytes = b"") -> dict[str, Any]:
    """Return what a page needs, as JSON has it; arrays are 16-bit, little-endian, in base64.

    Args:
        portrait: What is to be drawn.
        mouth: Whose rows say how the lips are.
        embed: XMP that goes into the picture.
    """
    rig, inside = portrait.rig, portrait.inside
    height, width = portrait.rgb.shape[:2]
    return {
        "width": width,
        "height": height,
        "unit": rig.unit,
        "picture": _text(_jpeg(portrait.rgb, embed)),
        "points": _packed(rig.points, 1 / 16),
        "triangles": _text(rig.triangles.astype("<u2").tobytes()),
        "moves": _packed(rig.moves, MOVES_FINE),
        "follow": _packed(rig.follow, MOVES_FINE),
        "near": _packed(rig.near, 1 / 16),
        "shut": _packed(rig.shut, LIPS_FINE),
        "rest": _packed(mouth.rest, LIPS_FINE),
        "basis": _packed(mouth.basis, LIPS_FINE),
        "neck": rig.neck.tolist(),
        "level": rig.level.tolist(),
        "stretch": rig.stretch,
        "widest": WIDEST,
        "fine": {"points": 1 / 16, "moves": MOVES_FINE, "lips": LIPS_FINE},
        "inner": {"upper": INNER_UPPER, "lower": INNER_LOWER},
        "upper": UPPER_ROWS[-1],
        "lower": LOWER_ROWS[-1],
        "lids": LIDS,
        "folds": FOLDS,
        "life": {"waves": life.WAVES, "sway": life.SWAY, "blink": life.BLINK, "pauses": life.PAUSES},
        "inside": {
            "area": inside.area,
            "throat": THROAT.tolist(),
            "teeth": _text(_png(inside.upper)),
            "jaw": _text(_png(inside.lower)),
        },
    }


def _packed(values: F32 | F64, fine: float) -> str:
    return _text(np.clip(np.rint(np.asarray(values, np.float64) / fine), -32768, 32767).astype("<i2").tobytes())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _jpeg(rgb: U8, embed: bytes) -> bytes:
    """Return a picture as JPEG with XMP as its first segment."""
    done, coded = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    data, head = coded.tobytes(), b"http://ns.adobe.com/xap/1.0/\0"
    segment = b"\xff\xe1" + (2 + len(head) + len(embed)).to_bytes(2, "big") + head + embed
    return data[:2] + segment + data[2:]


def _png(layer: F32) -> bytes:
    """Return a layer whose colours are times its opacity as PNG, whose are not."""
    opacity = layer[..., 3:]
    colour = layer[..., :3] / np.maximum(opacity, 1e-3)
    rgba = np.concatenate([colour, 255 * opacity], axis=2).clip(0, 255)
    done, coded = cv2.imencode(".png", np.rint(rgba).astype(np.uint8)[..., [2, 1, 0, 3]])
    assert done
    return bytes(coded.tobytes())
