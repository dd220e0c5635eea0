"""Where a subtitle stands in the picture: by the face that speaks, and over no other subtitle."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from streamer.recordings.exports.result import Box, Result
from streamer.transcripts.subtitles import Cue

WIDTH = 64
"""Percent of the picture's width that 42 characters take at the usual size."""

LOWEST, HEIGHT, STEP = 84, 12, 13
"""Percent of the picture's height: of the lowest subtitle's top, of two lines, and of the step up for another."""

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
    standing: list[tuple[Cue, int, int]] = []
    for cue in cues:
        standing = [other for other in standing if other[0].end > cue.start]
        box = _box(result, cue)
        across = 50 if box is None else round(100 * (box[0] + box[2] / 2))
        across = min(max(across, WIDTH // 2), 100 - WIDTH // 2)
        below = LOWEST if box is None else round(100 * (box[1] + box[3])) + 1
        top = min(max(below, STEP), LOWEST)
        top = _free(top, across, standing)
        standing.append((cue, across, top))
        spots[cue] = Spot(across, top)
    return spots


def _free(top: int, across: int, standing: list[tuple[Cue, int, int]]) -> int:
    """Return the place at `top` or the next one up where nothing stands; `top` if all are taken."""
    for tried in range(top, 0, -STEP):
        if not any(abs(tried - other) < HEIGHT and abs(across - along) < WIDTH for _, along, other in standing):
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
