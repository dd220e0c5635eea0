"""What is drawn on the pictures of the overlay video, straight on their planes: that spares two colour conversions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from models.common.arrays import U8
from streamer.engine.types import FaceState, VoiceState, speaker_name
from streamer.observer.types import GRID, Localization
from streamer.recordings.annotations import Annotations

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

FONT = cv2.FONT_HERSHEY_SIMPLEX


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
        grid = np.frombuffer(place.heat, np.uint8).reshape(GRID, GRID).astype(np.float32) / 255
        for plane, colour in zip(self._planes, HOT, strict=True):
            height, width = plane.shape
            share = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1) ** 2 * HEAT
            plane[:] = np.rint(plane + (colour - plane.astype(np.float32)) * share).astype(np.uint8)

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
            text: Letters beyond ASCII become question marks; what is too long loses its beginning.
            left: Pixels.
            edge: Top of the ground in pixels, or its bottom if it `rises`.
            colour: Of the ground.
            rises: Whether `edge` is the bottom.

        Returns:
            Where the ground is.
        """
        text = text.encode("ascii", "replace").decode()
        while self._text_box(text)[0] > self.width and " " in text:
            text = text.split(" ", 1)[1]
        width, height = self._text_box(text)
        top = edge - height if rises else edge
        top = max(0, min(top, self.height - height))
        left = max(0, min(left, self.width - width))
        for plane, value in zip(self._planes, colour, strict=True):
            step = self.width // plane.shape[1]
            a, b, c, d = (n // step for n in (left, top, left + width, top + height))
            cv2.rectangle(plane, (a, b), (c, d), value, cv2.FILLED)
        below = cv2.getTextSize(text, FONT, self._size, 1)[1]
        place = (left + self._pad, top + height - self._pad - below // 2)
        cv2.putText(self._planes[0], text, place, FONT, self._size, INK, 1, cv2.LINE_AA)
        return left, top, left + width, top + height

    @property
    def _planes(self) -> tuple[U8, U8, U8]:
        luma = self.planes[: self.height]
        half, quarter = (self.height // 2, self.width // 2), (self.width // 2) * (self.height // 2)
        chroma = self.planes[self.height :].reshape(-1)
        return luma, chroma[:quarter].reshape(half), chroma[quarter:].reshape(half)

    @property
    def _size(self) -> float:
        return self.height / 900

    @property
    def _pad(self) -> int:
        return max(2, self.height // 160)

    @property
    def _margin(self) -> int:
        return max(4, self.height // 60)

    def _text_box(self, text: str) -> tuple[int, int]:
        """Return the width and height of a label."""
        (width, height), below = cv2.getTextSize(text, FONT, self._size, 1)
        return width + 2 * self._pad, height + below + 2 * self._pad
