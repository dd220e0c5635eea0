"""One clock for all tracks of a file, from 0 on: where the file's own steps back or jumps it is mended."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

STEP_BACK = 0.5
"""Seconds; pictures are stored out of order by less, so a track that steps back by more has been set back."""

LONGEST_GAP = 600.0
"""Seconds without any track that may have been a pause; a longer jump is a broken clock or dead time, and is closed."""

SAME_PLACE = 10.0
"""Seconds by which tracks that jump to the same place may miss one another."""

REORDERED = 16
"""Packets after a jump among which some may be of before it: pictures are stored in the order of decoding."""

REMEMBERED = 8
"""Newest stretches among which a track that jumps looks for one that another track has jumped to before."""


@dataclass(slots=True)
class _Stretch:
    """A part of the file in which times can be compared.

    Attributes:
        first: Seconds at which each track begins in it.
        end: Seconds at which each track ends in it.
        earliest: Seconds, of any track.
        latest: Seconds, of any track.
        before: The stretch that each track was in before.
    """

    first: dict[int, float] = field(default_factory=dict)
    end: dict[int, float] = field(default_factory=dict)
    earliest: float = inf
    latest: float = -inf
    before: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Jump:
    """A mended place.

    Attributes:
        t: When it is, seconds on the mended clock.
        by: Seconds that the file's clock jumped; below 0 it was set back.
    """

    t: float
    by: float


@dataclass(frozen=True, slots=True)
class Clock:
    """The mended clock.

    Attributes:
        shifts: For each track (packet, seconds): from that packet on, these are added to its times.
        jumps: What was mended, in order of time.
        begins: Seconds at which each track begins.
        ends: Seconds at which each track ends.
        apart: Tracks that ran by another clock than the first, and were made to begin with it.
    """

    shifts: dict[int, tuple[tuple[int, float], ...]]
    jumps: tuple[Jump, ...]
    begins: dict[int, float]
    ends: dict[int, float]
    apart: tuple[int, ...]

    @property
    def end(self) -> float:
        """Seconds at which the last track ends."""
        return max(self.ends.values(), default=0.0)


class ClockReader:
    """Learns a file's clock from its packets in the order in which they are stored."""

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []
        self._at: dict[int, int] = {}
        self._last: dict[int, float] = {}
        self._own: dict[int, float] = {}
        self._begins: dict[int, list[tuple[int, int]]] = {}

    def packet(self, track: int, number: int, decoded: float | None, shown: float, duration: float) -> None:
        """Take in a packet.

        Args:
            track: Whose.
            number: How many of this track came before it.
            decoded: When it is to be decoded, seconds, if that is known.
            shown: When it is to be shown or heard, seconds.
            duration: Seconds, 0 if unknown.
        """
        if track not in self._at:
            self._own[track] = self._reconciled(shown)
            self._enter(track, number, 0)
        own = self._own[track]
        # Pictures are decoded shortly before they are shown; those that are not are shown after a jump.
        t, shown = (shown if decoded is None or abs(shown - decoded) > LONGEST_GAP else decoded) + own, shown + own
        stretch = self._stretches[self._at[track]]
        if decoded is not None:
            # Else it is unknown whether it steps back: times of showing do.
            last = self._last.get(track, t)
            if t < last - STEP_BACK or t > max(stretch.latest, last) + LONGEST_GAP:
                self._enter(track, number, self._landing(track, number, t))
                stretch = self._stretches[self._at[track]]
            self._last[track] = t
        stretch.earliest, stretch.latest = min(stretch.earliest, t), max(stretch.latest, t)
        stretch.first[track] = min(stretch.first.get(track, inf), shown)
        # A picture before a jump is said to last until after it.
        stretch.end[track] = max(stretch.end.get(track, -inf), shown + (duration if duration < LONGEST_GAP else 0))

    def _reconciled(self, t: float) -> float:
        """Return what is added to a track that begins at `t`: 0 unless it begins far from all others."""
        if not self._stretches:
            self._stretches.append(_Stretch())
            return 0.0
        first = self._stretches[0]
        near = first.earliest - LONGEST_GAP <= t <= first.latest + LONGEST_GAP
        return 0.0 if near else first.earliest - t

    def _landing(self, track: int, number: int, t: float) -> int:
        """Return the stretch to which a track jumps: back for a moment, to another track's, or to a new one."""
        now = self._at[track]
        if (before := self._stretches[now].before.get(track)) is not None:
            end = self._stretches[before].end[track]
            if number - self._begins[track][-1][0] <= REORDERED and abs(t - end) < STEP_BACK:
                return before
        for index in range(max(now + 1, len(self._stretches) - REMEMBERED), len(self._stretches)):
            other = self._stretches[index]
            if other.earliest - SAME_PLACE <= t <= other.latest + SAME_PLACE:
                return index
        self._stretches.append(_Stretch())
        return len(self._stretches) - 1

    def _enter(self, track: int, number: int, index: int) -> None:
        if index > self._at.get(track, index):
            self._stretches[index].before.setdefault(track, self._at[track])
        self._at[track] = index
        self._begins.setdefault(track, []).append((number, index))

    def clock(self, starts: dict[int, float]) -> Clock:
        """Return the clock of what was taken in.

        Args:
            starts: Seconds at which tracks begin, where the container says so; else their first packet tells.
        """
        stretches, offsets, jumps = self._stretches, list[float](), list[Jump]()
        for track, start in starts.items():
            if (
                self._begins.get(track, [(0, -1)])[0][1] == 0
                and abs(start + self._own[track] - stretches[0].first[track]) < 1
            ):
                stretches[0].first[track] = start + self._own[track]
        for stretch in stretches:
            if not offsets:
                offsets.append(-min(stretch.first.values()))
                continue
            # Nobody begins before they have ended; what belongs together in the new stretch stays together.
            after = {s: stretches[j].end[s] + offsets[j] for s, j in stretch.before.items() if s in stretches[j].end}
            offset = max(end - stretch.first[s] for s, end in after.items())
            offsets.append(offset)
            s = max(after, key=lambda track: after[track] - stretch.first[track])
            came_from, left = offsets[stretch.before[s]], stretches[stretch.before[s]]
            if came_from > offset and left.latest + LONGEST_GAP >= stretch.earliest:
                # Another track went on meanwhile: this one paused.
                offsets[-1] = came_from
                continue
            jumps.append(Jump(stretch.first[s] + offset, came_from - offset))
        return Clock(
            shifts={
                track: tuple((number, offsets[index] + self._own[track]) for number, index in begins)
                for track, begins in self._begins.items()
            },
            jumps=tuple(sorted(jumps, key=lambda jump: jump.t)),
            begins={
                track: min(stretches[index].first[track] + offsets[index] for _, index in begins)
                for track, begins in self._begins.items()
            },
            ends={
                track: max(stretches[index].end[track] + offsets[index] for _, index in begins)
                for track, begins in self._begins.items()
            },
            apart=tuple(track for track, own in self._own.items() if own),
        )
