"""Microphones before one person each, in place of the engine: every one is a speaker, and nothing is separated."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from models.common.arrays import F32, U8
from models.faces.tracker import Face
from models.voiceprint.state import Change
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK, FaceState, SpeakerState, Voices


class Microphones:
    """Does what `streamer.engine.engine.Engine` does for recordings.

    Args:
        sound: The microphones side by side, (microphones, N) pieces; in step with the mixture that is heard.
        activity: Makes, for a microphone, what tells the probability of speech after each block (320,).
        boost: Factor by which the mixture is amplified for who listens.
    """

    def __init__(
        self, sound: Iterator[F32], activity: Callable[[], Callable[[F32], float]], boost: float = 1.0
    ) -> None:
        self._sound, self._new_activity, self._boost = sound, activity, np.float32(boost)
        self._held: F32 | None = None
        self._activity: list[Callable[[F32], float]] = []

    def open(self, sid: str, memory: bytes | None = None, known: Known | None = None) -> None:
        """Begin."""

    def close(self, sid: str) -> None:
        """End."""

    def find(self, sid: str, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Return no faces: nobody could say whose microphone is whose."""
        return [], False

    def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
        """Return no faces."""
        return []

    def voice_changes(self, sid: str) -> list[Change]:
        """Return nothing: there are no voice prints."""
        return []

    def joined(self, sid: str) -> list[tuple[int, int]]:
        """Return nothing: every microphone stays a speaker of its own."""
        return []

    def separate(self, sid: str, t: float, pcm: F32, last: bool = False) -> list[Voices]:
        """Return the microphones of the next block as voices."""
        mix, pcm = pcm, self._next() * self._boost
        if len(self._activity) < len(pcm):
            self._activity = [self._new_activity() for _ in pcm]
        heard = enumerate(zip(pcm, self._activity, strict=True), 1)
        others = [SpeakerState(-number, activity(voice), "known", 1.0) for number, (voice, activity) in heard]
        ids = [other.id for other in others]
        return [Voices(t, ids, pcm, mix - pcm.sum(axis=0), [], others)]

    def _next(self) -> F32:
        """Return the next block, silent after the end."""
        held = [] if self._held is None else [self._held]
        size = sum(pcm.shape[1] for pcm in held)
        while size < BLOCK and (more := next(self._sound, None)) is not None:
            held.append(more)
            size += more.shape[1]
        pcm = np.concatenate(held, axis=1) if held else np.zeros((0, BLOCK), np.float32)
        self._held = pcm[:, BLOCK:]
        return np.pad(pcm[:, :BLOCK], ((0, 0), (0, max(0, BLOCK - pcm.shape[1]))))


def silero() -> Callable[[], Callable[[F32], float]]:
    """Return what makes detectors of speech that share one network."""
    from models.speech.vad import Listening, VoiceActivity

    network = VoiceActivity()

    def new() -> Callable[[F32], float]:
        state, last = Listening(), [0.0]

        def step(pcm: F32) -> float:
            last[:] = network.step(state, pcm)[-1:] or last
            return last[0]

        return step

    return new
