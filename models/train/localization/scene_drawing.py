"""A composed scene of three seconds: its background and actors, drawn picture by picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.localization.box import Box
from models.train.localization.scene_actors import FRAMES, Actor


@dataclass
class VideoScene:
    """Three seconds.

    Attributes:
        kind: of the source; "silence", "off-screen" or "still music" where nothing to be seen makes the sound.
        sound: float32 (48000,), -1..1.
        box: of the source as fractions of the picture (x, y, width, height); None = not to be seen.
        faces: boxes of all faces.
        every: frames from one picture to the next: 1 = 25 pictures a second, 2 = 12.5.
        moves: whether the source moves with its sound.
        background: uint8 (224, 224, 3), or (224, 224) in grey.
        actors: each with the place of its middle (x, y) and its width as fractions, in the order they are drawn.
        camera: (FRAMES, 2) shift of the whole picture, fractions.
        light: (FRAMES,) factor on all of it.
        noise: deviation of the camera's grain, of 255.
        seed: of the grain.
    """

    kind: str
    sound: F32
    box: Box | None
    faces: list[Box]
    every: int
    moves: bool
    background: U8
    actors: list[tuple[Actor, float, float, float]] = field(default_factory=list)
    camera: F32 = field(default_factory=lambda: np.zeros((FRAMES, 2), np.float32))
    light: F32 = field(default_factory=lambda: np.ones(FRAMES, np.float32))
    noise: float = 0.0
    seed: int = 0

    def in_grey(self) -> VideoScene:
        """Return the same scene without colours, which is drawn faster."""
        actors = [(replace(actor, sprites=_grey(actor.sprites)), x, y, width) for actor, x, y, width in self.actors]
        background = np.asarray(cv2.cvtColor(self.background, cv2.COLOR_RGB2GRAY), np.uint8)
        return replace(self, background=background, actors=actors)

    def picture(self, frame: int) -> U8:
        """Draw one frame, uint8 (224, 224, 3)."""
        return next(self._drawn(224, range(frame, frame + 1)))[1]

    def pictures(self, size: int, first: int = 0) -> Iterator[tuple[int, U8]]:
        """Draw frames from `first` on: their numbers, and uint8 (size, size, 3), without the last axis `in_grey`."""
        return self._drawn(size, range(first, FRAMES, self.every))

    def _drawn(self, size: int, frames: range) -> Iterator[tuple[int, U8]]:
        rng = np.random.default_rng((self.seed, frames.start))
        ground = self.background.astype(np.float32).reshape(224, 224, -1)
        if size != 224:
            ground = cv2.resize(ground, (size, size), interpolation=cv2.INTER_AREA).reshape(size, size, -1)
        for frame in frames:
            shake = self.camera[frame] * size
            # A little larger than the picture, so that shaking shows no edge.
            to_picture = np.array([[1.04, 0, shake[0] - 0.02 * size], [0, 1.04, shake[1] - 0.02 * size]], np.float32)
            how = cv2.BORDER_REPLICATE
            canvas = cv2.warpAffine(ground, to_picture, (size, size), borderMode=how).reshape(ground.shape)
            for actor, x, y, width in self.actors:
                _draw(canvas, actor, frame, x + self.camera[frame, 0], y + self.camera[frame, 1], width)
            canvas *= self.light[frame]
            if self.noise:
                grain = rng.normal(0, self.noise, (size // 2, size // 2)).astype(np.float32)
                canvas += cv2.resize(grain, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]
            picture = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
            yield frame, picture if picture.shape[2] == 3 else picture[..., 0]


def _draw(canvas: F32, actor: Actor, frame: int, x: float, y: float, width: float) -> None:
    """Lay an actor whose sprite is `width` of the picture wide over it, its middle at (x, y)."""
    size, channels = canvas.shape[0], canvas.shape[2]
    sprite = _blended(actor.sprites, float(actor.which[frame]))
    side = len(sprite)
    zoom = width * size / side * float(actor.scale[frame])
    cosine, sine = np.cos(actor.turn[frame]) * zoom, np.sin(actor.turn[frame]) * zoom
    cx = (x + actor.shift[frame, 0] * width) * size
    cy = (y + actor.shift[frame, 1] * width) * size
    reach = 0.75 * zoom * side
    x0, x1 = max(0, int(cx - reach)), min(size, int(cx + reach) + 1)
    y0, y1 = max(0, int(cy - reach)), min(size, int(cy + reach) + 1)
    if x1 <= x0 or y1 <= y0:
        return
    half = side / 2
    to_picture = np.array(
        [
            [cosine, -sine, cx - x0 - half * (cosine - sine)],
            [sine, cosine, cy - y0 - half * (sine + cosine)],
        ]
    )
    laid = cv2.warpAffine(sprite, to_picture, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    opaque = laid[..., channels:] / 255
    area = canvas[y0:y1, x0:x1]
    area += opaque * (laid[..., :channels] * actor.light[frame] - area)


def _blended(sprites: F32, which: float) -> F32:
    low = int(np.clip(which, 0, len(sprites) - 1))
    high, share = min(low + 1, len(sprites) - 1), which - low
    if share < 0.02 or high == low:
        return np.asarray(sprites[low], np.float32)
    mixed: F32 = cv2.addWeighted(sprites[low], 1 - share, sprites[high], share, 0)
    return mixed


def _grey(sprites: F32) -> F32:
    weights = np.array([[0.299, 0], [0.587, 0], [0.114, 0], [0, 1]], np.float32)
    return np.asarray(sprites @ weights, np.float32)
