"""The demo clip: two portraits in conversation, which are puppets: photographs that the sound moves.

The photographs (public domain) are of Eileen Collins and Grace Hopper; the recorded voices are of others.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from models.common.audio import SAMPLE_RATE
from models.common.cache import cache_folder, kept_folder
from streamer.demo.sound import RATE, SECONDS, TURNS, Turn, voices
from streamer.errors import UserError

VERSION = "demo-8"
"""Names the cached files; changes with anything that changes them."""

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
    """Return the clip, made on first use (half a minute of one core) and kept.

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
    # Torch takes seconds to import, and the clip is made once.
    from streamer.demo.film import film

    sources = voices()
    slow = [resample_poly(pcm, 1, RATE // SAMPLE_RATE).astype(np.float32) for pcm in sources]
    boxes = film(folder / "demo.mp4", sources.sum(axis=0), slow)
    for i, pcm in enumerate(slow):
        soundfile.write(folder / f"source-{i}.wav", pcm, SAMPLE_RATE, subtype="PCM_16")
    facts = {
        "statement": STATEMENT,
        "seconds": SECONDS,
        "schedule": [asdict(turn) for turn in TURNS],
        "boxes": boxes,
    }
    (folder / "demo.json").write_text(json.dumps(facts, indent=1))
