"""Whether there is speech in a sound, every 32 ms: Silero VAD (MIT, weights inside its package) on ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.common import weights
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

WINDOW = 512
"""Samples in one decision, 32 ms."""

CONTEXT = 64
"""Samples of the past that the network wants before them."""

QUIET = 10 ** (-70 / 20)
"""Root mean square below which a window is silence and no network is asked: a silent voice costs nothing."""

LOUD = 0.1
"""Root mean square of the loudest windows of speech that the network knows best; below it misses quiet people's."""

MOST_GAIN = 10.0

FORGET = 0.5 ** (WINDOW / SAMPLE_RATE / 2.0)
"""Share of the loudest window that is remembered after another one: half of it after 2 s of sound."""


@dataclass
class Listening:
    """What is remembered of one voice.

    Attributes:
        memory: (2, 1, 128) of the network.
        context: (64,) last samples.
        pending: (N,) samples that do not fill a window yet, N < 512.
        fresh: whether the memory is still, or again, empty.
        loudest: root mean square of the loudest window of the last seconds in which there was sound.
    """

    memory: F32 = field(default_factory=lambda: np.zeros((2, 1, 128), np.float32))
    context: F32 = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    pending: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    fresh: bool = True
    loudest: float = LOUD


class VoiceActivity:
    """The detector, shared by all voices; 0.15 ms a window on one CPU thread.

    Raises:
        FileNotFoundError: if the package silero-vad is not installed.
    """

    def __init__(self) -> None:
        # The package itself imports torch; only its file is wanted.
        self._session = weights.onnx_session(weights.packaged("silero_vad", "data", "silero_vad_16k_op15.onnx"))
        self._rate = np.array(SAMPLE_RATE, np.int64)

    def step(self, state: Listening, pcm: F32) -> list[float]:
        """Take in more of a voice.

        Args:
            state: Of this voice; changed.
            pcm: (N,) at 16 kHz, [-1, 1], any N.

        Returns:
            Probability of speech, 0..1, for every window that is full now.
        """
        sound = np.concatenate([state.pending, pcm])
        whole = len(sound) // WINDOW * WINDOW
        state.pending = sound[whole:]
        return [self._window(state, sound[at : at + WINDOW]) for at in range(0, whole, WINDOW)]

    def _window(self, state: Listening, window: F32) -> float:
        level = float(np.sqrt(np.mean(np.square(window))))
        if level < QUIET:
            if not state.fresh:
                state.memory, state.fresh = np.zeros((2, 1, 128), np.float32), True
            state.context = window[-CONTEXT:]
            return 0.0
        state.loudest = max(level, FORGET * state.loudest)
        gain = np.float32(np.clip(LOUD / state.loudest, 1.0, MOST_GAIN))
        x = gain * np.concatenate([state.context, window])[None]
        probability, memory = self._session.run(None, {"input": x, "state": state.memory, "sr": self._rate})
        state.memory, state.context, state.fresh = memory, window[-CONTEXT:], False
        return float(probability[0, 0])
