"""The listener's sound, in blocks of 20 ms: everyone's sound, each face at the gain of its fader.

Of one participant the listener hears

    out = g_rest * mix + up(sum over faces of (g_face - g_rest) * face)

with `up` from 16 to 48 kHz. With equal gains the sum vanishes and the mix passes bit for bit, so separation
costs no quality unless somebody moves a fader, and what separation leaves over needs no stream of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.common.arrays import F32
from models.common.resample import Resampler
from streamer.mixing.faders import Gains

MIX_BLOCK = 960
FACE_BLOCK = 320

RAMP = 0.5
"""Length of a change of gain, in blocks: 10 ms."""

FADE = 240
"""Length of a cross-fade over a break in the sound, in samples at 48 kHz: 5 ms."""

LET_DOWN = 32
"""A face that vanishes is let down over this many samples at 16 kHz: 2 ms."""

RELEASE = 0.025
"""The limiter's gain comes back to 1 by this much in a block: 0.4 s from -6 dB."""

_SILENCE: F32 = np.zeros(MIX_BLOCK, np.float32)
_DOWN: F32 = np.linspace(1.0, 0.0, FADE, endpoint=False, dtype=np.float32)
_UP: F32 = (1.0 - _DOWN).astype(np.float32)
_BLOCK_DOWN: F32 = np.linspace(1.0, 0.0, MIX_BLOCK, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class VoiceBlock:
    """20 ms of one participant, separated.

    Attributes:
        t: seconds on the participant's timeline, of the first sample.
        mix: shape (960,), float32, 48 kHz: all that was sent, late by the face upsampler's 1 ms.
        faces: the voice of each face, shape (320,), float32, 16 kHz, in time with `mix`; empty where none is.
        separated: False where the models did not run: only `mix` counts.
        received: when the block with its last sample came in, seconds on the loop's clock; 0 if unknown.
    """

    t: float
    mix: F32
    faces: dict[int, F32]
    separated: bool
    received: float = 0.0


def _glide(start: float, end: float, count: int) -> F32 | float:
    """Return a gain over a block of `count` samples: a line for the first half, then level; one number if level."""
    if start == end:
        return end
    curve = np.full(count, end, np.float32)
    ramp = int(count * RAMP)
    curve[:ramp] = np.linspace(start, end, ramp, endpoint=False, dtype=np.float32)
    return curve


@dataclass(slots=True)
class _Voice:
    gain: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class SourceMixer:
    """One participant's part of a listener's sound.

    `play` and `conceal` are called in turn, one of them for each block. Breaks in the sound (it begins, it
    ran dry, blocks were dropped) are faded over.
    """

    separated: bool = False
    faces: tuple[int, ...] = ()
    _rest: float | None = None
    _voices: dict[int, _Voice] = field(default_factory=dict)
    _upsampler: Resampler = field(default_factory=lambda: Resampler(16_000, 48_000))
    _ringing: bool = False
    _last: F32 = field(default_factory=lambda: _SILENCE)
    _dry: bool = True

    def play(self, block: VoiceBlock, gains: Gains, broken: bool = False) -> F32:
        """Mix the next block.

        Args:
            block: what comes next.
            gains: those that should apply; they are reached within 10 ms.
            broken: True if the block does not follow the one before.

        Returns:
            shape (960,), float32, 48 kHz; not to be changed by the caller.
        """
        self.separated = block.separated
        if block.separated:
            self.faces = tuple(block.faces)
        rest = gains.rest if block.separated else gains.plain
        before = rest if self._rest is None else self._rest
        self._rest = rest
        level = _glide(before, rest, MIX_BLOCK)
        mixed: F32 = block.mix if isinstance(level, float) and level == 1.0 else block.mix * level
        voices = self._voices_at(block, gains, rest)
        if voices is not None or self._ringing:
            # One block of silence empties the upsampler: after that it can rest.
            self._ringing = voices is not None
            mixed = mixed + self._upsampler.step(voices if voices is not None else np.zeros(FACE_BLOCK, np.float32))
        mixed = mixed.astype(np.float32, copy=False)
        out = self._join(mixed) if broken or self._dry else mixed
        self._last = mixed
        self._dry = False
        return out

    def conceal(self) -> F32:
        """Stand in for a block that has not come: the last one runs backwards and fades, then silence.

        Returns:
            shape (960,), float32.
        """
        if self._dry:
            self._last = _SILENCE
            return _SILENCE
        self._dry = True
        out = self._last[::-1] * _BLOCK_DOWN
        self._last = _SILENCE
        return out

    def _join(self, mixed: F32) -> F32:
        """Fade from where the sound would have gone (its mirror image has no step) into the new block."""
        out = mixed.copy()
        out[:FADE] *= _UP
        out[:FADE] += self._last[::-1][:FADE] * _DOWN
        return out

    def _voices_at(self, block: VoiceBlock, gains: Gains, rest: float) -> F32 | None:
        """Return the faces' part at 16 kHz, None if there is none."""
        total: F32 | None = None
        for face, pcm in block.faces.items() if block.separated else ():
            voice = self._voices.setdefault(face, _Voice())
            wanted = gains.faces.get(face, rest) - rest
            if wanted or voice.gain:
                part = (pcm * _glide(voice.gain, wanted, FACE_BLOCK)).astype(np.float32, copy=False)
                total = part if total is None else total + part
                voice.last = float(part[-1])
            else:
                voice.last = 0.0
            voice.gain = wanted
        for face in [face for face in self._voices if not block.separated or face not in block.faces]:
            last = self._voices.pop(face).last
            if last:
                total = np.zeros(FACE_BLOCK, np.float32) if total is None else total.copy()
                total[:LET_DOWN] += np.linspace(last, 0.0, LET_DOWN, dtype=np.float32)
        return total


class Limiter:
    """Keeps the sum of many voices within [-1, 1]; what stays below passes unchanged."""

    def __init__(self) -> None:
        self.gain = 1.0

    def step(self, x: F32) -> F32:
        """Limit a block.

        Args:
            x: shape (960,), float32, any range.

        Returns:
            shape (960,), float32, [-1, 1]; `x` itself where nothing is to be done.
        """
        peak = float(np.abs(x).max())
        before = self.gain
        self.gain = min(1.0, before + RELEASE, 1.0 / peak if peak > 1.0 else 1.0)
        if before == 1.0 and self.gain == 1.0:
            return x
        gain = np.linspace(before, self.gain, MIX_BLOCK, dtype=np.float32)
        if self.gain < before:
            # Down within 1 ms, for the peak may come early in the block.
            gain[:] = self.gain
            gain[:48] = np.linspace(before, self.gain, 48, dtype=np.float32)
        limited: F32 = np.clip(x * gain, -1.0, 1.0)
        return limited
