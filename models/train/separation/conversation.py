"""One minute of a call, as the engine hears it: what separation gives before and after voices are known.

    0- 8 s  both talk at once; lips are seen, no voice is known
    8-18 s  the first alone, 18-28 s the second alone: prints are learnt, by the product's own rules
   28-36 s  the same words as at 0-8 s, lips seen
   36-52 s  turns of 4 s, then 4 s in which nobody talks
   52-60 s  the same words again, lips hidden: prints alone

Blocks of 20 ms go through the streaming separator, voice levels, speaking detector and voice book that the engine
uses; only the faces are not found in pictures but given.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.active_speaker.detector import SpeakingDetector
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.separation.level import VoiceLevel
from models.separation.runtime import BLOCK, SeparatorRuntime
from models.train.data.datasets import FRAME
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import normal
from models.train.data.speakers import Split
from models.train.separation.metrics import si_sdr
from models.train.separation.trials import SETS, as_float, by_speaker
from models.voiceprint.enrolment import VoiceBook
from models.voiceprint.voice_print import Enrolment

LENGTH = 60 * SAMPLE_RATE
OVERLAP = 8 * SAMPLE_RATE
OVERLAPS = {"before": 0, "after": 28 * SAMPLE_RATE, "after, lips hidden": 52 * SAMPLE_RATE}
NEEDED = 26 * SAMPLE_RATE
"""Samples needed of each person: 8 s of overlap, 10 s and two turns of 4 s alone."""

SETTLE = SAMPLE_RATE
"""Samples at the start of an overlap that are not measured."""

DELAY = SeparatorRuntime.DELAY
FACES = np.array([0, 1])


@dataclass(frozen=True)
class Outcome:
    """What one conversation gave.

    Attributes:
        si_sdri: By overlap, the improvement for both faces, dB.
        wrong: By overlap, 100 where the other came out better, else 0, for both faces.
        known_at: When each print was there, seconds; NaN if never.
        right: Whether each print at the end is nearer to a print of its own clean speech than to the other's.
        dropped: How often a print was dropped because it silenced its own face.
    """

    si_sdri: dict[str, list[float]]
    wrong: dict[str, list[float]]
    known_at: list[float]
    right: list[bool]
    dropped: int


def pairs(folder: Path, split: Split, count: int) -> list[tuple[F32, F32]]:
    """Pair people with enough speech: sound of each, (NEEDED,)."""
    able = []
    for name in SETS:
        for parts in by_speaker(folder, name, split).values():
            sound = normal(as_float(np.concatenate([clip.sound for clip in parts]))[None, :NEEDED])[0]
            if len(sound) == NEEDED:
                able.append(sound.numpy())
    order = np.random.default_rng(0).permutation(len(able))
    return [(able[i], able[j]) for i, j in zip(order, np.roll(order, 1), strict=True)][:count]


def script(mine: F32, first: bool) -> F32:
    """Lay out one person's minute: (LENGTH,)."""
    out = np.zeros(LENGTH, np.float32)
    both, alone, turns = mine[:OVERLAP], mine[OVERLAP : OVERLAP + 10 * SAMPLE_RATE], mine[OVERLAP + 10 * SAMPLE_RATE :]
    for start in OVERLAPS.values():
        out[start : start + OVERLAP] = both
    start = (8 if first else 18) * SAMPLE_RATE
    out[start : start + 10 * SAMPLE_RATE] = alone
    for k, part in enumerate(np.split(turns, 2)):
        start = (36 + 8 * k + (0 if first else 4)) * SAMPLE_RATE
        out[start : start + 4 * SAMPLE_RATE] = part
    out[48 * SAMPLE_RATE : OVERLAPS["after, lips hidden"]] = 0  # the last turn is nobody's
    return out


def converse(runtime: SeparatorRuntime, people: tuple[F32, F32], seed: int = 0, swapped: bool = False) -> Outcome:
    """Hold one conversation.

    Args:
        runtime: The separator; its rows 0 and 1 are used.
        people: Sound of both, (NEEDED,) each.
        seed: Of lips and noise.
        swapped: Begin with each one's print taken for the other's, the worst that can be learnt.
    """
    torch.manual_seed(seed)
    voices = np.stack([script(people[0], True), script(people[1], False)])
    mix = voices.sum(0) + np.random.default_rng(seed).normal(0, 1e-4, LENGTH).astype(np.float32)
    sound = torch.from_numpy(voices)
    gate = (sound.reshape(2, -1, FRAME).abs().amax(2) > 0).float()[..., None]
    lips = spoil_lips(made_up_lips(sound), gate).numpy()
    book, detector, level = VoiceBook(runtime.voice_print), SpeakingDetector(), VoiceLevel()
    runtime.reset(FACES)
    level.reset(FACES)
    own = np.stack([runtime.voice_print(np.ascontiguousarray(one)) for one in people])
    if swapped:
        book.recall({id: Enrolment(own[1 - id], (own[1 - id],), 10.0, 1.0, 0.0) for id in (0, 1)})
    late = np.concatenate([np.zeros(DELAY, np.float32), mix])
    speaking, out = {0: 0.0, 1: 0.0}, np.zeros((2, LENGTH), np.float32)
    known_at, dropped = [float("nan")] * 2, 0
    for k in range(0, LENGTH, BLOCK):
        seen = np.full(2, k < OVERLAPS["after, lips hidden"])
        if k % FRAME == 0:
            runtime.lips(FACES, np.ascontiguousarray(lips[:, k // FRAME]), seen)
        prints = np.stack([book.print_of(id) for id in (0, 1)])
        audible = seen | prints.any(1)
        other = np.where(audible[::-1], FACES[::-1], -1)
        heard = runtime.step(FACES, np.stack([mix[k : k + BLOCK]] * 2), other, prints)
        heard = level.step(FACES, np.stack([late[k : k + BLOCK]] * 2), heard) * audible[:, None]
        out[:, k : k + BLOCK] = heard
        if k % FRAME == 0:
            continue
        t, begin = k / SAMPLE_RATE, k + BLOCK - FRAME
        pair, mixed = out[:, begin : begin + FRAME], late[begin : begin + FRAME]
        cues = {id: (lips[id, k // FRAME], bool(seen[id])) for id in (0, 1)}
        speaking = detector.update(t, cues, {id: _decibels(pair[id]) for id in (0, 1)}, _decibels(mixed))
        book.hear(t, mixed, speaking, {id: pair[id] for id in (0, 1)}, detector.by_lips)
        dropped += sum(change.state == "dropped" for change in book.take_changes())
        for id in (0, 1):
            if book.known(id) and np.isnan(known_at[id]):
                known_at[id] = t
    right = [bool(own[id] @ book.print_of(id) > own[1 - id] @ book.print_of(id)) for id in (0, 1)]
    return Outcome(*_measured(out, voices, mix), known_at, right, dropped)


def _measured(out: F32, voices: F32, mix: F32) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    gains, wrong = {}, {}
    for name, start in OVERLAPS.items():
        a, b = start + SETTLE, start + OVERLAP - DELAY
        truth = torch.from_numpy(voices[:, a:b])
        given, before = torch.from_numpy(out[:, a + DELAY : b + DELAY]), torch.from_numpy(np.stack([mix[a:b]] * 2))
        own, other = si_sdr(given, truth), si_sdr(given, truth.flip(0))
        gains[name] = (own - si_sdr(before, truth)).tolist()
        wrong[name] = (100.0 * (other > own)).tolist()
    return gains, wrong


def _decibels(x: F32) -> float:
    return float(10 * np.log10(np.mean(np.square(x, dtype=np.float64)) + 1e-10))
