"""Every face of one participant's pictures, under a number that stays with the person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from models.common.arrays import U8
from models.faces.cuts import CutDetector
from models.faces.detect import Detection, FaceDetector, overlap
from models.faces.encoder import FaceEncoder
from models.faces.face import Face, face_of, frontal
from models.faces.mesh import FaceMesher, Mesh, roi_of_detection, roi_of_mesh
from models.faces.people import People
from models.faces.search import FaceSearch
from models.faces.track import Track, near, same_place, side

__all__ = ["Face", "FaceModels", "FaceTracker"]


FACE_SCORE = 0.5
"""Least score of a mesh."""

NEW_SCORE = 0.7
"""Least score of the mesh of a face that was not known."""

HANGS_ON = 0.3
"""Share of a new face's box that may lie in a known one's."""

CONFIRMATIONS = 2
"""Pictures in a row in which a face must be seen before it counts."""

DOUBTS = 4
"""Looks at a followed face in which the detector sees none, after which there is none."""

SMALLEST_PICTURE = 32
"""Pixels; below that nothing is looked for."""


class FaceModels:
    """The networks; one set serves any number of trackers, one call at a time.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        self.detector = FaceDetector()
        self.mesher = FaceMesher()
        self.encoder = FaceEncoder()


@dataclass(frozen=True)
class FaceMemory:
    """Who a tracker knows.

    Attributes:
        tracks: every person, in sight or not.
        next_id: number of the next new face.
        shape: height and width of the picture they were last seen in.
    """

    tracks: tuple[Track, ...]
    next_id: int
    shape: tuple[int, int]


class FaceTracker:
    """Follows the faces of one stream of pictures.

    A person has one number for as long as the tracker lives. Work per picture is bounded: one detector run, one mesh a
    face (two where it moves fast or is new) and two face embeddings.

    Args:
        models: the networks.
        max_faces: most faces followed at once.

    Attributes:
        cut: whether the last picture began a new shot: who was not found in it is not there.
    """

    def __init__(self, models: FaceModels, max_faces: int = 6) -> None:
        self._mesher = models.mesher
        self._search = FaceSearch(models.detector)
        self._cuts = CutDetector()
        self._people = People(models.encoder)
        self._max_faces = max_faces
        self._tracks: list[Track] = []
        self._shape = (0, 0)
        self.cut = False

    @property
    def merged(self) -> list[tuple[int, int]]:
        """Numbers that turned out in the last picture to be one person's, (younger, older) each; the older stays."""
        return self._people.merged

    def remember(self) -> FaceMemory:
        """Return what another tracker needs to give the same people the same numbers."""
        known = tuple(track for track in self._tracks + self._people.lost if track.id)
        return FaceMemory(known, self._people.next_id, self._shape)

    def recall(self, memory: FaceMemory, t: float = 0.0) -> None:
        """Know the people of another tracker, as if the last of them had gone out of sight at `t` seconds."""
        late = t - max((track.t for track in memory.tracks), default=t)
        still = np.zeros(2, np.float32)
        self._people.lost = [
            replace(k, t=k.t + late, agreed=k.t + late, looked=-1e9, crowded=-1e9, velocity=still)
            for k in memory.tracks
        ]
        self._people.next_id, self._shape = memory.next_id, memory.shape

    def step(self, rgb: U8, t: float) -> list[Face]:
        """Find and follow faces in the next picture.

        Args:
            rgb: uint8 (H, W, 3); H and W may change from picture to picture.
            t: its time in seconds, not before the last one's.

        Returns:
            The confirmed faces in sight, by number.

        Raises:
            ValueError: not an RGB picture of bytes.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
            raise ValueError(f"need uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
        self.cut = False
        self._people.merged = []
        if min(rgb.shape[:2]) < SMALLEST_PICTURE:
            self._lose(self._tracks)
            return []
        self._follow_size(rgb)
        self.cut = self._cuts.step(rgb)
        if self.cut:
            self._end_shot()
        self._follow(rgb, t)
        self._part(rgb, t)
        found = self._search.look(rgb, t, self._tracks, self._people.recent(t), self.cut)
        self._lose([track for track in self._tracks if _imagined(track)])
        self._welcome(rgb, found, t)
        self._tracks = self._people.look(rgb, self._tracks, t)
        self._people.recognise(self._tracks, t)
        self._number(t)
        self._people.merge(self._tracks, t)
        self._people.forget(t, len(self._tracks))
        height, width = rgb.shape[:2]
        shown = sorted((track for track in self._tracks if track.id and track.t == t), key=lambda k: k.id)
        for track in shown:
            track.met |= {other.id for other in shown if other is not track}
        return [face_of(track.id, track.mesh, width, height) for track in shown]

    def _follow_size(self, rgb: U8) -> None:
        height, width = rgb.shape[:2]
        if self._shape not in ((0, 0), (height, width)):
            for track in self._tracks + self._people.lost:
                track.rescale(width / self._shape[1], height / self._shape[0])
        self._shape = (height, width)

    def _follow(self, rgb: U8, t: float) -> None:
        gone = []
        for track in self._tracks:
            # Where it is heading, else where it was: heads stop and turn back.
            for roi in (track.roi(t), roi_of_mesh(track.mesh)):
                mesh = self._mesher.mesh(rgb, roi)
                if mesh.score >= FACE_SCORE and track.plausible(mesh) and _inside(mesh, rgb):
                    track.seen(mesh, t)
                    break
            else:
                gone.append(track)
        self._lose(gone)

    def _lose(self, gone: list[Track]) -> None:
        self._tracks = [track for track in self._tracks if track not in gone]
        for track in gone:
            self._people.lose(track)

    def _end_shot(self) -> None:
        """Forget where everybody is."""
        self._lose(self._tracks)
        for track in self._people.lost:
            track.placed = False

    def _part(self, rgb: U8, t: float) -> None:
        """Leave at most one track on a face: the one that looks like it."""
        for a, b in combinations(list(self._tracks), 2):
            if near(a.mesh.box, b.mesh.box):
                a.crowded = b.crowded = t
            if a not in self._tracks or b not in self._tracks or not same_place(a.mesh.box, b.mesh.box):
                continue
            self._lose([self._people.whose(rgb, a, b)])

    def _welcome(self, rgb: U8, found: list[Detection], t: float) -> None:
        """Take in detected faces that nobody follows, for now without a number."""
        fresh: list[Mesh] = []
        for one in sorted(found, key=lambda d: -d.score):
            if len(self._tracks) + len(fresh) >= self._max_faces:
                break
            taken = [track.mesh.box for track in self._tracks] + [mesh.box for mesh in fresh]
            if any(track.covers(one) for track in self._tracks):
                continue
            rough = self._mesher.mesh(rgb, roi_of_detection(one.box, one.keypoints))
            if rough.score < FACE_SCORE or side(rough.box) < 4:
                continue
            # The mesh is steadier in the crop that the next picture will use.
            mesh = self._mesher.mesh(rgb, roi_of_mesh(rough))
            if mesh.score < FACE_SCORE or any(same_place(mesh.box, box) for box in taken):
                continue
            if overlap(mesh.box, one.box)[1] < 0.5 or not _inside(mesh, rgb):
                continue
            fresh.append(mesh)
        self._tracks += [Track(mesh, t, agreed=t, began=t) for mesh in fresh]

    def _number(self, t: float) -> None:
        known = [track.mesh.box for track in self._tracks if track.id]
        new = [
            track
            for track in self._tracks
            if not track.id
            and track.hits >= CONFIRMATIONS
            and track.mesh.score >= NEW_SCORE
            # A chin and a collar make half a face: what hangs on a known one has to come off it to count.
            and not any(overlap(track.mesh.box, box)[1] > HANGS_ON for box in known)
        ]
        if any(old.hidden for old in self._people.recent(t)):
            # Half a face coming out from behind another one is not yet like itself: wait until it is clear.
            new = [track for track in new if t - track.crowded > 0.2]
        self._people.number(new, self._tracks, t)


def _inside(mesh: Mesh, rgb: U8) -> bool:
    x, y, w, h = mesh.box
    height, width = rgb.shape[:2]
    shown = max(0.0, min(x + w, width) - max(x, 0)) * max(0.0, min(y + h, height) - max(y, 0))
    return bool(shown > 0.35 * w * h)


def _imagined(track: Track) -> bool:
    """Return whether the detector denies a followed face; it knows upright ones, the rest is left to the mesh."""
    return track.doubts >= DOUBTS and abs(track.mesh.angle) < 0.5 and frontal(track.mesh)
