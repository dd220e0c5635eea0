"""Who the faces are: the people of one call, known again by their face embeddings."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from models.common.arrays import U8
from models.faces.encoder import FaceEncoder
from models.faces.looks import CLEAR, SAME, SURE, Looks
from models.faces.mesh import Mesh
from models.faces.track import Track, middle, side

MOST_PEOPLE = 32
"""People remembered; the one who was out of sight for longest goes first."""

NEARBY = 5.0
"""Seconds for which the place where somebody was last seen says something."""

HERE_AGAIN = 0.5
"""Seconds within which a face at the same place is the same one even if it looks different (turned head)."""

ALIKE_THERE = 0.75
"""Greatest distance of the embeddings for that."""

MARGIN = 0.05
"""How much nearer than anybody else the right person must be."""

EXCHANGED = 0.2
"""How much nearer, in sum, an exchange must bring two faces."""

ONE = 0.45
"""Distance, from either side, below which two numbers are one person's."""

FIRST_LOOKS = 4
"""Looks at a new face before it is decided that it is like nobody."""

SEVERAL = 3
"""Looks from which on their median counts."""

PATIENCE = 1.0
"""Seconds after which a new face gets a number although it could not be looked at well."""

SOON, CROWDED, SELDOM = 0.2, 0.3, 1.0
"""Seconds between looks at a face that is little known, that is or was near another one, and else."""

TELLING = (0.95, 0.7)
"""Radians of yaw and pitch beyond which an embedding says nothing."""

STEADY = 0.5
"""Radians of yaw and pitch up to which an unlike look means somebody else."""


class People:
    """Everybody who was seen, with numbers.

    At most two faces a picture are embedded (8 ms each), and one where nobody is new.

    Args:
        encoder: the network.

    Attributes:
        lost: numbered faces out of sight.
        next_id: number of the next new person.
        merged: numbers that turned out to be one person's in the last picture, (younger, older) each; the older stays.
    """

    def __init__(self, encoder: FaceEncoder) -> None:
        self._encoder = encoder
        self.lost: list[Track] = []
        self.next_id = 1
        self.merged: list[tuple[int, int]] = []

    def recent(self, t: float) -> list[Track]:
        """Return who was lost lately, and may be near the old place."""
        return [track for track in self.lost if track.placed and t - track.t <= NEARBY]

    def lose(self, track: Track) -> None:
        """Remember a face that is out of sight, if it has a number."""
        if track.id:
            self.lost.append(track)

    def forget(self, t: float, in_sight: int) -> None:
        """Keep the memory small: nobody who cannot be known again, and not too many."""
        self.lost = [track for track in self.lost if len(track.looks) or t - track.t <= NEARBY]
        self.lost.sort(key=lambda track: track.t)
        del self.lost[: max(0, len(self.lost) + in_sight - MOST_PEOPLE)]

    def whose(self, rgb: U8, a: Track, b: Track) -> Track:
        """Return which of two faces that are followed in one place is not the one there."""
        if bool(a.id) != bool(b.id):
            return b if a.id else a
        if a.id and _telling(a.mesh):
            look = self._encoder.embed(rgb, a.mesh)
            return a if a.looks.distance(look) > b.looks.distance(look) else b
        return a if a.began > b.began else b

    def look(self, rgb: U8, tracks: list[Track], t: float) -> list[Track]:
        """Embed the faces that need it most.

        Returns:
            tracks with those replaced whose place somebody else has taken.
        """
        due = [track for track in tracks if track.t == t and _telling(track.mesh) and self._due(track, t)]
        due.sort(key=lambda track: (track.id > 0, not track.suspect and not track.unlike, track.looked))
        chosen = due[: 2 if due and not due[0].id else 1]
        for track in chosen:
            self._look(rgb, track, t)
        self._exchange(tracks, t)
        for track in chosen:
            if track.id and self._taken_over(track):
                tracks = [track if k is not track else self._stranger(track, t) for k in tracks]
        return tracks

    @staticmethod
    def _due(track: Track, t: float) -> bool:
        if not track.id:
            return track.looks.taken < FIRST_LOOKS or t - track.looked >= SOON
        if track.suspect or track.unlike:
            return True
        near = t - track.crowded < 1.0
        wait = SOON if track.looks.taken < FIRST_LOOKS else CROWDED if near else SELDOM
        return t - track.looked >= wait

    def _look(self, rgb: U8, track: Track, t: float) -> None:
        look = self._encoder.embed(rgb, track.mesh)
        track.look, track.looked, track.suspect = look, t, False
        apart = track.looks.distance(look)
        known = len(track.looks) > 0
        turned = max(abs(v) for v in track.mesh.turn)
        track.unlike = track.unlike + 1 if known and apart > SAME and turned < STEADY else 0
        # A slow change goes through distances below SAME and is learned.
        if not known or apart < SAME or not track.id:
            track.looks.add(look)

    def _taken_over(self, track: Track) -> bool:
        """Return whether somebody else is where this face was followed."""
        if track.look is None or track.unlike < 2:
            return False
        apart = track.looks.distance(track.look)
        other = min((old.looks.distance(track.look) for old in self.lost), default=np.inf)
        return (apart > CLEAR and track.unlike >= 3) or (apart > SAME and other < min(SURE, apart - 2 * MARGIN))

    def _stranger(self, track: Track, t: float) -> Track:
        track.placed = False
        self.lose(track)
        new = replace(track, id=0, looks=Looks(), met=set(), began=t, unlike=0, placed=True)
        if track.look is not None:
            new.looks.add(track.look)
        return new

    @staticmethod
    def _exchange(tracks: list[Track], t: float) -> None:
        """Give two faces that were close, and look like each other's owner, the right numbers."""
        close = [k for k in tracks if k.id and t - k.crowded < 2.0 and t - k.looked < 2 * CROWDED]
        for a, b in combinations(close, 2):
            if a.look is None or b.look is None:
                continue
            own = a.looks.distance(a.look) + b.looks.distance(b.look)
            crossed = b.looks.distance(a.look) + a.looks.distance(b.look)
            if crossed < own - EXCHANGED:
                a.id, a.looks, a.met, b.id, b.looks, b.met = b.id, b.looks, b.met, a.id, a.looks, a.met
                a.unlike = b.unlike = 0

    def recognise(self, tracks: list[Track], t: float) -> None:
        """Give faces without a number that of whom they look like, by the best whole assignment."""
        nameless = [track for track in tracks if not track.id and track.t == t]
        if not nameless or not self.lost:
            return
        here = [track for track in tracks if track.id]
        gain = np.array([[self._agreement(track, old, here, t) for old in self.lost] for track in nameless])
        back = []
        for i, j in zip(*linear_sum_assignment(gain, maximize=True), strict=True):
            if gain[i, j] > 0:
                track, old = nameless[i], self.lost[j]
                back.append(old)
                track.id, track.met = old.id, old.met
                old.looks.join(track.looks)
                track.looks = old.looks
        self.lost = [old for old in self.lost if old not in back]

    def _agreement(self, track: Track, old: Track, here: list[Track], t: float) -> float:
        """Return how well a face without a number agrees with a remembered one, 0 if it is not that one."""
        apart = old.looks.apart(track.looks)
        gone = max(t - old.t, 0.0)
        placed = 0.0
        if old.placed and gone < NEARBY:
            size = max(side(track.mesh.box), side(old.mesh.box))
            away = float(np.hypot(*(middle(track.mesh.box) - old.expected(t)))) / size
            growth = abs(float(np.log(side(track.mesh.box) / side(old.mesh.box))))
            if gone < HERE_AGAIN and away < 0.5 and growth < 0.4 and (apart < ALIKE_THERE or not len(track.looks)):
                return 3.0 - min(apart, 1.0)
            # A face may be anywhere after a few seconds, so place says less and less.
            placed = float(np.exp(-0.5 * (away / (0.5 + 2 * gone)) ** 2 - 0.5 * (growth / (0.3 + gone)) ** 2))
        if apart > (SAME if placed > 0.1 or track.looks.taken >= SEVERAL else SURE):
            return 0.0
        others = [k.looks.apart(track.looks) for k in self.lost + here if k is not old]
        if placed < 0.1 and min(others, default=np.inf) < apart + MARGIN:
            return 0.0
        return 1.0 - apart + 0.2 * placed

    def number(self, new: list[Track], tracks: list[Track], t: float) -> None:
        """Give those of the new faces a number that are nobody who is remembered."""
        for track in sorted(new, key=lambda k: float(k.middle[0])):
            if self._nobody(track, tracks, t):
                track.id, self.next_id = self.next_id, self.next_id + 1

    def _nobody(self, track: Track, tracks: list[Track], t: float) -> bool:
        waited = t - track.began > PATIENCE
        for other in tracks:
            if other.id and other.looked < track.began and not waited and other.looks.apart(track.looks) < SAME:
                # Whoever is followed under that number may have been somebody else's for a moment.
                other.suspect = True
                return False
        if not self.lost or waited:
            return True
        if not len(track.looks):
            return False
        nearest = min(old.looks.apart(track.looks) for old in self.lost)
        return track.looks.taken >= FIRST_LOOKS or CLEAR < nearest < np.inf

    def merge(self, tracks: list[Track], t: float) -> None:
        """Make one of two numbers that are one person's."""
        for track in tracks:
            if not track.id or track.looked != t or track.looks.taken < SEVERAL:
                continue
            for old in list(self.lost):
                if old.looks.taken < SEVERAL or old.id in track.met:
                    continue
                if max(old.looks.apart(track.looks), track.looks.apart(old.looks)) < ONE:
                    self._join(track, old, tracks)

    def _join(self, track: Track, old: Track, tracks: list[Track]) -> None:
        older, younger = sorted((track.id, old.id))
        self.lost.remove(old)
        track.id = older
        track.looks.join(old.looks)
        track.met |= old.met
        for other in tracks + self.lost:
            if younger in other.met:
                other.met = other.met - {younger} | {older}
        self.merged.append((younger, older))


def _telling(mesh: Mesh) -> bool:
    yaw, pitch = mesh.turn
    return abs(yaw) < TELLING[0] and abs(pitch) < TELLING[1]
