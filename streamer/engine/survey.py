"""The engine's first pass over a recording: who is there, and who says what, before anything is separated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from models.active_speaker.attribution import Attribution, Networks
from models.active_speaker.settled import Settled, SettledAttributor
from models.active_speaker.settled import Survey as SpeakerSurvey
from models.common.arrays import F32, U8
from models.faces.tracker import Face, FaceModels, FaceTracker


@dataclass(frozen=True)
class Known:
    """What the first pass found.

    Attributes:
        settled: who speaks when, and how they sound.
        faces: by time of the picture, the faces in it.
        cuts: times of the pictures that begin a new shot.
    """

    settled: Settled
    faces: dict[float, list[Face]] = field(default_factory=dict)
    cuts: frozenset[float] = frozenset()


class Survey:
    """Goes through a recording once.

    Args:
        models: The face networks.
        networks: What attribution listens with.
        max_faces: Most faces followed at once.
    """

    def __init__(self, models: FaceModels, networks: Networks, max_faces: int) -> None:
        self._tracker = FaceTracker(models, max_faces)
        self._speakers = SpeakerSurvey(networks)
        self._faces: dict[float, list[Face]] = {}
        self._cuts: set[float] = set()

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find the faces of the next picture, taken at `t` seconds, and whether it begins a new shot."""
        # Landmarks are of no further use, and an hour of them is hundreds of megabytes.
        found = [replace(face, landmarks=None) for face in self._tracker.step(rgb, t)]
        for gone, stays in self._tracker.merged:
            self._speakers.join(gone, stays)
        return found, self._tracker.cut

    def see(self, t: float, found: list[Face], cut: bool) -> None:
        """Take in the faces of a picture."""
        self._faces[t] = found
        if cut:
            self._cuts.add(t)
        self._speakers.see(t, [(face.id, face.lips) for face in found if face.lips_visible])

    def hear(self, t: float, pcm: F32) -> None:
        """Take in sound from `t` seconds on, any length at 16 kHz."""
        self._speakers.hear(t, pcm)

    def finish(self) -> Known:
        """Return what was found."""
        settled, now = self._speakers.settle(), self._speakers.now
        faces = {t: [replace(face, id=now(face.id)) for face in found] for t, found in self._faces.items()}
        return Known(settled, faces, frozenset(self._cuts))


class KnownSenses:
    """What tells a session of the second pass who is there and who speaks: the first one found it out.

    Args:
        known: What it found.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self._attributor = SettledAttributor(known.settled)

    @property
    def latest(self) -> Attribution:
        """Who speaks at the time of the last sound."""
        return self._attributor.latest

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Look up the faces of the picture taken at `t` seconds."""
        return self._known.faces.get(t, []), t in self._known.cuts

    def take(self, t: float, found: list[Face]) -> None:
        """Do nothing: it is known who speaks."""

    def hear(self, t: float, pcm: F32) -> None:
        """Come to the time of this sound."""
        self._attributor.hear(t, pcm)
