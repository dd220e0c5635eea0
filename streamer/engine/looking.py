"""Who is seen and who is heard in one stream: the faces of its pictures, and who speaks, found out together."""

from __future__ import annotations

from models.active_speaker.attribution import Attribution, Attributor, Networks
from models.common.arrays import F32, U8
from models.faces.tracker import Face, FaceModels, FaceTracker
from streamer.engine.memory import pack_memory, plain, unpack_memory

LONGEST_FRAME = 0.2
"""Seconds; a longer gap between pictures is a lost connection and does not age the faces."""


class Looking:
    """Follows the faces of one stream and attributes its sound to them.

    `see` (which is `find`, then `take`) and `tell` may run on other threads than `hear`.

    Args:
        models: The face networks, shared by all streams.
        networks: What attribution listens with, shared too.
        max_faces: Most faces followed at once.
    """

    def __init__(self, models: FaceModels, networks: Networks, max_faces: int) -> None:
        self._tracker = FaceTracker(models, max_faces)
        self._attributor = Attributor(networks)
        self._clock = 0.0
        self._last: float | None = None
        self._ids: frozenset[int] = frozenset()
        self._faces = plain(self._tracker.remember())

    @property
    def latest(self) -> Attribution:
        """Who speaks, as far as is known."""
        return self._attributor.latest

    def see(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find faces, and have the sound attributed by them; see `find`."""
        found, cut = self.find(t, rgb)
        self.take(t, found)
        return found, cut

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find and follow the faces of one picture, uint8 (height, width, 3), taken at `t` seconds.

        Returns:
            The faces, and whether the picture begins a new shot.
        """
        gap = t - self._last if self._last is not None else 0.0
        self._last = t
        self._clock += min(max(gap, 0.0), LONGEST_FRAME)
        found = self._tracker.step(rgb, self._clock)
        for gone, stays in self._tracker.merged:
            self._attributor.join(gone, stays)
        return found, self._tracker.cut

    def take(self, t: float, found: list[Face]) -> None:
        """Have the sound that is heard next attributed by the faces of a picture."""
        self._ids |= {face.id for face in found}
        self._attributor.see(t, [(face.id, face.lips) for face in found if face.lips_visible])

    def hear(self, t: float, pcm: F32, hurry: bool = False) -> bool:
        """Take in sound, as `Attributor.hear`."""
        return self._attributor.hear(t, pcm, hurry)

    def tell(self, begin: float, end: float, id: int | None) -> None:
        """Take somebody's word for who spoke, as `Attributor.tell`; of a speaker that never was nothing is learnt."""
        if id is None or id in self._ids or id in self.latest.speakers:
            self._attributor.tell(begin, end, id)

    def remember(self) -> None:
        """Note who the faces are, for `memory`; on the thread of `find`."""
        self._faces = plain(self._tracker.remember())

    def memory(self) -> bytes:
        """Return who the faces were when that was noted last, and how everybody sounds; on any thread."""
        return pack_memory(self._faces, self._attributor.latest.prints)

    def recall(self, memory: bytes) -> None:
        """Know again what `memory` knew; call it before the first picture.

        Raises:
            ValueError: it is no such memory.
        """
        faces, prints = unpack_memory(memory)
        self._tracker.recall(faces)
        self._attributor.recall(prints)
        self.remember()
