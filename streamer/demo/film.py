"""The pictures of the demo clip: each portrait says what its voice says, as a camera that is off is stood in for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.faces.mesh import FaceMesher, Mesh
from models.portrait.draw import Portrait
from models.portrait.find import find_face
from models.portrait.life import Stance, stances
from models.portrait.mouth import RATE as PICTURES
from models.portrait.mouth import Mouth, opening
from streamer.demo.sound import RATE
from streamer.errors import UserError
from streamer.media.made_video import COMMENT, Mark, add_xmp

WIDTH, HEIGHT = 854, 480

FRAMING = (("astronaut", 100.0, 10.0, 250.0), ("grace_hopper", 45.0, 15.0, 440.0))
"""Photograph, and the left, top and width of what is shown of it, pixels; left portrait first."""

SEED = 11
"""Of the first head's movements."""

HOME = 0.8
"""Seconds at the end in which heads come back to where they began, so that the clip loops."""

Box = tuple[float, float, float, float]


def film(path: Path, sound: F32, voices: Sequence[F32]) -> list[Box]:
    """Have the portraits talk.

    Args:
        path: Of the MP4 that is written, 854x480, 25 pictures a second.
        sound: (N,) at 48 kHz, what is heard.
        voices: (N,) at 16 kHz each, left portrait first.

    Returns:
        Where the faces rest: x, y, width, height as fractions of the picture.

    Raises:
        UserError: a photograph is not installed.
    """
    mouth, mesher = Mouth(), FaceMesher()
    photographs = [_portrait(*framing) for framing in FRAMING]
    faces = [find_face(photograph, mesher) for photograph in photographs]
    puppets = [Portrait(rgb, face, mouth.rest) for rgb, face in zip(photographs, faces, strict=True)]
    shapes = [mouth.shapes(pcm) for pcm in voices]
    _encode(path, sound, _pictures(puppets, shapes))
    add_xmp(path)
    return [_shown_box(face, i) for i, face in enumerate(faces)]


def _pictures(puppets: list[Portrait], shapes: list[F32]) -> Iterator[U8]:
    """Yield the pictures, uint8 (480, 854, 3)."""
    moves = [_stances(opening(shown), SEED + i) for i, shown in enumerate(shapes)]
    mark = Mark(WIDTH, HEIGHT)
    with ThreadPoolExecutor(len(puppets), "puppet") as pool:
        for now in zip(*shapes, *moves, strict=True):
            halves = pool.map(Portrait.draw, puppets, now[: len(puppets)], now[len(puppets) :])
            picture = np.concatenate(list(halves), axis=1)
            mark.draw(picture)
            yield picture


def _portrait(name: str, left: float, top: float, width: float) -> U8:
    """Return one half of the picture, uint8 (480, 427, 3)."""
    photograph = _photograph(name)
    scale = (WIDTH / 2) / width
    shown = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    drawn: U8 = cv2.warpAffine(
        photograph, shown, (WIDTH // 2, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8)
    return drawn


def _photograph(name: str) -> U8:
    """Return a public-domain portrait out of an installed package, uint8 RGB."""
    if name == "astronaut":
        import skimage.data

        return np.ascontiguousarray(skimage.data.astronaut())
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "sample_data" / f"{name}.jpg"
    image = cv2.imread(str(path))
    if image is None:
        raise UserError(f"the demo's portrait is missing: {path} cannot be read")
    photograph: U8 = cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(np.uint8)
    return photograph


def _shown_box(face: Mesh, place: int) -> Box:
    x, y, w, h = face.box
    return x / WIDTH + place / 2, y / HEIGHT, w / WIDTH, h / HEIGHT


def _stances(openings: F32, seed: int) -> list[Stance]:
    """Return how a head stands in every picture; it ends where it began."""
    moves = stances(openings, PICTURES, seed)
    left = np.arange(len(moves))[::-1] / (HOME * PICTURES)
    return [
        Stance(**{name: value * float(share) for name, value in asdict(move).items()})
        for move, share in zip(moves, np.minimum(1, left), strict=True)
    ]


def _encode(path: Path, sound: F32, frames: Iterator[U8]) -> None:
    """Write an MP4; sound and picture begin together."""
    with av.open(f"file:{path}", "w", options={"movflags": "+faststart"}) as container:
        container.metadata.update(comment=COMMENT, title="Two puppets: made pictures")
        video = container.add_stream("libx264", rate=PICTURES)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # Key frames every 2 s and no B-frames: cheap to decode, nothing to reorder.
        video.options = {"preset": "veryfast", "crf": "20", "tune": "fastdecode", "g": "50", "bf": "0"}
        audio = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=128_000)
        done = 0
        for i, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, PICTURES)
            container.mux(video.encode(picture))
            until = (i + 1) * RATE // PICTURES
            block = av.AudioFrame.from_ndarray(sound[None, done:until], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, done, Fraction(1, RATE)
            container.mux(audio.encode(block))
            done = until
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
