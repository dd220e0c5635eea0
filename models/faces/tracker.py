"""Every face of one participant's pictures, under a number that stays with the person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from models.common.arrays import F32, U8
from models.faces.detect import Detection, FaceDetector, overlap
from models.faces.face import Face, face_of, frontal
from models.faces.mesh import FaceMesher, Mesh, roi_of_detection, roi_of_mesh
from models.faces.search import FaceSearch
from models.faces.signature import SAME, signature
from models.faces.track import Track, match, near, same_place, side

__all__ = ["Face", "FaceModels", "FaceTracker"]


MEMORY = 5.0
"""Seconds for which a face out of sight keeps its number."""

FACE_SCORE = 0.5
"""Least score of a mesh."""

NEW_SCORE = 0.7
"""Least score of the mesh of a face that was not known."""

HANGS_ON = 0.3
"""Share of a new face's box that may lie in a known one's."""

CONFIRMATIONS = 2
"""Pictures in a row in which a face must be seen before it counts."""

COMPARE_EVERY = 5
"""Pictures between two looks at who a followed face is."""

DOUBTS = 4
"""Looks at a followed face in which the detector sees none, after which there is none."""

SMALLEST_PICTURE = 32
"""Pixels; below that nothing is looked for."""

MARGIN = 0.1
"""How much more alike an exchange must make two faces."""


class FaceModels:
    """The networks; one set serves any number of trackers, one call at a time.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self) -> None:
        self.detector = FaceDetector()
        self.mesher = FaceMesher()


@dataclass(frozen=True)
class FaceMemory:
    """Who a tracker knows.

    Attributes:
        tracks: every numbered face, in sight or not.
        next_id: number of the next new face.
        shape: height and width of the picture they were last seen in.
    """

    tracks: tuple[Track, ...]
    next_id: int
    shape: tuple[int, int]


class FaceTracker:
    """Follows the faces of one stream of pictures.

    Work per picture is bounded: one detector run (two while nobody is known) and one mesh a face.

    Args:
        models: the networks.
        max_faces: most faces followed at once.
    """

    def __init__(self, models: FaceModels, max_faces: int = 6) -> None:
        self._mesher = models.mesher
        self._search = FaceSearch(models.detector)
        self._max_faces = max_faces
        self._tracks: list[Track] = []
        self._lost: list[Track] = []
        self._next_id = 1
        self._count = 0
        self._shape = (0, 0)

    def remember(self) -> FaceMemory:
        """Return what another tracker needs to give the same people the same numbers."""
        known = tuple(track for track in self._tracks + self._lost if track.id)
        return FaceMemory(known, self._next_id, self._shape)

    def recall(self, memory: FaceMemory, t: float = 0.0) -> None:
        """Know the people of another tracker, as if they had gone out of sight at `t` seconds."""
        still = np.zeros(2, np.float32)
        self._lost = [replace(track, t=t, agreed=t, crowded=-1e9, velocity=still) for track in memory.tracks]
        self._next_id, self._shape = memory.next_id, memory.shape

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
        self._lost = [track for track in self._lost if t - track.t <= MEMORY]
        if min(rgb.shape[:2]) < SMALLEST_PICTURE:
            self._lose(self._tracks)
            return []
        self._follow_size(rgb)
        self._follow(rgb, t)
        self._part(rgb, t)
        if self._count % COMPARE_EVERY == 0 or any(track.unlike or not track.id for track in self._tracks):
            self._compare(rgb, t)
        found = self._search.look(rgb, t, self._tracks, self._lost)
        self._lose([track for track in self._tracks if _imagined(track)])
        self._welcome(rgb, found, t)
        self._number(t)
        self._count += 1
        height, width = rgb.shape[:2]
        shown = sorted((track for track in self._tracks if track.id and track.t == t), key=lambda k: k.id)
        return [face_of(track.id, track.mesh, width, height) for track in shown]

    def _follow_size(self, rgb: U8) -> None:
        height, width = rgb.shape[:2]
        if self._shape not in ((0, 0), (height, width)):
            for track in self._tracks + self._lost:
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
        self._lost += [track for track in gone if track.id]

    def _part(self, rgb: U8, t: float) -> None:
        """Leave at most one track on a face: the one that looks like it."""
        for a, b in combinations(list(self._tracks), 2):
            if near(a.mesh.box, b.mesh.box):
                a.crowded = b.crowded = t
            if a not in self._tracks or b not in self._tracks or not same_place(a.mesh.box, b.mesh.box):
                continue
            look_a, look_b = signature(rgb, a.mesh), signature(rgb, b.mesh)
            fit_a, fit_b = a.gallery.likeness(look_a), b.gallery.likeness(look_b)
            self._lose([a if (a.id > 0, fit_a) < (b.id > 0, fit_b) else b])

    def _compare(self, rgb: U8, t: float) -> None:
        """See that everybody is still who they were."""
        for track in self._tracks:
            track.fresh = signature(rgb, track.mesh)
        known = [track for track in self._tracks if track.id and len(track.gallery)]
        for a, b in combinations(known, 2):
            if max(t - a.crowded, t - b.crowded) > 2.0 or a.fresh is None or b.fresh is None:
                continue
            own = a.gallery.likeness(a.fresh) + b.gallery.likeness(b.fresh)
            crossed = b.gallery.likeness(a.fresh) + a.gallery.likeness(b.fresh)
            if crossed > own + MARGIN:
                a.id, b.id = b.id, a.id
                a.gallery, b.gallery = b.gallery, a.gallery
        for track in list(self._tracks):
            if track.fresh is None:
                continue
            readable = frontal(track.mesh)
            if len(track.gallery) and readable and track.gallery.likeness(track.fresh) < SAME:
                track.unlike += 1
            else:
                track.unlike = 0
            # A slow turn of the head or of the light goes through likenesses above SAME and is learned.
            if track.unlike == 0 and readable and t - track.crowded > 0.5:
                track.gallery.add(track.fresh)
            if track.unlike >= 3 and track.gallery.likeness(track.fresh) < SAME - 0.05:
                track.stranger = True
                self._lose([track])
        self._recall(t)

    def _recall(self, t: float) -> None:
        """Give faces without a number that of a remembered one they have come to look like."""
        nameless = [k for k in self._tracks if not k.id and k.fresh is not None]
        whose = match(self._lost, [(k.mesh, k.fresh) for k in nameless if k.fresh is not None], t)
        for i, j in whose.items():
            track, old = nameless[i], self._lost[j]
            track.id, track.gallery = old.id, old.gallery
        self._lost = [old for j, old in enumerate(self._lost) if j not in whose.values()]

    def _welcome(self, rgb: U8, found: list[Detection], t: float) -> None:
        """Take in detected faces that nobody follows, as somebody remembered or as somebody new."""
        fresh: list[tuple[Mesh, F32]] = []
        for one in sorted(found, key=lambda d: -d.score):
            if len(self._tracks) + len(fresh) >= self._max_faces:
                break
            taken = [track.mesh.box for track in self._tracks] + [mesh.box for mesh, _ in fresh]
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
            fresh.append((mesh, signature(rgb, mesh)))
        whose = match(self._lost, fresh, t)
        back = []
        for i, (mesh, look) in enumerate(fresh):
            if i in whose:
                track = self._lost[whose[i]]
                back.append(track)
                track.seen(mesh, t)
                track.velocity = np.zeros(2, np.float32)
                track.agreed, track.doubts, track.unlike, track.stranger = t, 0, 0, False
            else:
                track = Track(mesh, t, t)
                track.gallery.add(look)
            self._tracks.append(track)
        self._lost = [track for track in self._lost if track not in back]

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
        if any(old.hidden for old in self._lost):
            # Half a face coming out from behind another one is not yet like itself: wait until it is clear.
            new = [track for track in new if t - track.crowded > 0.2]
        for track in sorted(new, key=lambda k: float(k.middle[0])):
            track.id, self._next_id = self._next_id, self._next_id + 1


def _inside(mesh: Mesh, rgb: U8) -> bool:
    x, y, w, h = mesh.box
    height, width = rgb.shape[:2]
    shown = max(0.0, min(x + w, width) - max(x, 0)) * max(0.0, min(y + h, height) - max(y, 0))
    return shown > 0.35 * w * h


def _imagined(track: Track) -> bool:
    """Return whether the detector denies a followed face; it knows upright ones, the rest is left to the mesh."""
    return track.doubts >= DOUBTS and abs(track.mesh.angle) < 0.5 and frontal(track.mesh)
