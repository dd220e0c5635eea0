"""The demo clip: two portraits in conversation, which are puppets: photographs with lips moved by the sound.

The photographs (public domain) are of Eileen Collins and Grace Hopper; the recorded voices are of others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from scipy.signal import resample_poly

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.common.cache import cache_folder, kept_folder
from streamer.demo.puppet import Pose, Puppet
from streamer.demo.sound import RATE, SECONDS, TURNS, Turn, mouth_openings, voices
from streamer.errors import UserError

VERSION = "demo-7"
"""Names the cached files; changes with anything that changes them."""

WIDTH, HEIGHT, FRAME_RATE = 854, 480, 25
LIP_LEAD = 0.06
"""Seconds by which the lips move before their sound, as measured on recorded video."""

WIDEST = 0.13
"""Opening of the mouth at the loudest sounds, outer eye-corner distances."""

FRAMING = (("astronaut", 100.0, 10.0, 250.0), ("grace_hopper", 45.0, 15.0, 440.0))
"""Photograph, and the left, top and width of what is shown of it, pixels; left portrait first."""

STATEMENT = (
    "Two puppets: public-domain photographs of Eileen Collins and Grace Hopper with lips moved by the sound. "
    "The voices are recordings of other people; neither woman said any of this."
)


@dataclass(frozen=True, slots=True)
class DemoClip:
    """The clip and what is known of it.

    Attributes:
        path: H.264 and AAC in MP4, 854x480, 25 frames a second; it begins and ends silent, so it loops.
        sources: The two clean voices as mono 16 kHz WAV, left portrait first; their sum is the clip's sound.
        schedule: Who speaks when.
        boxes: Where the two faces rest: x, y, width, height as fractions of the picture.
    """

    path: Path
    sources: tuple[Path, Path]
    schedule: tuple[Turn, ...]
    boxes: tuple[tuple[float, float, float, float], ...]


def demo_clip(cache_dir: Path | None = None) -> DemoClip:
    """Return the clip, made on first use (about 15 s of one core) and kept.

    Args:
        cache_dir: Where to keep it; the user's cache if None.

    Raises:
        UserError: a photograph or a voice is not installed, or the folder cannot be written.
    """
    root = cache_folder() if cache_dir is None else cache_dir
    try:
        folder = kept_folder(root, VERSION, _fill)
    except OSError as error:
        raise UserError(f"the demo clip cannot be kept in {root}: {error.strerror or error}") from error
    described = json.loads((folder / "demo.json").read_text())
    schedule = tuple(Turn(t["start"], t["end"], tuple(t["speakers"])) for t in described["schedule"])
    boxes = tuple((b[0], b[1], b[2], b[3]) for b in described["boxes"])
    return DemoClip(folder / "demo.mp4", (folder / "source-0.wav", folder / "source-1.wav"), schedule, boxes)


def _fill(folder: Path) -> None:
    sources = voices()
    puppets = [Puppet(_portrait(*framing)) for framing in FRAMING]
    _encode(folder / "demo.mp4", sources.sum(axis=0), _frames(puppets, sources))
    for i, pcm in enumerate(sources):
        slow = resample_poly(pcm, 1, RATE // SAMPLE_RATE)
        soundfile.write(folder / f"source-{i}.wav", slow, SAMPLE_RATE, subtype="PCM_16")
    boxes = [_shown_box(puppet.box, i) for i, puppet in enumerate(puppets)]
    facts = {
        "statement": STATEMENT,
        "seconds": SECONDS,
        "schedule": [asdict(turn) for turn in TURNS],
        "boxes": boxes,
    }
    (folder / "demo.json").write_text(json.dumps(facts, indent=1))


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


def _shown_box(box: tuple[float, float, float, float], place: int) -> tuple[float, float, float, float]:
    x, y, w, h = box
    return (x + place) / 2, y, w / 2, h


def _poses(pcm: F32, seed: int) -> list[Pose]:
    """Return every frame's pose: lips from the sound, head from slow waves that meet where the clip loops."""
    count = round(SECONDS * FRAME_RATE)
    opening, bright = mouth_openings(pcm, RATE, FRAME_RATE, LIP_LEAD)
    phase = np.arange(count) / count * 2 * np.pi
    random = np.random.default_rng(seed)

    def wave(cycles: tuple[int, ...]) -> F32:
        waves = [np.sin(c * phase + random.uniform(0, 2 * np.pi)) for c in cycles]
        total: F32 = (np.sum(waves, axis=0) / len(cycles)).astype(np.float32)
        return total

    kernel = np.hanning(27)[1:-1]
    # A speaker's head nods with the phrase.
    effort = np.convolve(opening, kernel / kernel.sum(), "same")
    dx, dy = 5.0 * wave((5, 9, 14)), 3.0 * wave((6, 11)) + 5.0 * effort
    turn = 0.03 * wave((4, 7, 13)) + 0.012 * effort * wave((19, 23))
    scale = 1 + 0.012 * wave((3, 8))
    lids = np.zeros(count, np.float32)
    at = int(random.integers(30, 80))
    while at < count - 10:
        lids[at : at + 5] = (0.5, 1, 1, 0.7, 0.3)
        at += int(random.integers(70, 150))
    # Bright sounds (ee, s) are said with wide lips, dark ones (oo) with narrow ones.
    narrow = opening * (0.10 - 0.12 * bright)
    return [
        Pose(
            opening=WIDEST * float(opening[i]),
            narrow=float(narrow[i]),
            lids=float(lids[i]),
            shift=(float(dx[i]), float(dy[i])),
            turn=float(turn[i]),
            scale=float(scale[i]),
        )
        for i in range(count)
    ]


def _frames(puppets: list[Puppet], sources: F32) -> Iterator[U8]:
    """Yield the clip's pictures, uint8 (480, 854, 3)."""
    poses = [_poses(pcm, 11 + i) for i, pcm in enumerate(sources)]
    with ThreadPoolExecutor(len(puppets), "puppet") as pool:
        for both in zip(*poses, strict=True):
            halves = pool.map(lambda pair: pair[0].draw(pair[1]), zip(puppets, both, strict=True))
            yield np.concatenate(list(halves), axis=1)


def _encode(path: Path, sound: F32, frames: Iterator[U8]) -> None:
    """Write an MP4; sound and picture begin together."""
    with av.open(f"file:{path}", "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # Key frames every 2 s and no B-frames: cheap to decode, nothing to reorder.
        video.options = {"preset": "veryfast", "crf": "20", "tune": "fastdecode", "g": "50", "bf": "0"}
        audio = container.add_stream("aac", rate=RATE, layout="mono", bit_rate=128_000)
        done = 0
        for i, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, FRAME_RATE)
            container.mux(video.encode(picture))
            until = (i + 1) * RATE // FRAME_RATE
            block = av.AudioFrame.from_ndarray(sound[None, done:until], format="fltp", layout="mono")
            block.sample_rate, block.pts, block.time_base = RATE, done, Fraction(1, RATE)
            container.mux(audio.encode(block))
            done = until
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
