"""Who the faces of a stream are and how they sound, as bytes that outlive the process which found it out.

They may have lain in a file meanwhile: what is read is checked, and bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgpack
import numpy as np

from models.active_speaker.attribution import VoicePrint
from models.common.arrays import F32
from models.faces.looks import MOST, Looks
from models.faces.mesh import Mesh
from models.faces.people import MOST_PEOPLE
from models.faces.track import Track
from models.faces.tracker import FaceMemory

LOOK, PRINT = 128, 256
"""Numbers of a face embedding, and of a voice print."""

MOST_VOICES = 64
"""Voice prints of one stream."""

LARGEST = 512 * 1024
"""Bytes; a person takes 4 kB at most."""


def plain(faces: FaceMemory) -> dict[str, Any]:
    """Return who is known as numbers and bytes that change no more.

    Of where somebody was seen last the box is kept: nothing else is asked of a face out of sight.
    """
    people = [
        (k.id, k.mesh.box, k.t, [look.tobytes() for look in k.looks.kept], k.looks.taken, sorted(k.met), k.placed)
        for k in faces.tracks
    ]
    return {"people": people, "next": faces.next_id, "shape": faces.shape}


def pack_memory(faces: dict[str, Any], prints: Mapping[int, VoicePrint]) -> bytes:
    """Turn what is known into bytes: faces as of `plain`, and prints by speaker."""
    voices = [(id, one.print.tobytes(), one.seconds, one.confidence) for id, one in prints.items()]
    data: bytes = msgpack.packb(faces | {"voices": voices[:MOST_VOICES]})
    return data


def unpack_memory(data: bytes) -> tuple[FaceMemory, dict[int, VoicePrint]]:
    """Undo `pack_memory`.

    Raises:
        ValueError: these are no such bytes.
    """
    if len(data) > LARGEST:
        raise ValueError(f"{len(data)} bytes are no memory")
    try:
        known = msgpack.unpackb(data)
        if len(known["people"]) > 2 * MOST_PEOPLE or len(known["voices"]) > MOST_VOICES:
            raise ValueError("too many people")
        tracks = tuple(_track(*one) for one in known["people"])
        height, width = known["shape"]
        faces = FaceMemory(tracks, int(known["next"]), (int(height), int(width)))
        if any(track.id >= faces.next_id for track in tracks):
            raise ValueError("a number would be given twice")
        voices = {
            int(id): VoicePrint(_numbers(print, PRINT), float(seconds), float(confidence))
            for id, print, seconds, confidence in known["voices"]
        }
    except (msgpack.UnpackException, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"no memory of faces and voices: {error or type(error).__name__}") from error
    return faces, voices


def _track(id: int, box: Any, t: float, looks: list[bytes], taken: int, met: list[int], placed: bool) -> Track:
    if len(looks) > MOST or len(met) > 1000 or id < 1:
        raise ValueError("this is nobody")
    x, y, width, height = (float(value) for value in box)
    corners = np.array([[x, y, 0.0], [x + width, y + height, 0.0]], np.float32)
    if not np.isfinite([*corners.ravel(), t]).all():
        raise ValueError("a place is nowhere")
    kept = Looks((_numbers(look, LOOK) for look in looks), int(taken))
    return Track(
        Mesh(corners, 1.0), t, agreed=t, began=t, id=int(id), looks=kept, met=set(map(int, met)), placed=bool(placed)
    )


def _numbers(data: bytes, count: int) -> F32:
    numbers = np.frombuffer(data, np.float32)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"need {count} finite numbers")
    return numbers
