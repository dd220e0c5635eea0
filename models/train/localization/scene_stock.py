"""What scenes are composed of: pictures, faces in them, sounds by kind, lips with their speech; train and dev apart.

DIR holds `captions/flickr8k_train_dev` (.zip of 224 x 224 pictures, .json), `sound/urbansound8k_folds_1_2_3` and
`noise/nonspeech100` (.ogg, .json), `speech/librispeech`, `av/grid_s1_train` and `av/clips`. For the development set:
Flickr8k's dev pictures, UrbanSound8K's fold 3, every twelfth person or GRID clip, four of the eleven videos.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import soundfile

from models.common.arrays import F32, I16, U8
from models.common.audio import SAMPLE_RATE
from models.faces.detect import FaceDetector
from models.faces.mesh import FaceMesher, Mesh, roi_of_detection, roi_of_mesh

WORDS = {
    "dog": "dog dogs puppy puppies",
    "music": "guitar guitars band musician musicians drum drums drummer piano violin saxophone accordion",
    "vehicle": "car cars bus buses truck trucks motorcycle motorcycles motorbike taxi van suv vehicle vehicles",
    "children": "child children kid kids toddler toddlers baby boy boys girl girls",
}
"""Words of captions by which a picture shows a kind of source."""

CAPTIONS = {"dog": 4, "music": 2, "vehicle": 3, "children": 4}
"""Captions of five that must say so."""

SOUNDS = {"dog": (3,), "music": (9,), "vehicle": (1, 5, 8), "children": (2,)}
"""Classes of UrbanSound8K for each kind."""

ELSEWHERE = (0, 4, 6, 7)
"""Classes that no picture here shows: air conditioner, drilling, gun shot, jackhammer."""

FRAME = 640
"""Samples in a picture's 40 ms."""

DEV_VIDEOS = 4
_INNER_LIP = (25, 35)
"""Lower and upper edge of a mouth's opening among the 40 lip points."""

_LEAST_EYES = 17.0
"""Pixels between the eyes of a face that is animated."""

_FACE_COUNTS = 0.03
"""Share of the picture from which a face may be taken for a talker."""


@dataclass
class Portrait:
    """A face that can be animated.

    Attributes:
        picture: name of the picture it is in.
        points: float32 (468, 2), pixels.
    """

    picture: str
    points: F32

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height), pixels."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])


@dataclass
class Talk:
    """Speech, at 16 kHz; with the opening of the filmed mouth (eye distances, one a frame of 40 ms) or without."""

    sound: I16
    opening: F32 | None = None


@dataclass
class Video:
    """A filmed talker: pictures uint8 (75, H, W, 3), sound (48000,), face box in pixels."""

    pictures: U8
    sound: I16
    box: tuple[float, float, float, float]


@dataclass
class Stock:
    """Everything of one half, "train" or "dev".

    Attributes:
        encoded: JPEG of each picture.
        named: how many of a picture's captions name each kind.
        sources: pictures that show each kind.
        faces: faces large and frontal enough to talk.
        faced: pictures in which a face of some size was found.
        talks: speech.
        sounds: clips of each kind; "elsewhere" those that no picture shows.
        noises: background.
        videos: filmed talkers.
    """

    encoded: dict[str, bytes] = field(default_factory=dict)
    named: dict[str, dict[str, int]] = field(default_factory=dict)
    sources: dict[str, list[str]] = field(default_factory=dict)
    faces: list[Portrait] = field(default_factory=list)
    faced: set[str] = field(default_factory=set)
    talks: list[Talk] = field(default_factory=list)
    sounds: dict[str, list[I16]] = field(default_factory=dict)
    noises: list[I16] = field(default_factory=list)
    videos: list[Video] = field(default_factory=list)

    def picture(self, name: str) -> U8:
        """Read a picture: uint8 RGB (224, 224, 3)."""
        return _decode(self.encoded[name])


def _decode(data: bytes) -> U8:
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def load_stock(folder: Path, half: str, work: Path) -> Stock:
    """Read one half of everything.

    Args:
        folder: the data.
        half: "train" or "dev".
        work: where the faces found in the pictures are kept (40 s to find them).
    """
    stock = Stock()
    captions = json.loads((folder / "captions" / "flickr8k_train_dev.json").read_text())[half]
    with zipfile.ZipFile(folder / "captions" / "flickr8k_train_dev.zip") as archive:
        for name in captions:
            stock.encoded[name] = archive.read(f"{half}/{name}")
    patterns = {kind: re.compile(rf"\b({'|'.join(words.split())})\b", re.IGNORECASE) for kind, words in WORDS.items()}
    for name, lines in captions.items():
        stock.named[name] = {kind: sum(bool(p.search(line)) for line in lines) for kind, p in patterns.items()}
    for kind, least in CAPTIONS.items():
        stock.sources[kind] = [name for name, count in stock.named.items() if count[kind] >= least]
    _faces(stock, work / f"faces-{half}.npz")
    _sounds(stock, folder, half)
    return stock


def _faces(stock: Stock, cache: Path) -> None:
    if not cache.is_file():
        detector, mesher = FaceDetector(), FaceMesher()
        names, points, scores = [], [], []
        for name, data in stock.encoded.items():
            rgb = _decode(data)
            for found in detector.whole(rgb):
                if found.box[2] >= 24:
                    mesh = mesher.mesh(rgb, roi_of_detection(found.box, found.keypoints))
                    mesh = mesher.mesh(rgb, roi_of_mesh(mesh))
                    names.append(name)
                    points.append(mesh.points)
                    scores.append(mesh.score)
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, names=np.array(names), points=np.array(points, np.float32), scores=np.array(scores))
    kept = np.load(cache)
    for name, points, score in zip(kept["names"], kept["points"], kept["scores"], strict=True):
        mesh = Mesh(points, float(score))
        size = 224.0
        if mesh.score > 0.5 and mesh.box[2] * mesh.box[3] > _FACE_COUNTS * size * size:
            stock.faced.add(str(name))
        yaw, pitch = mesh.turn
        inside = points[:, :2].min() > 0 and points[:, :2].max() < size - 1
        if mesh.score > 0.8 and mesh.eye_distance > _LEAST_EYES and abs(yaw) < 0.5 and abs(pitch) < 0.5 and inside:
            stock.faces.append(Portrait(str(name), points[:, :2]))


def _sounds(stock: Stock, folder: Path, half: str) -> None:
    dev = half == "dev"
    videos = sorted((folder / "av" / "clips").glob("*.mpg"))
    chosen = videos[-DEV_VIDEOS:] if dev else videos[:-DEV_VIDEOS]
    taken = {path.name for path in videos[-DEV_VIDEOS:]}
    stock.talks = [*_filmed(folder, taken, dev), *_heard(folder, dev)]
    index = json.loads((folder / "sound" / "urbansound8k_folds_1_2_3.json").read_text())
    sound, _ = soundfile.read(folder / "sound" / "urbansound8k_folds_1_2_3.ogg", dtype="int16")
    kinds = {number: kind for kind, numbers in (*SOUNDS.items(), ("elsewhere", ELSEWHERE)) for number in numbers}
    for one in index:
        fold, label = re.match(r"fold(\d+)/class(\d+)", one["speaker"]).groups()  # type: ignore[union-attr]
        part = sound[one["start"] : one["start"] + one["samples"]]
        if (fold == "3") == dev and np.abs(part).max() > 300:
            stock.sounds.setdefault(kinds[int(label)], []).append(part)
    sound, _ = soundfile.read(folder / "noise" / "nonspeech100.ogg", dtype="int16")
    for i, one in enumerate(json.loads((folder / "noise" / "nonspeech100.json").read_text())):
        if (i % 5 == 0) == dev:
            stock.noises.append(sound[one["start"] : one["start"] + one["samples"]])
    stock.videos = [_video(path, folder) for path in chosen]


def held_out(name: str) -> bool:
    """Return whether a speaker or a clip belongs to the development set."""
    return zlib.crc32(name.encode()) % 12 == 0


def _filmed(folder: Path, taken: set[str], dev: bool) -> list[Talk]:
    """Load GRID clips with the opening of the mouth, smoothed tracks of its landmarks."""
    sound, _ = soundfile.read(folder / "av" / "grid_s1_train.ogg", dtype="int16")
    delta = np.load(folder / "av" / "grid_s1_train_lips.npz")["delta"]
    talks = []
    for one in json.loads((folder / "av" / "grid_s1_train.json").read_text()):
        name, frames = one["clip"], min(one["frames"], one["samples"] // FRAME)
        if (held_out(name) or name in taken) == dev and frames >= 74:
            part = delta[one["frame"] : one["frame"] + frames].astype(np.float64)
            lips = (np.cumsum(part, axis=0) / 2000).reshape(frames, 40, 2)
            opening = (lips[:, _INNER_LIP[0], 1] - lips[:, _INNER_LIP[1], 1]).astype(np.float32)
            talks.append(Talk(sound[one["start"] : one["start"] + frames * FRAME], opening))
    return talks


def _heard(folder: Path, dev: bool) -> list[Talk]:
    """Load speech without pictures, at least 3 s each."""
    sound, _ = soundfile.read(folder / "speech" / "librispeech.ogg", dtype="int16")
    index = json.loads((folder / "speech" / "librispeech.json").read_text())
    chosen = [one for one in index if held_out(one["speaker"]) == dev and one["samples"] >= 3 * SAMPLE_RATE]
    return [Talk(sound[one["start"] : one["start"] + one["samples"]]) for one in chosen]


def _video(path: Path, folder: Path) -> Video:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, bgr = capture.read()
        if not ok:
            break
        frames.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
    pictures = np.stack(frames).astype(np.uint8)
    # OpenCV reads no sound: the same clip's lies with its lip tracks.
    index = json.loads((folder / "av" / "grid_s1_train.json").read_text())
    at = next(one for one in index if one["clip"] == path.name)
    sound, _ = soundfile.read(folder / "av" / "grid_s1_train.ogg", start=at["start"], frames=75 * FRAME, dtype="int16")
    detector, mesher = FaceDetector(), FaceMesher()
    found = detector.whole(pictures[len(pictures) // 2])[0]
    mesh = mesher.mesh(pictures[len(pictures) // 2], roi_of_detection(found.box, found.keypoints))
    return Video(pictures, sound, mesh.box)
