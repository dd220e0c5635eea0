"""How well face embeddings tell people apart.

    python -m models.train.faces.evaluate --data DIR [--clips DIR]

DIR of --data holds `lfw64.csv` and `lfw64.zip`: pictures of one aligned face each, by person. DIR of --clips holds
`people.json`, {person: [clip, …]}, and the clips, each of one person: moments of them are compared. Every pair of
pictures counts. The equal error rate is where as many pairs of one person are taken for two people as the other way
round.
"""

from __future__ import annotations

import argparse
import csv
import json
import zipfile
from collections import defaultdict
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from models.faces.detect import FaceDetector
from models.faces.encoder import FaceEncoder
from models.faces.mesh import FaceMesher, Mesh, Roi, roi_of_detection
from models.train.separation.report import rows_of

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]
Picture = tuple[str, U8, Mesh]

PEOPLE, EACH = 150, 3
"""Of the data set: people with that many pictures, and pictures of each."""

MOMENTS = 12
"""Pictures of a clip, evenly spread."""

SURE = 0.5
"""Score of a mesh from which it is a face."""


def portraits(folder: Path, mesher: FaceMesher) -> list[Picture]:
    """Pictures of the data set: some people, drawn by lot but always the same, the first pictures of each."""
    by: dict[str, list[str]] = defaultdict(list)
    with (folder / "lfw64.csv").open() as listed:
        for row in csv.DictReader(listed):
            by[row["name"]].append(row["file"])
    enough = sorted(name for name, files in by.items() if len(files) >= EACH)
    lot = np.random.default_rng(0).permutation(len(enough))[:PEOPLE]
    found = []
    with zipfile.ZipFile(folder / "lfw64.zip") as archive:
        for name in (enough[i] for i in lot):
            for file in by[name][:EACH]:
                coded = np.frombuffer(archive.read(file), np.uint8)
                rgb: U8 = np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1])
                side = len(rgb)
                mesh = mesher.mesh(rgb, Roi(side / 2, 0.56 * side, side, 0.0))
                if mesh.score >= SURE:
                    found.append((name, rgb, mesh))
    return found


def moments(folder: Path, mesher: FaceMesher) -> list[Picture]:
    """Pictures of the clips."""
    detector, found = FaceDetector(), []
    for person, clips in json.loads((folder / "people.json").read_text()).items():
        for clip in clips:
            if not (folder / clip).exists():
                continue
            with av.open(str(folder / clip)) as container:
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
            for at in np.linspace(0, len(frames) - 1, MOMENTS).round().astype(int):
                rgb = np.asarray(frames[at], np.uint8)
                for face in detector.whole(rgb)[:1]:
                    mesh = mesher.mesh(rgb, roi_of_detection(face.box, face.keypoints))
                    if mesh.score >= SURE:
                        found.append((person, rgb, mesh))
    return found


def equal_error_rate(apart: F64, same: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The rate in percent and its threshold, of pairs this far apart (N,) that are of one person or not (N,)."""
    own, others = np.sort(apart[same]), np.sort(apart[~same])
    refused = 1 - np.searchsorted(own, apart, side="right") / len(own)
    taken = np.searchsorted(others, apart, side="right") / len(others)
    at = int(np.argmin(np.abs(refused - taken)))
    return 100 * float(refused[at] + taken[at]) / 2, float(apart[at])


def row(what: str, pictures: list[Picture], encoder: FaceEncoder) -> tuple[str, ...]:
    """One line of the table."""
    who = np.array([name for name, _, _ in pictures])
    a, b = np.triu_indices(len(who), 1)
    same = who[a] == who[b]
    embeddings = np.stack([encoder.embed(rgb, mesh) for _, rgb, mesh in pictures])
    apart = np.linalg.norm(embeddings[a] - embeddings[b], axis=1).astype(np.float64)
    rate, threshold = equal_error_rate(apart, same)
    spread = [f"{np.quantile(apart[same], q):.2f}" for q in (0.5, 0.95)]
    spread += [f"{np.quantile(apart[~same], q):.2f}" for q in (0.01, 0.05, 0.5)]
    return (what, str(len(set(who))), str(len(who)), f"{rate:.1f}", f"{threshold:.2f}", *spread)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    mesher, encoder = FaceMesher(), FaceEncoder()
    body = [row("portraits", portraits(options.data, mesher), encoder)]
    if options.clips:
        body.append(row("clips", moments(options.clips, mesher), encoder))
    head = ("pictures", "people", "faces", "equal error rate %", "at", "one: median", "95 %")
    print(rows_of((*head, "two: 1 %", "5 %", "median"), body))


if __name__ == "__main__":
    main()
