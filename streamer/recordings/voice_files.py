"""Separated voices on disk: a WAV per face and one of the rest, which add up to the mixture exactly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from models.common.arrays import F32, I16
from models.common.audio import SAMPLE_RATE, to_pcm16
from streamer.recordings.wav_file import WavFile


class VoiceFiles:
    """`face-<id>.wav`, `voice-<id>.wav` of voices that belong to no face, and `rest.wav`, mono 16 kHz.

    Args:
        folder: Where they are made; `rest.wav` at once, the others when their voice is first heard.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rest = WavFile(folder / "rest.wav", SAMPLE_RATE)
        self._faces: dict[int, WavFile] = {}
        self._begins: dict[int, int] = {}
        self._mixture: I16 = np.zeros(0, np.int16)
        self.done = 0

    def begin(self, id: int, position: int) -> None:
        """Say that a face is there from sample `position` on; its file is silent before."""
        self._begins.setdefault(id, position)

    def heard(self, pcm: F32) -> None:
        """Add to the mixture, shape (N,)."""
        self._mixture = np.concatenate([self._mixture, to_pcm16(pcm)])

    def separated(self, position: int, voices: dict[int, F32]) -> None:
        """Write what has come back for a stretch of the mixture.

        Args:
            position: Of its first sample; what lies before the beginning is left out.
            voices: Per face shape (N,); where there are none, all of it is rest.
        """
        size = min((len(pcm) for pcm in voices.values()), default=len(self._mixture) + self.done - position)
        skip = self.done - position
        size -= skip
        if size <= 0:
            return
        # In whole numbers, so that the files add up to the mixture exactly.
        rest = self._mixture[:size].astype(np.int64)
        for id, pcm in voices.items():
            voice = to_pcm16(pcm[skip : skip + size])
            voice[: max(0, min(self._begins.get(id, 0) - self.done, size))] = 0
            self._face(id).put(self.done, voice)
            rest -= voice
        self._rest.put(self.done, np.clip(rest, -32768, 32767).astype(np.int16))
        self._mixture = self._mixture[size:]
        self.done += size

    def _face(self, id: int) -> WavFile:
        if id not in self._faces:
            name = f"face-{id}.wav" if id > 0 else f"voice-{-id}.wav"
            self._faces[id] = WavFile(self._folder / name, SAMPLE_RATE)
        return self._faces[id]

    def finish(self, length: int, faces: Iterable[int], joined: Iterable[tuple[int, int]] = ()) -> None:
        """Give every file exactly `length` samples; a face that was never heard gets a silent one.

        Args:
            length: Samples.
            faces: Which there are.
            joined: Speakers that turned out to be somebody else, (gone, stays) each: the file of both is the latter's.
        """
        for id in faces:
            self._face(id)
        for gone, stays in joined:
            if gone in self._faces:
                self._face(stays).add(self._faces.pop(gone))
        for wav in (self._rest, *self._faces.values()):
            wav.finish(length)
