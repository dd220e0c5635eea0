"""Before a recording's second pass: the separator is tuned to the voices that the first one found, where that gains."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32, Bools
from models.common.audio import SAMPLE_RATE
from models.separation.separator import Separator
from models.train.separation.tuning import FRAME, Tuned, Voice, tune
from streamer.engine.lips import LIPS_STALE
from streamer.engine.session import BLOCK_SECONDS, MOST_ROWS, TRAINED_LAG
from streamer.engine.survey import Known
from streamer.engine.types import speaker_name

LEAST_ALONE = 8.0
"""Seconds that a voice must have said alone to be tuned to."""

LEAST_OVERLAP = 1.0
"""Seconds in which people must talk at once: else there is nothing to gain."""

STEPS_A_SECOND, LEAST_STEPS, MOST_STEPS = 0.25, 40, 120
"""Steps for each second of the recording, at least and at most: a step takes a second or two of one core."""

LEAST_GAIN = 0.3
"""dB that speech held back must gain."""

FRAME_SECONDS = FRAME / SAMPLE_RATE


@dataclass(frozen=True)
class Tuning:
    """What came of it.

    Attributes:
        voices: Ids of the speakers, empty if it was not tried.
        gain: dB on speech held back, None if it was not tried.
        kept: Whether the tuned weights are used.
        text: The same in words.
    """

    voices: list[int]
    gain: float | None
    kept: bool
    text: str


def tuned(
    net: Separator, known: Known, tell: Callable[[float], None] = lambda done: None
) -> tuple[Tuning, Separator | None]:
    """Tune a network to the voices of a recording.

    Args:
        net: The shipped one.
        known: What the first pass found.
        tell: Hears what share is done.

    Returns:
        What came of it, and the tuned network if it is to be used.
    """
    voices = voices_of(known)
    if reason := obstacle(known, voices):
        return Tuning([], None, False, f"not tuned: {reason}"), None
    steps = round(STEPS_A_SECOND * known.settled.duration)
    result = tune(net, list(voices.values()), min(max(steps, LEAST_STEPS), MOST_STEPS), tell=tell)
    return verdict(list(voices), result)


def verdict(ids: list[int], result: Tuned) -> tuple[Tuning, Separator | None]:
    """Keep what gains on speech held back."""
    gain, figure = round(result.gain, 2), f"{result.gain:+.1f} dB on speech held back"
    if result.gain < LEAST_GAIN:
        return Tuning(ids, gain, False, f"not tuned: {figure}"), None
    return Tuning(ids, gain, True, f"tuned to {len(ids)} voices, {figure}"), result.net


def obstacle(known: Known, voices: dict[int, Voice]) -> str:
    """Say why it is of no use to tune, nothing if it is."""
    alone = {id: sum(len(pcm) for _, pcm in runs) / SAMPLE_RATE for id, runs in known.settled.solo.items()}
    if len(alone) < 2:
        return "one voice is known" if alone else "no voice is known"
    if known.settled.overlap < LEAST_OVERLAP:
        return f"people talk at once for {known.settled.overlap:.1f} s"
    if len(voices) < 2:
        said = ", ".join(f"{speaker_name(id)} {seconds:.0f} s" for id, seconds in sorted(alone.items()))
        return f"two voices of {LEAST_ALONE:.0f} s alone are needed ({said})"
    return ""


def voices_of(known: Known) -> dict[int, Voice]:
    """Return what those said alone who said enough, by id; of more than can be separated those who said most."""
    times = sorted(known.faces)
    found = {id: _voice(known, times, id) for id in known.settled.solo}
    enough = [id for id, voice in found.items() if voice.frames * FRAME_SECONDS >= LEAST_ALONE]
    most = sorted(enough, key=lambda id: -found[id].frames)[:MOST_ROWS]
    return {id: found[id] for id in sorted(most)}


def _voice(known: Known, times: list[float], id: int) -> Voice:
    pieces, lips, visible = [np.zeros(0, np.float32)], [np.zeros((0, 4), np.float32)], [np.zeros(0, bool)]
    for begin, pcm in known.settled.solo[id]:
        frames = len(pcm) // FRAME
        moved, seen = _lips(known, times, id, begin, frames)
        pieces.append(pcm[: frames * FRAME])
        lips.append(moved)
        visible.append(seen)
    print = known.settled.prints[id].print
    return Voice(np.concatenate(pieces), print, np.concatenate(lips), np.concatenate(visible))


def _lips(known: Known, times: list[float], id: int, begin: float, frames: int) -> tuple[F32, Bools]:
    """Return the lips (frames, 4) of a stretch as the separator is given them, and whether they were to be seen."""
    wanted = begin + FRAME_SECONDS * np.arange(frames) + BLOCK_SECONDS - TRAINED_LAG
    first, last = bisect_left(times, begin - 2 * LIPS_STALE), bisect_right(times, begin + FRAME_SECONDS * frames)
    seen = [(t, face) for t in times[first:last] for face in known.faces[t] if face.id == id]
    if len(seen) < 2:
        return np.zeros((frames, 4), np.float32), np.zeros(frames, bool)
    at = np.array([t for t, _ in seen])
    values = np.stack([face.lips for _, face in seen])
    shown = np.array([face.lips_visible for _, face in seen])
    after = np.clip(np.searchsorted(at, wanted), 1, len(at) - 1)
    near = (at[after] - at[after - 1] <= LIPS_STALE) & (wanted >= at[0]) & (wanted <= at[-1] + LIPS_STALE)
    moved = np.stack([np.interp(wanted, at, values[:, number]) for number in range(4)], axis=1)
    return moved.astype(np.float32), near & shown[after] & shown[after - 1]
