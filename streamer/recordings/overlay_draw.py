"""What is drawn on the pictures of the overlay video, straight on their planes: that spares two colour conversions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from models.common.arrays import F32, U8
from streamer.engine.types import FaceState, VoiceState, speaker_name
from streamer.observer.types import GRID, Localization
from streamer.recordings.annotations import Annotations
from streamer.recordings.lettering import fitted, ink

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

SPEAKING = 0.5
"""Probability from which a face is drawn as speaking."""

QUIET = (190, 128, 128)
TALKING = (170, 84, 66)
PAPER = (225, 128, 128)
HOT = (200, 40, 200)
"""Colours as Y, Cb, Cr: light grey, green, near white, orange."""

INK = 20
"""Brightness of letters."""

HEAT = 0.6
"""How much of a picture's own colour the hottest place loses."""

VOICES: dict[VoiceState, str] = {
    "unknown": "",
    "listening": ", learning voice",
    "known": ", voice {:.0%} known",
    "dropped": ", voice dropped",
}
"""What is written of a voice print, with its confidence."""

Tint = tuple[int, int, int, int, F32]
"""Top, bottom, left, right of what is tinted of a plane, and how much of its own colour each pixel there loses."""


@dataclass(frozen=True)
class Canvas:
    """A picture to draw on, in place.

    Args:
        planes: Shape (height * 3 / 2, width), uint8: yuv420p as PyAV lays it out.
        width: Even.
        height: Even.
        names: Of faces that have one.
    """

    planes: U8
    width: int
    height: int
    names: Mapping[int, str] = field(default_factory=dict)

    def draw(self, faces: list[FaceState], annotations: Annotations) -> None:
        """Draw everything: heat below, then faces with their captions, then what is heard and seen."""
        if annotations.place is not None and annotations.place.peak is not None:
            self.heat(annotations.place)
        for face in faces:
            self.face(face, annotations.captions.get(face.id, ()))
        shown = {face.id for face in faces}
        loose = [line for face, lines in annotations.captions.items() if face not in shown for line in lines]
        lines = [f"[{', '.join(annotations.tags)}]"] if annotations.tags else []
        lines += loose
        bottom = self.height - self._margin
        for line in reversed(lines):
            bottom = self.label(line, self._margin, bottom, PAPER, rises=True)[1] - self._margin // 2
        if annotations.description:
            self.label(annotations.description, self._margin, self._margin, PAPER)

    def heat(self, place: Localization) -> None:
        """Tint the picture where the sound comes from."""
        for plane, colour in zip(self._planes, HOT, strict=True):
            top, bottom, left, right, share = _tint(place.heat, *plane.shape)
            part = plane[top:bottom, left:right]
            part[:] = np.rint(part + (colour - part.astype(np.float32)) * share).astype(np.uint8)

    def face(self, face: FaceState, caption: Sequence[str]) -> None:
        """Draw a face's box, its name above, and what it says below."""
        talking = face.speaking >= SPEAKING
        colour = TALKING if talking else QUIET
        x, y, w, h = face.box
        left, top = round(x * self.width), round(y * self.height)
        right, bottom = round((x + w) * self.width), round((y + h) * self.height)
        thick = max(2, self.height // 240)
        border = thick * 2 if talking else thick
        for plane, value in zip(self._planes, colour, strict=True):
            step = self.width // plane.shape[1]
            corner, opposite = (left // step, top // step), (right // step, bottom // step)
            cv2.rectangle(plane, corner, opposite, value, max(1, border // step))
        known = VOICES[face.voice].format(face.voice_confidence)
        text = self.names.get(face.id, speaker_name(face.id)) + known + (", speaking" if talking else "")
        label_height = self._text_box(text)[1]
        if top - label_height >= 0:
            self.label(text, left, top, colour, rises=True)
        else:
            self.label(text, left, min(bottom, self.height - label_height), colour)
        edge = min(bottom + thick, self.height - len(caption) * label_height)
        for line in caption:
            edge = self.label(line, left, edge, PAPER)[3]

    def label(self, text: str, left: int, edge: int, colour: tuple[int, int, int], rises: bool = False) -> Box:
        """Write a line on a ground of its own, moved so that it stays in the picture.

        Args:
            text: What is too long loses its beginning.
            left: Pixels.
            edge: Top of the ground in pixels, or its bottom if it `rises`.
            colour: Of the ground.
            rises: Whether `edge` is the bottom.

        Returns:
            Where the ground is.
        """
        letters = ink(fitted(text, self._size, self.width - 2 * self._pad), self._size)
        width, height = min(letters.shape[1] + 2 * self._pad, self.width), letters.shape[0] + 2 * self._pad
        top = edge - height if rises else edge
        top = max(0, min(top, self.height - height))
        left = max(0, min(left, self.width - width))
        for plane, value in zip(self._planes, colour, strict=True):
            step = self.width // plane.shape[1]
            a, b, c, d = (n // step for n in (left, top, left + width, top + height))
            cv2.rectangle(plane, (a, b), (c, d), value, cv2.FILLED)
        x, y = left + self._pad, top + self._pad
        under = self._planes[0][y : y + letters.shape[0], x : x + letters.shape[1]]
        letters = letters[: under.shape[0], : under.shape[1]]
        under[:] = colour[0] + ((INK - colour[0]) * letters.astype(np.int16) // 255)
        return left, top, left + width, top + height

    @property
    def _planes(self) -> tuple[U8, U8, U8]:
        luma = self.planes[: self.height]
        half, quarter = (self.height // 2, self.width // 2), (self.width // 2) * (self.height // 2)
        chroma = self.planes[self.height :].reshape(-1)
        return luma, chroma[:quarter].reshape(half), chroma[quarter:].reshape(half)

    @property
    def _size(self) -> int:
        return max(8, round(self.height / 34))

    @property
    def _pad(self) -> int:
        return max(2, self.height // 160)

    @property
    def _margin(self) -> int:
        return max(4, self.height // 60)

    def _text_box(self, text: str) -> tuple[int, int]:
        """Return the width and height of a label."""
        height, width = ink(text, self._size).shape
        return width + 2 * self._pad, height + 2 * self._pad


@lru_cache(maxsize=8)
def _tint(heat: bytes, height: int, width: int) -> Tint:
    """Return what a heat map tints; one holds for several pictures, and most of it is cold."""
    grid = np.frombuffer(heat, np.uint8).reshape(GRID, GRID).astype(np.float32) / 255
    share = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1) ** 2 * HEAT
    # Less changes no colour.
    hot = share > 1 / 512
    rows, columns = np.flatnonzero(hot.any(axis=1)), np.flatnonzero(hot.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0, np.zeros((0, 0), np.float32)
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return top, bottom, left, right, np.asarray(share[top:bottom, left:right], np.float32)
