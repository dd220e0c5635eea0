"""What stands in a composed scene: a face that talks, a filmed talker, or a picture of something, and how it moves."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.common.arrays import F32, I16, U8
from models.common.audio import SAMPLE_RATE
from models.faces.mesh import INNER_LIP
from models.train.localization.scene_stock import Portrait, Talk, Video

FRAMES = 75
SAMPLES = 3 * SAMPLE_RATE
LEVELS = 7
"""Mouth openings that are drawn; those between are blended."""

WIDEST = 0.32
"""Widest opening, eye distances."""

Rng = np.random.Generator


@dataclass
class Actor:
    """Something that stands in a scene.

    Attributes:
        sprites: float32 (K, S, S, C + 1), 0..255; the last channel is how opaque, 0..255. One a frame of a video,
            one an opening of a mouth, or one.
        which: float32 (FRAMES,), sprite of each frame; parts are blended.
        box: (x, y, width, height) of what makes the sound, as fractions of the sprite.
        shift: float32 (FRAMES, 2), right and down, sides of the sprite.
        scale: float32 (FRAMES,).
        turn: float32 (FRAMES,), radians.
        light: float32 (FRAMES,), factor.
        face: whether it is a face.
    """

    sprites: F32
    which: F32
    box: tuple[float, float, float, float]
    shift: F32
    scale: F32
    turn: F32
    light: F32
    face: bool


def envelope(sound: I16 | F32, lead: float = 0.0) -> F32:
    """Return how strong a sound is, 0..1, for each frame: float32 (FRAMES,).

    Args:
        sound: Shape (SAMPLES,).
        lead: seconds by which what is seen comes before it is heard.
    """
    x = np.asarray(sound, np.float32)
    x = np.append(x[:1] * 0, np.diff(x))  # less of the bass, which is mostly room
    power = np.convolve(x * x, np.ones(800, np.float32) / 800, "same")
    at = np.clip(((np.arange(FRAMES) + 0.5) * 0.04 + lead) * SAMPLE_RATE, 0, len(x) - 1).astype(int)
    level = 10 * np.log10(power[at] + 1e-6 * power.max() + 1e-9)
    floor = max(float(np.quantile(level, 0.1)), level.max() - 30)
    strong: F32 = np.clip((level - floor) / max(level.max() - floor, 6.0), 0, 1).astype(np.float32)
    return strong


def wandering(rng: Rng, seconds: float) -> F32:
    """Smooth noise of deviation 1 that changes within about so many seconds: float32 (FRAMES,)."""
    width = max(1, round(seconds / 0.04))
    noise = rng.normal(size=FRAMES + 4 * width)
    smooth = np.convolve(np.convolve(noise, np.hanning(width + 2)[1:-1], "same"), np.ones(width), "same")
    part: F32 = smooth[2 * width : 2 * width + FRAMES].astype(np.float32)
    return np.asarray((part - part.mean()) / (part.std() + 1e-6), np.float32)


def mouth(talk: Talk | None, sound: I16, rng: Rng) -> F32:
    """Open a mouth that says this, (FRAMES,) eye distances: as filmed, or made up from the sound."""
    if talk is not None and talk.opening is not None:
        seen = np.resize(talk.opening, FRAMES).astype(np.float32)
        opening = (seen - np.quantile(seen, 0.05)) * np.float32(rng.uniform(0.9, 1.6))
        return np.asarray(np.clip(opening, 0, WIDEST), np.float32)
    strong = envelope(sound, rng.uniform(0.0, 0.1))
    strong = strong * (1 + np.float32(rng.uniform(0, 0.35)) * wandering(rng, 0.15))
    strong = np.convolve(strong, [0.2, 0.6, 0.2], "same").clip(0).astype(np.float32)
    return np.asarray(np.clip(strong**1.5 * np.float32(rng.uniform(0.12, 0.28)), 0, WIDEST), np.float32)


def soft_edge(size: int, rng: Rng, ellipse: tuple[float, float, float, float] | None = None) -> F32:
    """Return how opaque a sprite is, (size, size), 0..255: an ellipse around a box of it, or a frame, soft or hard."""
    y, x = (np.mgrid[:size, :size].astype(np.float32) + 0.5) / size
    if ellipse is not None:
        left, top, w, h = ellipse
        away = np.hypot((x - left - w / 2) / (0.78 * w), (y - top - 0.42 * h) / (0.85 * h))
        inner = np.clip((1 - away) / rng.uniform(0.12, 0.3), 0, 1)
    else:
        soft = rng.choice([0.01, 0.06, 0.12])
        inner = np.clip(np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y)) / soft, 0, 1)
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    opaque: F32 = (255 * np.minimum(inner, np.clip(edge * size / 2, 0, 1))).astype(np.float32)
    return opaque


def _sprite(picture: U8, left: float, top: float, side: float, size: int) -> F32:
    """Cut a square of a picture as float32 (size, size, C)."""
    scale = side / size
    to_picture = np.array([[scale, 0, left + 0.5 * scale - 0.5], [0, scale, top + 0.5 * scale - 0.5]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    if scale > 1:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.45 * scale)
    cut = cv2.warpAffine(picture, to_picture, (size, size), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.float32).reshape(size, size, -1)


def _with_edge(sprites: F32, edge: F32) -> F32:
    return np.concatenate([sprites, np.broadcast_to(edge[None, :, :, None], (*sprites.shape[:3], 1))], axis=3)


def crop_of_face(box: tuple[float, float, float, float], rng: Rng) -> tuple[float, float, float]:
    """Return a square around a face: left, top, side, in the unit of the box."""
    x, y, w, h = box
    side = max(w, h) * rng.uniform(1.5, 1.9)
    return x + w / 2 - side / 2 + rng.uniform(-0.08, 0.08) * w, y + 0.45 * h - side / 2, side


def talking_sprites(picture: U8, face: Portrait, square: tuple[float, float, float], size: int) -> F32:
    """Draw a face with its mouth shut to wide open: float32 (LEVELS, size, size, C).

    The lower lip and jaw slide down from the seam between the lips, and what opens is dark.
    """
    left, top, side = square
    still = _sprite(picture, left, top, side, size)
    points = (face.points - (left, top)) * (size / side)
    eyes = points[[33, 133, 263, 362]]
    unit = float(np.hypot(*(eyes[2:].mean(axis=0) - eyes[:2].mean(axis=0))))
    inner = points[INNER_LIP]
    corner, other = inner[0], inner[10]
    middle, half = (corner[0] + other[0]) / 2, max(abs(other[0] - corner[0]) / 2, 2.0)
    slope = (other[1] - corner[1]) / (other[0] - corner[0] + 1e-6)
    seam_middle = float((inner[5, 1] + inner[15, 1]) / 2)
    jaw = max(float(points[152, 1]) - seam_middle, 4.0)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    u = (x - middle) / half
    seam = seam_middle + slope * (x - middle)
    open_here = np.clip(1 - u**2, 0, 1)
    below = (y - seam) / jaw
    spread = np.clip(below / 0.7, 0, 1)
    lateral = open_here * (1 - spread) + np.exp(-((u / 1.6) ** 2)) * spread
    fade = np.clip(2.0 - below, 0, 1)
    dark = np.array([32, 14, 16], np.float32) if still.shape[2] == 3 else np.array([20], np.float32)
    drawn = []
    for level in range(LEVELS):
        opening = WIDEST * unit * level / (LEVELS - 1)
        low, high = seam + 0.85 * opening * open_here, seam - 0.15 * opening * open_here
        source = np.where(y > seam, y - 0.85 * opening * lateral * fade, y).astype(np.float32)
        source = np.where((y > seam) & (y < low), seam, source).astype(np.float32)
        moved = cv2.remap(still, x, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved = moved.reshape(size, size, -1)
        inside = np.clip(low - y, 0, 1) * np.clip(y - high, 0, 1) * np.clip(low - high - 0.3, 0, 1)
        drawn.append(moved + inside[..., None] * (dark - moved))
    return np.stack(drawn)


def still_pose() -> tuple[F32, F32, F32, F32]:
    """Shift, scale, turn and light of what does not move."""
    one = np.ones(FRAMES, np.float32)
    return np.zeros((FRAMES, 2), np.float32), one.copy(), 0 * one, one.copy()


def head_pose(rng: Rng, opening: F32) -> tuple[F32, F32, F32, F32]:
    """Pose a head that sways a little, and nods with what it says."""
    shift, scale, turn, light = still_pose()
    lively = rng.choice([0.0, 0.4, 1.0], p=[0.15, 0.4, 0.45])
    effort = np.convolve(opening, np.hanning(15) / 7, "same").astype(np.float32)
    for axis in (0, 1):
        shift[:, axis] = lively * rng.uniform(0.004, 0.015) * wandering(rng, rng.uniform(0.3, 1.0))
    shift[:, 1] += np.float32(lively * rng.uniform(0, 0.15)) * effort
    turn += np.float32(lively * rng.uniform(0, 0.02)) * wandering(rng, 0.6)
    turn += np.float32(lively * rng.uniform(-0.15, 0.15)) * effort
    scale += np.float32(lively * rng.uniform(0, 0.006)) * wandering(rng, 0.8)
    return shift, scale, turn, light


def moving_pose(rng: Rng, drive: F32) -> tuple[F32, F32, F32, F32]:
    """Pose a thing that moves as `drive` (FRAMES,), 0..1, says, in one or two of several ways."""
    shift, scale, turn, light = still_pose()
    for way in rng.choice(["bounce", "swell", "turn", "shake", "flash"], size=rng.integers(1, 3), replace=False):
        if way == "bounce":
            angle = rng.uniform(0, 2 * np.pi)
            shift += rng.uniform(0.02, 0.07) * drive[:, None] * np.array([np.cos(angle), np.sin(angle)], np.float32)
        elif way == "swell":
            scale += np.float32(rng.uniform(0.03, 0.1)) * drive
        elif way == "turn":
            turn += np.float32(rng.choice([-1, 1]) * rng.uniform(0.03, 0.12)) * drive
        elif way == "shake":
            shift += rng.uniform(0.008, 0.025) * drive[:, None] * rng.normal(size=(FRAMES, 2)).astype(np.float32)
        else:
            light += np.float32(rng.choice([-1, 1]) * rng.uniform(0.1, 0.35)) * drive
    return shift, scale, turn, light


def face_actor(picture: U8, face: Portrait, opening: F32, rng: Rng, size: int, moves: bool = True) -> Actor:
    """Make an actor of a photographed face, its mouth open as far as `opening` (FRAMES,) says."""
    square = crop_of_face(face.box, rng)
    sprites = talking_sprites(picture, face, square, size)
    return _face(sprites, face.box, square, opening * ((LEVELS - 1) / WIDEST), opening, rng, moves)


def video_actor(video: Video, rng: Rng, size: int, offset: int = 0) -> Actor:
    """Make an actor of a filmed talker, from frame `offset` on, and round."""
    square = crop_of_face(video.box, rng)
    sprites = np.stack([_sprite(picture, *square, size) for picture in video.pictures])
    which = ((np.arange(FRAMES) + offset) % FRAMES).astype(np.float32)
    return _face(sprites, video.box, square, which, np.zeros(FRAMES, np.float32), rng, False)


def _face(
    sprites: F32,
    box: tuple[float, float, float, float],
    square: tuple[float, float, float],
    which: F32,
    opening: F32,
    rng: Rng,
    moves: bool,
) -> Actor:
    left, top, side = square
    inside = ((box[0] - left) / side, (box[1] - top) / side, box[2] / side, box[3] / side)
    edge = soft_edge(sprites.shape[1], rng, inside if rng.random() < 0.6 else None)
    shift, scale, turn, light = head_pose(rng, opening) if moves else still_pose()
    return Actor(_with_edge(sprites, edge), which, inside, shift, scale, turn, light, face=True)


def thing_actor(picture: U8, rng: Rng, size: int, pose: tuple[F32, F32, F32, F32]) -> Actor:
    """Make an actor of the middle of a picture, a thing; all of it counts as the source."""
    share = rng.uniform(0.7, 0.95)
    height, width = picture.shape[:2]
    side = share * min(height, width)
    left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    sprites = _sprite(picture, left, top, side, size)[None]
    edge = soft_edge(size, rng)
    which = np.zeros(FRAMES, np.float32)
    return Actor(_with_edge(sprites, edge), which, (0.0, 0.0, 1.0, 1.0), *pose, face=False)
