"""What is done to a sound track before anybody hears it, and what is told of that."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np

from models.common.arrays import F32
from streamer.media.levels import Levels

CANCELS = -0.7
"""Correlation of two channels below which their mean loses most of the sound."""

RARELY, MOSTLY = 0.05, 0.9
"""Shares of the sound that cancels: below the first nobody minds, above the second one channel is turned over."""

RUMBLE = 200.0
"""Hz; a subwoofer's channel holds nothing above (it ends at 120)."""

HEARD = 1e-4
"""Power of a channel, in shares of the loudest one's, from which it counts."""

LOSSY_PEAK = 1.41
"""Largest sample of compressed sound that is simply clipped: codecs run over full scale now and then."""

QUIET, FAINTEST = 10 ** (-40 / 20), 10 ** (-75 / 20)
"""Levels (root mean square) below which speech is amplified for the models, and below which there is none."""

WANTED = 10 ** (-26 / 20)
"""Level to which it is amplified."""

SPOKEN, RARE = 0.1, 0.01
"""Shares of the time in which at least there is speech, and in which noises such as slamming doors may be louder."""

LOUDEST = 10 ** (-12 / 20)
"""Level that the rest is not amplified beyond."""

LEAST = 2.0
"""Factor below which nothing is amplified."""


@dataclass(frozen=True)
class Treatment:
    """What is done to a track.

    Attributes:
        matrix: Shape (1 or 2, channels): what is heard, made of the channels as they are stored; None leaves that to
            FFmpeg, which knows what the channels are meant for.
        scale: Factor.
        finite: Whether there are samples that are no numbers.
        boost: Factor for models that listen, beyond `scale`; files keep the level.
        notes: Sentences for people.
    """

    matrix: F32 | None = None
    scale: float = 1.0
    finite: bool = True
    boost: float = 1.0
    notes: tuple[str, ...] = ()


def treatment(levels: Levels, codec: str, rate: int) -> Treatment:
    """Return what is to be done to a track with these levels."""
    notes: list[str] = []
    matrix = _cancelling(levels, notes) if levels.channels == 2 else _many(levels, notes)
    scale = 1.0
    if levels.peak > (1.0 if codec.startswith("pcm_f") else LOSSY_PEAK):
        scale = 1.0 / levels.peak
        notes.append(
            f"the sound is louder than full scale: all of it is {-20 * np.log10(scale):.1f} dB softer in the files"
        )
    if levels.not_numbers:
        seconds = levels.not_numbers / levels.channels / rate
        notes.append(f"{levels.not_numbers} samples are no numbers and are silent now ({seconds:.2f} s)")
    if levels.losses.packets:
        notes.append(f"damaged sound: {levels.losses.packets} packets ({levels.losses.seconds:.1f} s) cannot be read")
    loud, boost = levels.exceeded(SPOKEN) * scale, 1.0
    # Where somebody far away talks now and then, they are not drowned by what that would make of those nearby.
    most = LOUDEST / max(levels.exceeded(RARE) * scale, FAINTEST)
    if FAINTEST < loud < QUIET and most > LEAST:
        boost = min(WANTED / loud, most)
    if levels.silent:
        notes.append("the sound is silence alone")
    return Treatment(matrix, scale, not levels.not_numbers, boost, tuple(notes))


def _cancelling(levels: Levels, notes: list[str]) -> F32 | None:
    """Return what is done to two channels."""
    left, right = levels.powers.T.astype(np.float64)
    power = left + right
    if not power.any():
        return None
    root = np.sqrt(left * right)
    correlation = np.divide(levels.products[:, 1], root, out=np.zeros_like(root), where=root > 0)
    cancels = (correlation < CANCELS) & (np.minimum(left, right) > 0.1 * np.maximum(left, right))
    share = float(power[cancels].sum() / power.sum())
    if share < RARELY:
        return None
    if share > MOSTLY:
        notes.append("left and right cancel each other: the right one is turned over")
        return np.array([[1, 0], [0, -1]], np.float32)
    louder = int(right.sum() > left.sum())
    notes.append(f"left and right cancel each other now and then: only the {('left', 'right')[louder]} one is heard")
    return np.eye(2, dtype=np.float32)[[louder]]


def _many(levels: Levels, notes: list[str]) -> F32 | None:
    """Return what is done to one channel or more than two."""
    count = levels.channels
    if count <= 2 or not len(levels.powers):
        return None
    power = levels.powers.mean(axis=0)
    heard = power > HEARD * power.max()
    if not heard.any():
        return None
    names = [channel.name for channel in av.AudioLayout(levels.layout).channels] if _known(levels.layout) else []
    mislaid = [i for i, name in enumerate(names) if "LFE" in name and heard[i] and levels.pitch[i] > RUMBLE]
    if names and not mislaid:
        return None
    if mislaid:
        notes.append(
            f"channel {mislaid[0] + 1} of {count} is said to be a subwoofer and is not: all channels are heard alike"
        )
    else:
        notes.append(f"nothing says what the {count} channels are: all are heard alike")
    first = int(power.argmax())
    gains = heard / heard.sum()
    if first == 0:
        # The mean products are with channel 1: whatever is against it is turned over.
        middle = levels.products.mean(axis=0) / np.maximum(np.sqrt(power * power[0]), 1e-12)
        gains = np.where(middle < CANCELS, -gains, gains)
    return np.asarray(gains[None], np.float32)


def _known(layout: str) -> bool:
    """Return whether FFmpeg knows what the channels of a layout are for."""
    return not layout.endswith("channels") and not layout.startswith("ambisonic")
