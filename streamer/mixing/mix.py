"""One mix: what everybody hears who hears the same, mixed once and encoded once."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from aiortc import RTCRtpCodecParameters

from models.common.arrays import F32, I16
from models.common.audio import to_pcm16
from streamer.mixing.faders import Faders, Setting
from streamer.mixing.mixer import MIX_BLOCK, Limiter, SourceMixer
from streamer.mixing.sound_encoder import SoundEncoder
from streamer.mixing.source import Due

PAST = 10
"""Blocks a new encoder is given before its first one, so that its packets follow on those of another (0.2 s)."""


class Ears(NamedTuple):
    """What decides what somebody hears.

    Attributes:
        own: the participant who is not to be heard, being the listener; None if the listener sends no sound.
        setting: of the faders.
        alone: a number of their own for who hears something that nobody else does; else None.
    """

    own: str | None
    setting: Setting
    alone: int | None = None


class Mix:
    """All participants' sound at one setting of the faders.

    Args:
        ears: of those who hear it.
        faders: with the setting of `ears`; they must not change.

    Attributes:
        pcm: the last block, shape (960,), float32, [-1, 1].
    """

    def __init__(self, ears: Ears, faders: Faders) -> None:
        self.ears = ears
        self.faders = faders
        self.pcm: F32 = np.zeros(MIX_BLOCK, np.float32)
        self.payloads: dict[str, list[bytes]] = {}
        self._mixers: dict[str, SourceMixer] = {}
        self._limiter = Limiter()
        self._past: deque[I16] = deque(maxlen=PAST)
        self._block: I16 | None = None
        self._encoders: dict[str, SoundEncoder] = {}

    def turn(self, ears: Ears, faders: Faders) -> None:
        """Hear something else from the next block on; gains glide there within 10 ms."""
        self.ears, self.faders = ears, faders

    def fork(self, ears: Ears, faders: Faders) -> Mix:
        """Return a mix that goes on from here with other ears, without a step in the sound."""
        other = Mix(ears, faders)
        other.pcm = self.pcm
        other._mixers, other._limiter = copy.deepcopy(self._mixers), copy.copy(self._limiter)
        other._past, other._block = copy.copy(self._past), self._block
        return other

    def step(self, due: Mapping[str, Due], gone: Iterable[str], extra: F32 | None = None) -> None:
        """Mix the next block into `pcm`.

        Args:
            due: what each participant has.
            gone: those who have left: they fade out.
            extra: shape (N <= 960,), what only these ears hear, whatever the faders.
        """
        total: F32 | None = None
        for participant in gone:
            mixer = self._mixers.pop(participant, None)
            if mixer is not None:
                part = mixer.conceal()
                total = part if total is None else total + part
        for participant, (block, broken, *_) in due.items():
            if participant == self.ears.own:
                continue
            mixer = self._mixers.get(participant)
            if mixer is None:
                mixer = self._mixers[participant] = SourceMixer()
            if block is None:
                part = mixer.conceal()
            else:
                faces = block.faces if block.separated else mixer.faces
                part = mixer.play(block, self.faders.gains(participant, faces), broken)
            total = part if total is None else total + part
        total = total if total is not None else np.zeros(MIX_BLOCK, np.float32)
        if extra is not None and extra.size:
            total = total + np.pad(extra, (0, MIX_BLOCK - extra.size))
        self.pcm = self._limiter.step(total)
        if self._block is not None:
            self._past.append(self._block)
        self._block = to_pcm16(self.pcm)

    def same(self, other: Mix) -> bool:
        """Say whether two mixes gave the same block, sample by sample, and are as loud."""
        return self._limiter.gain == other._limiter.gain and np.array_equal(self.pcm, other.pcm)

    def encode(self, codecs: Iterable[RTCRtpCodecParameters]) -> None:
        """Encode the last block into `payloads`, by codec. Runs in any thread, one at a time.

        Args:
            codecs: those that are listened with; the encoders of others are let go.
        """
        assert self._block is not None, "there is a block once `step` was called"
        encoders: dict[str, SoundEncoder] = {}
        payloads: dict[str, list[bytes]] = {}
        for codec in codecs:
            name = codec.name.lower()
            if name in encoders:
                continue
            encoder = self._encoders.get(name)
            if encoder is None:
                encoder = SoundEncoder(codec)
                for block in self._past:
                    encoder.step(block)
            encoders[name] = encoder
            payloads[name] = encoder.step(self._block)
        self._encoders, self.payloads = encoders, payloads
