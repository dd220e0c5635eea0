"""RTP timestamps to seconds: all tracks of one publisher on one clock, kept near the server's Unix time.

A sender report says "at my NTP time N, my RTP clock of this stream read R" (RFC 3550, 6.4.1). The NTP clock
is common to the streams of a publisher, so it gives their true offset; but it may be wrong by years, so one
constant a publisher (estimated at its first report) moves it onto the server's time. Until every running
stream of a publisher has a report, all of them go by arrival: one stream alone on the new clock would break
their alignment.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

CLOCK_STEP = 2.0
"""A clock that disagrees with arrival by more than this was set anew, in seconds."""

STREAM_STEP = 5.0
"""A stream whose timestamps disagree with arrival by more than this starts over on arrival time, in seconds."""

SLOWEST = 0.5
"""When time must go back, media seconds still advance at this rate, so that `t` never stands still."""

REPORT_JITTER = 0.05
"""Reports closer than this to what was expected are averaged: senders that note the time late are jittery."""

_WRAP = 1 << 32


def ticks_between(earlier: int, later: int) -> int:
    """Return the signed distance of two RTP timestamps, modulo 2^32.

    Args:
        earlier: ticks, any integer.
        later: ticks, any integer.

    Returns:
        later - earlier, in [-2^31, 2^31).
    """
    return (later - earlier + (_WRAP >> 1)) % _WRAP - (_WRAP >> 1)


@dataclass(slots=True)
class _Anchor:
    t: float
    pts: int


class PublisherClock:
    """The NTP clock of one publisher, and the timelines that share it."""

    def __init__(self) -> None:
        self._server_minus_ntp: float | None = None
        self._lines: list[Timeline] = []

    def add(self, line: Timeline) -> None:
        """Make a stream's timeline part of this clock."""
        self._lines.append(line)

    def remove(self, line: Timeline) -> None:
        """Take an ended stream out, so that the others do not wait for its reports."""
        if line in self._lines:
            self._lines.remove(line)
            self._switch()

    def server_time(self, ntp: float, arrival: float) -> float:
        """Move an NTP time of the publisher onto the server's time.

        Args:
            ntp: seconds on the publisher's clock, any origin.
            arrival: server time in seconds at which the report came.

        Returns:
            server time in seconds.
        """
        constant = self._server_minus_ntp
        if constant is None or abs(ntp + constant - arrival) > CLOCK_STEP:
            constant = self._server_minus_ntp = arrival - ntp
            for line in self._lines:
                line.report_waiting = None
                line.reported = False
        return ntp + constant

    def reported(self, line: Timeline, anchor: tuple[float, int]) -> None:
        """Note a report; the streams change over to reports together, when each running one has its own."""
        if line.reported:
            line.anchor_to_report(*anchor)
            return
        line.report_waiting = anchor
        self._switch()

    def _switch(self) -> None:
        running = [line for line in self._lines if line.running]
        if any(line.report_waiting is None and not line.reported for line in running):
            return
        for line in running:
            if line.report_waiting is not None:
                line.anchor_to_report(*line.report_waiting)
                line.report_waiting = None
                line.reported = True


class Timeline:
    """Seconds on the publisher's timeline for one RTP stream.

    Args:
        clock_rate: ticks of the stream's timestamps in a second, above 0.
        clock: the publisher's clock, shared by its streams; None makes one for this stream alone.
    """

    def __init__(self, clock_rate: int, clock: PublisherClock | None = None) -> None:
        if clock_rate <= 0:
            raise ValueError(f"clock rate {clock_rate} is not above 0")
        self.clock_rate = clock_rate
        self.clock = clock if clock is not None else PublisherClock()
        self.clock.add(self)
        self.reported = False
        self.report_waiting: tuple[float, int] | None = None
        self._anchor: _Anchor | None = None
        self._stamped: dict[int, float] = {}
        self._order: deque[int] = deque()
        self._last: _Anchor | None = None

    @property
    def running(self) -> bool:
        """Whether any frame of the stream has come."""
        return self._last is not None

    def stamp(self, pts: int, arrival: float) -> float:
        """Give the next frame of the stream its time; once for each frame, in the order of arrival.

        Args:
            pts: the frame's timestamp in ticks (known modulo 2^32).
            arrival: server time in seconds at which it came.

        Returns:
            t in seconds, above that of every earlier frame whose pts is lower.
        """
        if self._anchor is None:
            self._anchor = _Anchor(arrival, pts)
        t = self._follow_arrival(pts, arrival)
        last = self._last
        if last is not None:
            step = ticks_between(last.pts, pts) / self.clock_rate
            # A stream that starts over (step of seconds) may not take `t` back either.
            least = step * SLOWEST if 0 < step < STREAM_STEP else 1.0 / self.clock_rate
            t = max(t, last.t + least)
        self._last = _Anchor(t, pts)
        self._remember(pts, t)
        return t

    def time(self, pts: int) -> float:
        """Return the time of a frame that was stamped before (or a moment near one), for its decoded form.

        Args:
            pts: ticks.

        Returns:
            t in seconds.

        Raises:
            LookupError: nothing has been stamped yet.
        """
        known = self._stamped.get(pts)
        if known is not None:
            return known
        if self._last is None:
            raise LookupError("no frame of this stream has come yet")
        return self._last.t + ticks_between(self._last.pts, pts) / self.clock_rate

    def report(self, ntp: float, pts: int, arrival: float) -> None:
        """Take a sender report.

        Args:
            ntp: seconds on the publisher's NTP clock.
            pts: the stream's timestamp at that moment, ticks (known modulo 2^32).
            arrival: server time in seconds at which the report came.
        """
        self.clock.reported(self, (self.clock.server_time(ntp, arrival), pts))

    def anchor_to_report(self, t: float, pts: int) -> None:
        """Put the stream on the clock: tick `pts` is second `t`. Called by the clock."""
        if self.reported and self._anchor is not None:
            miss = t - self._at(pts)
            if abs(miss) < REPORT_JITTER:
                t -= 0.75 * miss
        self._anchor = _Anchor(t, pts)

    def _at(self, pts: int) -> float:
        assert self._anchor is not None
        return self._anchor.t + ticks_between(self._anchor.pts, pts) / self.clock_rate

    def _follow_arrival(self, pts: int, arrival: float) -> float:
        t = self._at(pts)
        late = arrival - t
        if self.reported:
            if abs(late) > STREAM_STEP:
                self.reported = False
                self._anchor = _Anchor(arrival, pts)
                return arrival
            return t
        if abs(late) > 1.0:
            self._anchor = _Anchor(arrival, pts)
        elif late < 0:
            # The earliest frame was delayed least: it is nearest to the truth.
            self._anchor = _Anchor(arrival, pts)
        else:
            # A slow leak lets the estimate follow a sender whose clock is slower than ours.
            self._anchor = _Anchor(t + 0.002 * late, pts)
        return self._anchor.t

    def _remember(self, pts: int, t: float) -> None:
        if pts not in self._stamped:
            self._order.append(pts)
        self._stamped[pts] = t
        if len(self._order) > 512:
            del self._stamped[self._order.popleft()]
