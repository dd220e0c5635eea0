"""Has aiortc go by the server's time, which never steps, in place of the system's clock.

aiortc 1.16 reads the system's clock for arrivals, reports and round trips. Set forward by a day, it made the event loop
stand still for half a minute: a counter of bits goes through every millisecond that has passed. Set back, round trips
became negative, and viewers lost the relation of sound and picture, which sender reports tell them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import aiortc.clock
import aiortc.rate
import aiortc.rtcrtpreceiver
import aiortc.rtcrtpsender
from aiortc.rate import RateCounter

from streamer import clock


class SteadyRate(RateCounter):
    """Forgets at once what lies more than a window back: after a pause of the machine that may be a day."""

    def _erase_old(self, now_ms: int) -> None:
        origin, window = self._origin_ms, self._window_size
        if origin is not None and now_ms - origin >= 2 * window:
            self.reset()
            self._origin_ms = now_ms - window + 1
        super()._erase_old(now_ms)


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)


def install() -> None:
    """Put the server's time in. May be called again."""
    steady = SimpleNamespace(time=clock.now)
    setattr(aiortc.clock, "current_datetime", _now)  # noqa: B010 - names of modules, here and below
    setattr(aiortc.rtcrtpreceiver, "time", steady)  # noqa: B010
    setattr(aiortc.rtcrtpsender, "time", steady)  # noqa: B010
    setattr(aiortc.rate, "RateCounter", SteadyRate)  # noqa: B010
