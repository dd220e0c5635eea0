"""How far a long piece of work is: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

EVERY = 10.0
"""Seconds between two lines in a log."""

Tell = Callable[[float], None]
"""Hears how many seconds of the recording are done."""

Begin = Callable[[str, float | None], Tell]
"""Begins a piece of work, of a name and as many seconds as are known."""


@contextmanager
def progress(
    shown: bool = True, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Begin]:
    """Show progress on stderr.

    Args:
        shown: Whether to show anything.
        stream: Instead of stderr.
        clock: Seconds that only go forward.
    """
    stream = sys.stderr if stream is None else stream
    if not shown:
        yield lambda name, total: lambda done: None
    elif stream.isatty():
        with _bars(stream) as bars:
            yield lambda name, total: _bar(bars, name, total)
    else:
        yield lambda name, total: _Lines(name, total, stream, clock)


def _bars(stream: TextIO) -> Bars:
    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed:.0f} s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(file=stream),
    )


def _bar(bars: Bars, name: str, total: float | None) -> Tell:
    task = bars.add_task(name, total=total)
    return lambda done: bars.update(task, completed=done)


class _Lines:
    """One piece of work in a log."""

    def __init__(self, name: str, total: float | None, stream: TextIO, clock: Callable[[], float]) -> None:
        self._name, self._total, self._stream, self._clock = name, total, stream, clock
        self._began = self._told = clock()

    def __call__(self, done: float) -> None:
        now = self._clock()
        if now - self._told < EVERY:
            return
        self._told = now
        whole = f" s of {self._total:.0f} s ({min(done / self._total, 1):.0%})" if self._total else " s"
        speed = done / max(now - self._began, 1e-9)
        print(f"{self._name}: {done:.0f}{whole}, {speed:.1f} times real time", file=self._stream, flush=True)
