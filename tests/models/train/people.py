"""Data as models.train.data reads it, of made-up people."""

import json
from pathlib import Path

import numpy as np
import soundfile

from models.train.data.speakers import LISTS

RATE = 16_000


def write_people(root: Path, seconds: float, filmed_seconds: float = 6, each: int = 3, ogg: bool = False) -> Path:
    """Write `each` people of every list in every set, who hum, each at their own pitch; and noises.

    Args:
        root: Folder.
        seconds: Of each person's only clip, and `filmed_seconds` of those who were filmed.
        each: People of a list.
        ogg: As Ogg/Vorbis, in place of decoded sound.
    """
    rng = np.random.default_rng(0)

    def write(path: Path, sound: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ogg:
            soundfile.write(path.with_suffix(".ogg"), sound, RATE)
        else:
            np.save(path.with_suffix(".npy"), (32767 * sound).astype(np.int16))

    for name, by in json.loads(LISTS.read_text()).items():
        kind = "av" if name in ("grid_s1_train", "news_arabic") else "speech"
        index, sounds, at, frames = [], [], 0, 0
        twice = 2 if name == "news_arabic" else 1  # one clip to be mixed, one for the print
        for who in (one for split in by.values() for one in split[:each] for _ in range(twice)):
            size = int((seconds if kind == "speech" else filmed_seconds) * RATE)
            t = np.arange(size) / RATE
            sounds.append(np.sin(2 * np.pi * rng.uniform(100, 250) * t) * (1 + np.sin(2 * np.pi * 3 * t)) * 0.1)
            one = {"speaker": who, "start": at, "samples": size, "file": who}
            if kind == "av":
                one |= {"clip": who, "frame": frames, "frames": size // 640}
            if name == "news_arabic":
                one["person"] = int(who.removeprefix("news-"))
            index.append(one)
            at, frames = at + size, frames + size // 640
        if name == "news_arabic":
            index.append({**index[0], "person": -1})
        write(root / kind / name, np.concatenate(sounds))
        (root / kind / f"{name}.json").write_text(json.dumps(index))
        if kind == "av":
            np.savez(root / kind / f"{name}_lips.npz", delta=rng.integers(-30, 30, (frames, 80)).astype(np.int16))
    files = ["n1.flac", "n5.flac", "n10.flac", "kitchen.flac"]
    size = 3 * RATE
    write(root / "noise" / "nonspeech100", rng.normal(0, 0.1, size * len(files)).clip(-1, 1))
    index = [{"file": file, "start": k * size, "samples": size} for k, file in enumerate(files)]
    (root / "noise" / "nonspeech100.json").write_text(json.dumps(index))
    return root
