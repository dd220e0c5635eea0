"""Voices with faces, and faces, as a data folder holds them; what is slow to work out of them is kept in a cache.

The folder holds `train.zip` (`index.json`, a list of people with `person`, `source`, `start` and `samples` of their
speech, `faces` and perhaps `canonical`; and the pictures it names), `train_speech.ogg`, and `lfw64.zip`, pictures of
one aligned face each, in which the face lies as in the others.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soundfile

from models.common.arrays import F32, F64, I16, I64, Array
from models.common.arrays import U8 as Pixels
from models.common.audio import SAMPLE_RATE
from models.faces.encoder import FaceEncoder, aligned
from models.faces.mesh import FaceMesher, Mesh, Roi
from models.speech2face.prints import VoicePrints
from models.train.speech2face.judge import Judge

SURE = 0.5
"""Score of a mesh from which it is trusted."""

HOME = "speech2face/"
"""How the sources begin that most people come from; the others are kept apart whole."""


@dataclass(frozen=True)
class Person:
    """Somebody with voice and face.

    Attributes:
        id: of this person.
        source: where the recording comes from.
        start: first sample of the speech.
        samples: of the speech.
        faces: names of pictures.
        canonical: name of the picture drawn from the real face's embedding, frontal and neutral; None for none.
    """

    id: str
    source: str
    start: int
    samples: int
    faces: tuple[str, ...]
    canonical: str | None


@dataclass(frozen=True)
class Faces:
    """What is seen of N pictures of one face each.

    Attributes:
        score: (N,) of the mesh.
        points: (N, 468, 2) pixels.
        embeddings: (N, 128), the mean of the picture's and its mirror image's.
        plain: (N, 128), the picture's alone.
    """

    score: F32
    points: F32
    embeddings: F32
    plain: F32


def people(folder: Path) -> list[Person]:
    """Read the index."""
    with zipfile.ZipFile(folder / "train.zip") as archive:
        listed = json.loads(archive.read("index.json"))
    return [
        Person(
            p["person"],
            p["source"][0],
            p["start"],
            p["samples"],
            tuple(face["file"] for face in p["faces"]),
            p.get("canonical"),
        )
        for p in listed
    ]


def pictures(archive: Path, names: Sequence[str]) -> list[Pixels]:
    """Read pictures, (H, W, 3) RGB each."""
    with zipfile.ZipFile(archive) as inside:
        coded = [np.frombuffer(inside.read(name), np.uint8) for name in names]
    return [np.ascontiguousarray(np.asarray(cv2.imdecode(c, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]) for c in coded]


def faces_of_lfw(folder: Path) -> list[str]:
    """Names of all pictures of LFW."""
    with zipfile.ZipFile(folder / "lfw64.zip") as archive:
        return sorted(name for name in archive.namelist() if name.endswith(".jpg"))


def mesh_of(mesher: FaceMesher, rgb: Pixels) -> Mesh:
    """Find the landmarks of an aligned face."""
    side = len(rgb)
    return mesher.mesh(rgb, Roi(side / 2, 0.56 * side, side, 0.0))


def seen(found: Sequence[Pixels]) -> Faces:
    """Look at pictures of one aligned face each."""
    mesher, encoder = FaceMesher(), FaceEncoder()
    score, points, both = [], [], []
    for rgb in found:
        mesh = mesh_of(mesher, rgb)
        chip = aligned(rgb, mesh)
        score.append(mesh.score)
        points.append(mesh.points[:, :2])
        both.append(encoder.embed_aligned(np.stack([chip, chip[:, ::-1]])))
    pairs = np.stack(both)
    return Faces(np.array(score, np.float32), np.stack(points), pairs.mean(axis=1), pairs[:, 0])


def voices(folder: Path, listed: Sequence[Person]) -> dict[str, Array]:
    """Make voice prints of everybody.

    Returns:
        "prints" (K, P), a row for each stretch of speech, and "who" (K,), places in the list.
    """
    encoder, pcm = VoicePrints(), speech(folder)
    found = [encoder.of(said(pcm, person)) for person in listed]
    return {"prints": np.concatenate(found), "who": np.repeat(np.arange(len(listed)), [len(rows) for rows in found])}


def speech(folder: Path) -> I16:
    """Read everybody's speech."""
    pcm, rate = soundfile.read(folder / "train_speech.ogg", dtype="int16")
    assert rate == SAMPLE_RATE
    return np.asarray(pcm, np.int16)


def said(pcm: I16, person: Person) -> F32:
    """One person's part of everybody's speech, [-1, 1]."""
    own: F32 = pcm[person.start : person.start + person.samples].astype(np.float32) * np.float32(1 / 32768)
    return own


def cached(path: Path, make: Callable[[], dict[str, Array]]) -> dict[str, Array]:
    """Read arrays from a file, or make them and write it."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **make())  # type: ignore[arg-type]  # as if one could be `allow_pickle`
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def cached_faces(path: Path, archive: Path, names: Sequence[str]) -> Faces:
    """What is seen of pictures of an archive, from the cache if it is there."""
    return Faces(**cached(path, lambda: vars(seen(pictures(archive, names)))))


def true_embeddings(listed: Sequence[Person], crops: Faces) -> tuple[F32, I64]:
    """Everybody's face.

    Args:
        listed: N people.
        crops: of all their pictures, in order.

    Returns:
        (N, 128), the mean of those pictures that show a face surely, or of all; and (N,) the place of the first.
    """
    found, first, at = [], [], 0
    for person in listed:
        own = np.arange(at, at + len(person.faces))
        at += len(own)
        clear = own[crops.score[own] > SURE]
        own = clear if len(clear) else own
        found.append(crops.embeddings[own].mean(axis=0))
        first.append(own[0])
    return np.stack(found), np.array(first)


@dataclass(frozen=True)
class Material:
    """Everything that the voice network is taught and judged with, of N people.

    Attributes:
        people: the list.
        prints: (K, P) of K stretches of speech.
        who: (K,) whose each is.
        faces: (N, 128), what is taught: of the pictures, see `true_embeddings`, and of the canonical one.
        first: (N, 128), of the first picture alone.
        female: (N,) probability, as judged from the pictures.
        years: (N,) as judged from the pictures.
    """

    people: list[Person]
    prints: F32
    who: I64
    faces: F32
    first: F32
    female: F64
    years: F64


def material(data: Path, wheel: Path, cache: Path) -> Material:
    """Gather it, from the cache where it is there.

    Args:
        data: folder, see above.
        wheel: of the package that `judge` reads.
        cache: folder.
    """
    listed = people(data)
    names = [name for person in listed for name in person.faces]
    crops = cached_faces(cache / "crops.npz", data / "train.zip", names)
    heard = cached(cache / "voices.npz", lambda: voices(data, listed))
    judged = cached(cache / "judged.npz", lambda: judged_pictures(wheel, pictures(data / "train.zip", names), crops))
    faces, first = true_embeddings(listed, crops)
    drawn = [i for i, person in enumerate(listed) if person.canonical]
    canonical = cached_faces(
        cache / "canonical.npz", data / "train.zip", [str(listed[i].canonical) for i in drawn]
    ).embeddings
    # Drawn pictures lie beside real ones as a whole, but pose and light are not in them: half of what is taught.
    faces[drawn] = (faces[drawn] + canonical - canonical.mean(axis=0) + faces[drawn].mean(axis=0)) / 2
    owner = np.repeat(np.arange(len(listed)), [len(person.faces) for person in listed])
    female, years = (np.bincount(owner, judged[name]) / np.bincount(owner) for name in ("female", "years"))
    return Material(listed, heard["prints"], heard["who"], faces, crops.plain[first], female, years)


def judged_pictures(wheel: Path, found: Sequence[Pixels], faces: Faces) -> dict[str, Array]:
    """Guess gender, "female" (N,), and "years" (N,) of N pictures."""
    judge = Judge(wheel)
    guesses = [judge.of(rgb, points) for rgb, points in zip(found, faces.points, strict=True)]
    return dict(zip(("female", "years"), np.array(guesses).T, strict=True))
