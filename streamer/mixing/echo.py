"""Whether somebody's microphone sends back what they were sent: loudspeakers that it hears, or two devices in a room.

Every two seconds the last three of what came from them are laid against what they were sent, at every delay. An echo
is a sharp peak where sound comes back after it was sent. What sounds alike without being one (two who talk at once,
music, a hum) is as alike at delays at which nothing can come back: what is found there is the measure. Music that plays
in both rooms has such a peak; it is told from an echo by not coming and going with the voices that were sent.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from models.common.arrays import F32, F64

RATE = 4_000
"""Hz at which sounds are compared."""

THINNED = 12
"""Samples at 48 kHz that make one."""

BLOCK = 80
"""Samples at `RATE` in 20 ms."""

SPAN, MOST_LAG = 3 * RATE, int(0.6 * RATE)
"""Samples that are compared, and the longest delay, either way."""

LEAST_LAG = int(0.02 * RATE)
"""Nothing comes back sooner: playing, the air and the way here take longer."""

EVERY = 100
"""Blocks from one comparison to the next (2 s)."""

LEAST_LEVEL = 10 ** (-75 / 20)
"""RMS of both sounds below which there is nothing to compare."""

SHARP = 16.0
"""A peak is one from so many times the 90th percentile of what cannot be an echo."""

STEADY = int(0.1 * RATE)
"""Samples by which two comparisons of one echo may differ: sounds come in bursts."""

AGREE, OF = 3, 15
"""Comparisons that must find the same echo, of those of the last half minute."""

PAUSE = 60
"""Comparisons (2 minutes) until the next warning."""

FRAME = RATE // 10
"""Samples over which sound rises and falls (0.1 s)."""

LOUDER = 10.0
"""Energy by which the loud third of what was sent has to be above the quiet one (10 dB): voices have pauses."""

ALIKE = 0.1
"""Correlation from which what comes in pauses is the same sound as what was sent in them."""


class EchoWatch:
    """Compares what one participant is sent with what they send.

    Args:
        on_echo: called when they should be warned.
    """

    def __init__(self, on_echo: Callable[[], None]) -> None:
        self._on_echo = on_echo
        self._sent: deque[F32] = deque(maxlen=(SPAN + 2 * MOST_LAG) // BLOCK)
        self._came: deque[F32] = deque(maxlen=(SPAN + MOST_LAG) // BLOCK)
        self._place: int | None = None
        self._blocks = 0
        self._found: deque[int | None] = deque(maxlen=OF)
        self._quiet = 0

    def sent(self, pcm: F32, place: int) -> None:
        """Take 20 ms of what they hear, shape (960,), the one of this number; for those left out there was nothing."""
        missing = 0 if self._place is None else max(place - self._place - 1, 0)
        self._sent.extend([np.zeros(BLOCK, np.float32)] * min(missing, self._sent.maxlen or 0))
        self._sent.append(_thinned(pcm))
        self._place = place

    def came(self, pcm: F32) -> None:
        """Take 20 ms of what they send, shape (960,)."""
        self._came.append(_thinned(pcm))
        self._blocks += 1
        if self._blocks % EVERY or any(len(kept) != kept.maxlen for kept in (self._sent, self._came)):
            return
        self._quiet -= self._quiet > 0
        self._found.append(echo(np.concatenate(self._sent), np.concatenate(self._came)[:SPAN]))
        lags = [lag for lag in self._found if lag is not None]
        if not self._quiet and lags and sum(abs(lag - lags[-1]) <= STEADY for lag in lags) >= AGREE:
            self._quiet = PAUSE
            self._on_echo()


def _thinned(pcm: F32) -> F32:
    thinned: F32 = pcm.reshape(-1, THINNED).mean(axis=1)
    return thinned


def echo(sent: F32, came: F32) -> int | None:
    """Look for one sound in another.

    Args:
        sent: shape (16800,), 4 kHz.
        came: shape (12000,): what came while the middle of it was sent.

    Returns:
        Samples by which it comes later; None where it does not.
    """
    if min(np.sqrt(np.mean(sent**2)), np.sqrt(np.mean(came**2))) < LEAST_LEVEL:
        return None
    alike = _alike(sent, came)
    # Place n of `alike` is a delay of MOST_LAG - n.
    possible, impossible = alike[: MOST_LAG - LEAST_LAG + 1], alike[MOST_LAG + LEAST_LAG :]
    place = int(np.argmax(possible))
    if possible[place] < SHARP * np.percentile(impossible, 90):
        return None
    return MOST_LAG - place if _follows(sent[place : place + SPAN], came) else None


def _alike(sent: F32, came: F32) -> F64:
    """Return how alike they are at each delay, shape (2 * MOST_LAG + 1,); all pitches count alike."""
    # Ends run into one another, but at none of the delays that are asked for.
    size = sent.size
    x, y = np.fft.rfft(sent, size), np.fft.rfft(came * np.hanning(came.size), size)
    product = x * np.conj(y)
    low, high = int(0.05 * size), int(0.47 * size)
    product[:low] = product[high:] = 0.0
    alike: F64 = np.abs(np.fft.irfft(product / (np.abs(product) + 1e-3 * np.abs(product).max())))[: 2 * MOST_LAG + 1]
    return alike


def _follows(sent: F32, came: F32) -> bool:
    """Say whether what came can be all of what was sent, both shape (12000,) and in time.

    Of voices both the words and the pauses come back. Sound without pauses may be music that plays in both rooms; so
    may be what is there in the pauses, but far too loud for what comes back of the words.
    """
    x, y = sent.reshape(-1, FRAME), came.reshape(-1, FRAME)
    energy, order = (x * x).sum(axis=1), np.argsort((x * x).sum(axis=1))
    soft, loud = order[: len(order) // 3], order[-(len(order) // 3) :]
    if energy[loud].sum() < LOUDER * energy[soft].sum():
        return False
    shared = (x * y).sum(axis=1)
    in_pauses, in_words = abs(shared[soft].sum()), abs(shared[loud].sum())
    alike = in_pauses > ALIKE * np.sqrt(energy[soft].sum() * (y[soft] ** 2).sum())
    return not (alike and in_pauses * energy[loud].sum() > 2 * in_words * energy[soft].sum())
