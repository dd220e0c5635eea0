"""How much sound a packet holds, and what follows for how many wait for stragglers."""

from __future__ import annotations

import math

USUAL = 0.02
"""Seconds of sound in a packet, nearly always."""

LONGEST = 0.12
"""Seconds that a packet of Opus may hold (RFC 6716, 3.2.5)."""

OLDEST = 0.1
"""Seconds that the first sample of a packet is old at most when it is let go, as far as stragglers go: five packets of
20 ms, where so much disorder was seen."""

PATIENCE = 0.15
"""Seconds that a packet waits at most, whatever is missing: a little more than it takes the next four to come."""

_OPUS_FRAMES = 3 * (0.01, 0.02, 0.04, 0.06) + 2 * (0.01, 0.02) + 4 * (0.0025, 0.005, 0.01, 0.02)
"""Seconds of a frame by the configuration number of the packet's first byte (RFC 6716, table 2)."""

_BYTES_A_SECOND = 8_000
"""Of G.711 and G.722."""


def seconds_of(codec: str, data: bytes) -> float:
    """Return the length of a packet's sound.

    Args:
        codec: "opus", "PCMU", "PCMA" or "G722".
        data: the payload, from a stranger.

    Returns:
        Seconds, above 0, at most `LONGEST`; `USUAL` for what cannot be read.
    """
    seconds = _opus_seconds(data) if codec.lower() == "opus" else len(data) / _BYTES_A_SECOND
    return min(seconds, LONGEST) if seconds > 0 else USUAL


def _opus_seconds(data: bytes) -> float:
    if not data:
        return 0.0
    code = data[0] & 3
    count = data[1] & 63 if code == 3 and len(data) > 1 else (1, 2, 2, 0)[code]
    return count * _OPUS_FRAMES[data[0] >> 3]


def waiting(seconds: float, age: float) -> int:
    """Return how many packets wait until the oldest is let go, for its first sample to be of an age then.

    Args:
        seconds: of sound in each.
        age: seconds from when that sample was taken.

    Returns:
        For an age of 0.1: four of 20 ms, none of 120.
    """
    return max(math.ceil(age / seconds - 1e-6) - 1, 0)
