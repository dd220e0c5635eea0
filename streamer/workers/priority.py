"""Who computes first when the processor is short: sound, then pictures, then what watches and writes.

Linux gives each thread a nice value of its own, which its children inherit.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

URGENT = -10
"""Nice value of threads that sound waits for; PulseAudio and PipeWire ask for as much."""

REAL_TIME = 1
"""Priority among real-time threads: the least."""

PROMPT = -5
"""Of the event loop that passes everybody's sound on, and of what it starts: before what is behind `URGENT` threads."""

BEHIND = 5
"""By how much more the nice value of a thread is that works beside them: a third of the weight."""

log = logging.getLogger("earshot.workers")


def go_first() -> None:
    """Put the calling thread before others; does nothing where this is not allowed (it takes CAP_SYS_NICE)."""
    _renice(URGENT)


def go_real_time() -> None:
    """Let the calling thread run whenever it has something to do, before all that share the processor by nice values.

    Those are shares, and a thread that needs half a processor misses its deadlines if many others want some. For a
    thread that does little and often, as the one of a sound server; the kernel leaves others a twentieth in any case.
    Does nothing where it is not allowed (it takes CAP_SYS_NICE), or on a machine with one processor.
    """
    if (os.cpu_count() or 1) < 2 or sys.platform != "linux":
        return
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(REAL_TIME))
    except OSError as error:
        log.debug("%s is no real-time thread: %s", threading.current_thread().name, error)


def be_prompt() -> None:
    """Put the calling thread before those that look and learn; does nothing where this is not allowed."""
    _renice(PROMPT)


def go_behind() -> None:
    """Put the calling thread behind the one that started it; 19 is the end."""
    _renice(os.getpriority(os.PRIO_PROCESS, 0) + BEHIND)


def go_last() -> None:
    """Leave the processor to whoever else wants it; call it before the process has other threads.

    A nice value is not enough: a thread of low weight still delays one that wakes up, by some milliseconds.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):
        # Linux alone has it, and a sandbox may forbid it.
        os.nice(19)


def may_go_first() -> bool:
    """Return whether `go_first` is allowed here; tried on a thread that ends with it."""
    with ThreadPoolExecutor(1) as trial:
        return trial.submit(_renice, URGENT).result()


def _renice(value: int) -> bool:
    """Give the calling thread a nice value; whether it has it now."""
    if sys.platform != "linux":
        # Elsewhere nice values belong to processes.
        return False
    try:
        # There 0 is the calling thread.
        os.setpriority(os.PRIO_PROCESS, 0, value)
    except OSError as error:
        log.debug("%s keeps its priority: %s", threading.current_thread().name, error)
        return False
    return True
