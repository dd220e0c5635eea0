"""One participant's sound on its way to the observer: blocks of 20 ms become pieces of 0.1 s."""

from __future__ import annotations

import av
import numpy as np

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from streamer.engine.types import BLOCK, FaceState, SpeakerState
from streamer.observer.client import ObserverClient

BLOCKS = 5
"""Blocks a piece."""

JUMP = 0.01
"""Seconds by which a block may be off before the piece ends with the one before."""

UNSEEN = 1.0
"""Seconds after the last picture from which it says nothing any more about which face is talking."""


class Feed:
    """Collects and sends.

    Args:
        sid: Name of the observer's session.
        observer: Where it goes.
    """

    def __init__(self, sid: str, observer: ObserverClient) -> None:
        self._sid = sid
        self._observer = observer
        self._begin = 0.0
        self._mix: list[F32] = []
        self._voices: dict[int, list[F32]] = {}
        self._speaking: dict[int, float] = {}
        self._speaking_at = 0.0
        self._others: dict[int, float] = {}
        self._alone: list[Stretch] = []

    def faces(self, t: float, faces: list[FaceState]) -> None:
        """Note who is talking, in a picture taken at `t` seconds."""
        self._speaking_at = t
        self._speaking = {face.id: face.speaking for face in faces}

    def others(self, others: list[SpeakerState]) -> None:
        """Note which voices without a face are talking, in the block that comes next."""
        self._others = {other.id: other.speaking for other in others}

    def alone(self, stretches: list[Stretch]) -> None:
        """Note who spoke alone lately, as it is known now."""
        self._alone = stretches

    def picture(self, t: float, frame: av.VideoFrame) -> None:
        """Pass on a picture taken at `t` seconds."""
        self._observer.see(self._sid, t, frame)

    def block(self, t: float, mix: F32, voices: dict[int, F32]) -> None:
        """Take one block at 16 kHz: mixture (320,) from `t` seconds on, and its voices (320,) each."""
        if self._mix and abs(self._begin + len(self._mix) * BLOCK / SAMPLE_RATE - t) > JUMP:
            self._send()
        if not self._mix:
            self._begin = t
        for face in voices.keys() | self._voices.keys():
            # A face that came or went within the piece is silent for the rest of it.
            row = self._voices.setdefault(face, [np.zeros(BLOCK, np.float32)] * len(self._mix))
            row.append(voices.get(face, np.zeros(BLOCK, np.float32)))
        self._mix.append(mix)
        if len(self._mix) == BLOCKS:
            self._send()

    def _send(self) -> None:
        voices = {face: np.concatenate(parts) for face, parts in self._voices.items()}
        # Without pictures no face is known to talk.
        faces = self._speaking if self._begin - self._speaking_at <= UNSEEN else {}
        speaking = faces | self._others
        self._observer.hear(self._sid, self._begin, np.concatenate(self._mix), voices, speaking, self._alone)
        self._mix, self._voices, self._alone = [], {}, []
