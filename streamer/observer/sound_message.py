"""Sound with its separated voices, as it travels to the observer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from streamer.workers.framing import Message


def pack_sound(
    t: float, mix: F32, voices: dict[int, F32], speaking: dict[int, float], alone: Sequence[Stretch] = ()
) -> Message:
    """Write sound as a message: mixture (N,), voices (N,) each, who is talking, and who is known to have been alone."""
    return {
        "type": "sound",
        "t": t,
        "mix": mix.tobytes(),
        "faces": list(voices),
        "voices": b"".join(pcm.tobytes() for pcm in voices.values()),
        "speaking": [float(speaking.get(face, 0.0)) for face in voices],
        "alone": list(alone),
    }


def unpack_sound(message: Message) -> tuple[F32, dict[int, F32]]:
    """Return the mixture and voices of a message of `pack_sound`."""
    mix = np.frombuffer(message["mix"], np.float32)
    rows = np.frombuffer(message["voices"], np.float32).reshape(-1, len(mix))
    return mix, dict(zip(message["faces"], rows, strict=True))
