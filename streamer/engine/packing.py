"""Pictures, faces, voices and who speaks as they travel between the call and the engine's processes."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from models.active_speaker.alone import Stretch
from models.active_speaker.attribution import Attribution, VoicePrint
from models.common.arrays import F32, U8
from models.faces.face import Face
from streamer.engine.types import BLOCK, FaceState, SpeakerState, Voices
from streamer.workers.framing import Message

LONGEST = 960
"""Pixels of the longer side; larger pictures are thinned out before they travel, faces need no more."""

LEAST = 32
"""Pixels of either side below which there is no face to be found."""


def pack_picture(frame: av.VideoFrame) -> Message:
    """Copy a frame as 4:2:0 planes, thinned to at most `LONGEST` pixels; takes up to some ms, so not on the loop.

    Raises:
        ValueError: The picture is too small, or so long that little is left of the other side.
    """
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        # Not by the frame's own reformatter: others may be using that on their threads.
        frame = VideoReformatter().reformat(frame, format="yuv420p")
    step = 1
    while max(frame.width, frame.height) // step > LONGEST:
        step *= 2
    if min(frame.width, frame.height) // step < LEAST:
        raise ValueError(f"a picture of {frame.width}x{frame.height} is of no use")
    planes = []
    for plane in frame.planes:
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        planes.append(rows[::step, : plane.width : step])
    # 4:2:0 needs even sides: an odd picture loses its last row or column.
    height, width = planes[0].shape[0] // 2 * 2, planes[0].shape[1] // 2 * 2
    y = planes[0][:height, :width]
    u, v = (p[: height // 2, : width // 2] for p in planes[1:3])
    return {"width": width, "height": height, "planes": y.tobytes() + u.tobytes() + v.tobytes()}


def unpack_picture(message: Message) -> U8:
    """Rebuild a picture sent by `pack_picture`, as RGB uint8 of shape (height, width, 3)."""
    import cv2  # only the model process converts colours

    width, height = int(message["width"]), int(message["height"])
    planes = np.frombuffer(message["planes"], np.uint8).reshape(height * 3 // 2, width)
    rgb: U8 = cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
    return rgb


def pack_faces(faces: list[FaceState]) -> list[tuple[Any, ...]]:
    """Turn faces into plain tuples."""
    return [astuple(face) for face in faces]


def unpack_faces(rows: list[list[Any]]) -> list[FaceState]:
    """Undo `pack_faces`."""
    return [FaceState(row[0], tuple(row[1]), *row[2:]) for row in rows]


def pack_voices(voices: Voices) -> Message:
    """Turn what the call needs of voices into a plain message; faces go with the pictures."""
    others = [astuple(speaker) for speaker in voices.others]
    clean = None if voices.clean is None else voices.clean.tobytes()
    return {"ids": voices.ids, "pcm": voices.pcm.tobytes(), "others": others, "clean": clean}


def unpack_voices(message: Message) -> dict[int, F32]:
    """Return the voice of each speaker, shape (320,), from a message of `pack_voices`."""
    rows = np.frombuffer(message["pcm"], np.float32).reshape(-1, BLOCK)
    return dict(zip(message["ids"], rows, strict=True))


def unpack_clean(message: Message) -> F32 | None:
    """Return the mixture without its noise, shape (320,), from a message of `pack_voices`, if it was wanted."""
    return None if message["clean"] is None else np.frombuffer(message["clean"], np.float32)


def unpack_others(message: Message) -> list[SpeakerState]:
    """Return every voice that belongs to no face, from a message of `pack_voices`."""
    return [SpeakerState(*row) for row in message["others"]]


def pack_found(faces: list[Face]) -> list[tuple[Any, ...]]:
    """Turn what the tracker found into plain tuples, without the landmarks."""
    return [(face.id, face.box, face.score, face.lips.tobytes(), face.lips_visible) for face in faces]


def unpack_found(rows: list[list[Any]]) -> list[Face]:
    """Undo `pack_found`."""
    return [
        Face(id, (box[0], box[1], box[2], box[3]), score, np.frombuffer(lips, np.float32), visible)
        for id, box, score, lips, visible in rows
    ]


def pack_attribution(known: Attribution) -> Message:
    """Turn who speaks into a plain message; maps travel as pairs, since their keys are numbers."""
    return {
        "t": known.t,
        "speech": known.speech,
        "overlap": known.overlap,
        "speakers": list(known.speakers.items()),
        "prints": [(id, one.print.tobytes(), one.seconds, one.confidence) for id, one in known.prints.items()],
        "lip_means": [(id, means.tobytes()) for id, means in known.lip_means.items()],
        "lately": list(known.lately),
        "alone": list(known.alone),
        "joined": list(known.joined),
    }


def unpack_attribution(message: Message) -> Attribution:
    """Undo `pack_attribution`."""
    return Attribution(
        t=message["t"],
        speech=message["speech"],
        overlap=message["overlap"],
        speakers=dict(message["speakers"]),
        prints={id: VoicePrint(np.frombuffer(print, np.float32), *more) for id, print, *more in message["prints"]},
        lip_means={id: np.frombuffer(means, np.float32).reshape(2, 2) for id, means in message["lip_means"]},
        lately=frozenset(message["lately"]),
        alone=tuple(Stretch(*stretch) for stretch in message["alone"]),
        joined=tuple((gone, stays) for gone, stays in message["joined"]),
    )
