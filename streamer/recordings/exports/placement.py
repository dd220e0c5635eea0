"""Where a subtitle stands in the picture: by the face that speaks, and over no other subtitle."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from streamer.recordings.exports.result import Box, Result
from streamer.transcripts.subtitles import Cue

WIDTH, LETTERS = 64, 42
"""Percent of the picture's width that so many characters take at the usual size."""

LOWEST, LINE = 84, 7
"""Percent of the picture's height: of the lowest subtitle's top, and of a line with what keeps it from the next one: a
browser draws 6, and where two touch by less than a pixel it moves one of them across the picture."""

NEAR = 1.0
"""Seconds before and after in which a face counts as being in the picture."""


class Spot(NamedTuple):
    """Where a subtitle stands: its middle, its top and its width, in percent of the picture."""

    across: int
    top: int
    width: int = WIDTH

    def vtt(self) -> str:
        """Return it as settings of a WebVTT cue."""
        return f"position:{self.across}% line:{self.top}% size:{self.width}% align:center"


def place(cues: Iterable[Cue], result: Result) -> dict[Cue, Spot]:
    """Return where every subtitle stands.

    Below the face where there is room, at the bottom otherwise, and in its direction as far as the words fit there.
    """
    spots: dict[Cue, Spot] = {}
    standing: list[Cue] = []
    for cue in cues:
        standing = [other for other in standing if other.end > cue.start]
        box = _box(result, cue)
        across = 50 if box is None else round(100 * (box[0] + box[2] / 2))
        across = min(max(across, WIDTH // 2), 100 - WIDTH // 2)
        below = LOWEST if box is None else round(100 * (box[1] + box[3])) + 1
        beside = [other for other in standing if _beside(cue, across, other, spots[other].across)]
        taken = [(spots[other].top, LINE * len(other.lines)) for other in beside]
        top = _free(min(max(below, LINE), LOWEST), LINE * len(cue.lines), taken)
        standing.append(cue)
        spots[cue] = Spot(across, top)
    return spots


def _beside(cue: Cue, across: int, other: Cue, along: int) -> bool:
    """Return whether one of two subtitles would be over the other if they were at one height."""
    letters = max(map(len, cue.lines)) + max(map(len, other.lines))
    return abs(across - along) < letters / 2 * WIDTH / LETTERS


def _free(top: int, height: int, taken: list[tuple[int, int]]) -> int:
    """Return the nearest place below `top`, or else above, where nothing stands; `top` if there is none.

    Above is often the face.
    """
    for tried in chain(range(top, LOWEST + 1), range(top, 0, -1)):
        if all(tried + height <= other or other + tall <= tried for other, tall in taken):
            return tried
    return top


def _box(result: Result, cue: Cue) -> Box | None:
    """Return where the face is in the middle of a subtitle, None if it is not in the picture then."""
    boxes = result.boxes.get(cue.speaker) if isinstance(cue.speaker, int) else None
    if not boxes:
        return None
    middle = (cue.start + cue.end) / 2000
    at = bisect_right(boxes, middle, key=lambda each: each[0])
    close = [boxes[i] for i in (at - 1, at) if 0 <= i < len(boxes) and abs(boxes[i][0] - middle) <= NEAR]
    return min(close, key=lambda each: abs(each[0] - middle))[1] if close else None
