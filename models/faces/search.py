"""Where in a picture to look for faces next: the detector cannot look everywhere each time."""

from __future__ import annotations

from models.common.arrays import U8
from models.faces.detect import Detection, FaceDetector, tiles
from models.faces.mesh import roi_of_mesh
from models.faces.track import Track, side

WHOLE_EVERY = 5
"""Pictures between looks at the whole picture."""

UNSURE = 0.8
"""Seconds after which a followed face wants to be seen by the detector again."""


class FaceSearch:
    """Chooses the detector's next square and runs it, at most once a picture.

    In turn: the whole picture, where a followed face is doubtful, where a lost face should be, one tile. Of five
    pictures two are looked at, three or four if something is amiss: each look costs as much as following two faces.

    Args:
        detector: the network.
    """

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector
        self._count = 0
        self._tile = 0

    def look(self, rgb: U8, t: float, tracks: list[Track], lost: list[Track], anew: bool) -> list[Detection]:
        """Look once.

        Args:
            rgb: uint8 (H, W, 3).
            t: its time, seconds.
            tracks: followed faces; `agreed` and `doubts` are brought up to date.
            lost: faces that went out of sight lately.
            anew: the whole picture is new, look at all of it.

        Returns:
            What was seen, in no order; most of it may be followed already.
        """
        if anew:
            self._count = 0
        turn, self._count = self._count % WHOLE_EVERY, self._count + 1
        unsure = [track for track in tracks if t - track.agreed > UNSURE]
        if anew:
            found = self._detector.whole(rgb)
        elif not any(track.id for track in tracks):
            # In turns: a camera before which nobody sits must not cost more than one with people.
            found = self._next_tile(rgb) if self._count % 2 == 0 else self._detector.whole(rgb)
        elif turn == 0:
            found = self._detector.whole(rgb)
        elif unsure and turn == 2:
            return self._check(rgb, t, min(unsure, key=lambda track: track.agreed), tracks)
        elif lost and turn == 3:
            found = self._around(rgb, t, lost[self._count % len(lost)])
        elif turn == 4:
            found = self._next_tile(rgb)
        else:
            return []
        _agree(found, tracks, t)
        return found

    def _next_tile(self, rgb: U8) -> list[Detection]:
        height, width = rgb.shape[:2]
        every = tiles(width, height)
        if not every:
            return []
        self._tile = (self._tile + 1) % len(every)
        x, y, reach = every[self._tile]
        # What a tile cuts off is whole in the next one; half a face makes a bad start for the mesh.
        return [
            one
            for one in self._detector.area(rgb, x, y, reach)
            if (one.box[0] > x or x == 0)
            and (one.box[1] > y or y == 0)
            and (one.box[0] + one.box[2] < x + reach or x + reach >= width)
            and (one.box[1] + one.box[3] < y + reach or y + reach >= height)
        ]

    def _around(self, rgb: U8, t: float, track: Track) -> list[Detection]:
        x, y = (float(v) for v in track.expected(t))
        reach = 3.0 * side(track.mesh.box)
        return self._detector.area(rgb, x - reach / 2, y - reach / 2, reach)

    def _check(self, rgb: U8, t: float, track: Track, tracks: list[Track]) -> list[Detection]:
        roi = roi_of_mesh(track.mesh)
        reach = 1.6 * roi.side
        found = self._detector.area(rgb, roi.x - reach / 2, roi.y - reach / 2, reach)
        _agree(found, tracks, t)
        if track.agreed < t:
            track.doubts += 1
            # The others are asked about first before it is its turn again.
            track.agreed = max(track.agreed, t - UNSURE - 0.01)
        return found


def _agree(found: list[Detection], tracks: list[Track], t: float) -> None:
    for track in tracks:
        if any(track.covers(one) for one in found):
            track.agreed, track.doubts = t, 0
