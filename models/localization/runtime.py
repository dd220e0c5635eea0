"""The localizer as the engine uses it: pictures and sound in as they come, a map of where the sound is made out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from models.common import weights
from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.localization.attention import BINS, FRAMES, GRID, SoundAttention
from models.localization.band_levels import BEFORE, HOP, band_levels
from models.localization.box import Box, attention_of, heat_of, region
from models.localization.face_extent import FaceExtent
from models.localization.looks import ENOUGH, SourceLooks, heard_sources, looks_like, seen_sources
from models.localization.motion import BIN, MotionTrack
from models.localization.onnx_step import AttentionOutput, OnnxAttention
from models.localization.score import SourceClassifier, clues
from models.sounds.runtime import raised
from models.sounds.yamnet import SHORTEST, YamNet
from models.vision.image_encoder import SIZE
from models.vision.image_runtime import GridArrays, ImageRuntime

WEIGHTS = weights.FOLDER / "localize.safetensors"

SHOWN = 0.5
"""Score from which there is a peak and a box."""

SMOOTH = 0.6
"""Seconds with which maps are averaged."""

PATIENT = 3.0
"""Seconds with which the synchrony of faces is averaged: whose voice it is changes slowly, and is told better so."""

TALKS = 4.22
"""Synchrony of a face from which it is taken for the talker; chosen on filmed talkers, own voices against others'."""

FORGET = 2.0
"""Seconds after the last map from which nothing of it counts."""

SILENT = -60.0
"""dB of full scale: what is quieter in the last 0.6 s is silence."""

PREFIXES = ("attention.", "extent.", "belief.", "looks.")
"""Of the names of the stored weights: for the attention, the extent of faces, the classifier, the looks of sources."""

KEPT = 3.0
"""Seconds of sound and motion that are kept."""

_LAST = int(0.6 * SAMPLE_RATE)
_LATE = 0.5
"""Seconds by which sound may lag the pictures before the map waits for it no longer."""


@dataclass(frozen=True)
class SoundMap:
    """Where the sound of about the last 1.4 s comes from.

    Attributes:
        t: end of that time, seconds on the caller's clock.
        heat: (14, 14), 0..1, row 0 at the top; dim where the score is low.
        score: how surely something to be seen makes the sound, 0..1.
        peak: (x, y) as fractions of the picture, or None where nothing to be seen makes it.
        box: (x, y, width, height) as fractions, or None likewise.
    """

    t: float
    heat: F32
    score: float
    peak: tuple[float, float] | None
    box: Box | None


class SoundTrack:
    """The last seconds of a sound that arrives in parts of any length; what is missing is silence."""

    def __init__(self, seconds: float = KEPT) -> None:
        self._pcm = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
        self.end: float | None = None

    def hear(self, t: float, pcm: F32) -> None:
        """Take in samples, the first of which is of time `t`."""
        if len(pcm) == 0:
            return
        pcm = np.nan_to_num(np.asarray(pcm, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
        gap = 0 if self.end is None else round((t - self.end) * SAMPLE_RATE)
        if abs(gap) <= SAMPLE_RATE // 50:
            # Times of blocks tremble; samples do not.
            end = t if self.end is None else self.end
        else:
            end = t
            if gap < 0:
                pcm = pcm[-gap:] if -gap < len(pcm) else pcm[:0]
                if len(pcm) == 0:
                    return
                end = self.end if self.end is not None else t
            else:
                self._push(np.zeros(min(gap, len(self._pcm)), np.float32))
        self._push(pcm)
        self.end = end + len(pcm) / SAMPLE_RATE

    def window(self, end: float, count: int) -> F32:
        """Return the `count` samples before the time `end`."""
        out = np.zeros(count, np.float32)
        if self.end is None:
            return out
        stop = len(self._pcm) + round((end - self.end) * SAMPLE_RATE)
        start = stop - count
        low, high = max(start, 0), min(stop, len(self._pcm))
        if high > low:
            out[low - start : high - start] = self._pcm[low:high]
        return out

    def _push(self, pcm: F32) -> None:
        pcm = pcm[-len(self._pcm) :]
        if len(pcm):
            self._pcm = np.concatenate([self._pcm[len(pcm) :], pcm])


@dataclass
class LocalizerState:
    """What is remembered of one stream of pictures and its sound.

    Attributes:
        motion: of the last pictures.
        sound: the last seconds of it.
        pictures: time and picture, the newest.
        evidence: synchrony, likeness, and likeness to the attended motion, (3, 14, 14), averaged over time.
        patient: synchrony of faces averaged over a longer time, and how many maps are in it.
        named: which sources were heard of late, see `heard_sources`.
        at: time of the last map.
        region: box of that map's heat, whether or not it was sure enough to be shown.
    """

    motion: MotionTrack = field(default_factory=lambda: MotionTrack(KEPT))
    sound: SoundTrack = field(default_factory=SoundTrack)
    pictures: deque[tuple[float, U8]] = field(default_factory=lambda: deque(maxlen=1))
    evidence: F32 | None = None
    patient: tuple[float, int] | None = None
    named: F32 | None = None
    at: float = 0.0
    region: Box | None = None


class Localizer:
    """Where sounds come from, for any number of streams. One thread at a time.

    Args:
        weights: path of the weights.
        images: an image encoder to share.
        sounds: names of sounds to share.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(
        self, weights: Path = WEIGHTS, images: ImageRuntime | None = None, sounds: YamNet | None = None
    ) -> None:
        net, extent, classifier, looks = load_localizer(weights)
        self._attention = OnnxAttention(net, extent)
        self._looks = looks.named.weight.numpy().T, looks.named.bias.numpy()
        self._hidden, self._out = (
            (part.weight.numpy(), part.bias.numpy()) for part in (classifier.hidden, classifier.out)
        )
        self._images = images or ImageRuntime()
        self._sounds = sounds or YamNet()

    def open(self) -> LocalizerState:
        """Make the memory of a new stream."""
        return LocalizerState()

    def see(self, state: LocalizerState, t: float, rgb: U8) -> None:
        """Take in a picture of time `t`, seconds: uint8 (224, 224, 3), 8 to 30 a second; below 1 ms.

        Raises:
            ValueError: it has another shape.
        """
        if rgb.shape != (SIZE, SIZE, 3):
            raise ValueError(f"a picture must have the shape {(SIZE, SIZE, 3)}, not {rgb.shape}")
        state.motion.see(t, rgb)
        if not state.pictures or t > state.pictures[-1][0]:
            state.pictures.append((t, rgb))

    def hear(self, state: LocalizerState, t: float, pcm: F32) -> None:
        """Take in sound: (N,) at 16 kHz, -1..1, the first sample of time `t`; any N."""
        state.sound.hear(t, pcm)

    def locate(self, states: list[LocalizerState], grids: GridArrays | None = None) -> list[SoundMap]:
        """Map each stream by what it was given until now; a stream without a picture gets an empty map.

        Args:
            states: Of the streams.
            grids: What the encoder sees in the newest picture of each; None lets it look.
        """
        maps = [SoundMap(state.at, np.zeros((GRID, GRID), np.float32), 0.0, None, None) for state in states]
        rows = [i for i, state in enumerate(states) if state.pictures]
        if not rows:
            return maps
        chosen = [states[i] for i in rows]
        ends = [_end(state) for state in chosen]
        need = BEFORE + FRAMES * HOP
        pcm = np.stack([state.sound.window(end, need) for state, end in zip(chosen, ends, strict=True)])
        # A picture stands for the 40 ms after its time, as in training: so does the motion that led to it.
        motion = np.stack([state.motion.window(end - BIN, BINS) for state, end in zip(chosen, ends, strict=True)])
        if grids is None or len(rows) < len(states):
            grids = self._images.encode(np.stack([state.pictures[-1][1] for state in chosen]))
        found = self._attention.run(band_levels(pcm), motion, grids.middle, grids.top)
        sounds = self._sounds(raised(pcm[:, -SHORTEST:]))[0][:, 0]
        seen = grids.top.transpose(0, 2, 3, 1) @ self._looks[0] + self._looks[1]
        for k, (i, state, end) in enumerate(zip(rows, chosen, ends, strict=True)):
            part = AttentionOutput(*(x[k : k + 1] for x in found))
            maps[i] = self._map(state, end, part, heard_sources(sounds[k]), seen[k], motion[k], pcm[k, -_LAST:])
        return maps

    def _map(
        self, state: LocalizerState, t: float, found: AttentionOutput, named: F32, seen: F32, motion: F32, pcm: F32
    ) -> SoundMap:
        both = np.concatenate([found.sync, found.meaning])
        keep = _keep(state, t)
        if state.evidence is not None and state.named is not None:
            both = keep * state.evidence[:2] + (1 - keep) * both
            # A dog that barks now and then is the source in between.
            named = np.maximum(named, keep * state.named)
        talks = _patiently(state, t, both[0], found.extent[0, 0])
        look = looks_like(named, seen_sources(seen))
        attention = attention_of(both[0], both[1], look)
        attended = attention.ravel() @ found.rhythm[0]
        similar = (found.rhythm[0] @ attended).reshape(1, GRID, GRID)
        if state.evidence is not None:
            similar = keep * state.evidence[2:] + (1 - keep) * similar
        state.evidence, state.named, state.at = np.concatenate([both, similar]).astype(np.float32), named, t
        moved = motion[:, 0].mean(axis=0).reshape(GRID, 2, GRID, 2).mean(axis=(1, 3))
        heat, faces = heat_of(attention, state.evidence[2], moved, look, found.extent[0])
        level = 10 * float(np.log10(np.mean(pcm**2) + 1e-12))
        given = np.concatenate([clues(both[0], both[1], attention, faces, moved, level), found.sound[0]])
        by_look = min(1.0, SHOWN * float(look.max()) / ENOUGH)
        by_face = SHOWN * float(np.exp(min(talks - TALKS, np.log(2))))
        score = 0.0 if level < SILENT else max(self._probability(given), by_look, by_face)
        peak, state.region = region(heat, attention)
        shown = score >= SHOWN
        return SoundMap(t, heat * np.float32(score), score, peak if shown else None, state.region if shown else None)

    def _probability(self, given: F32) -> float:
        hidden = np.maximum(self._hidden[0] @ given + self._hidden[1], 0)
        logit = float((self._out[0] @ hidden + self._out[1])[0])
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def _end(state: LocalizerState) -> float:
    """Return until when both are known: the newest picture, or the sound's end if that is only a little behind."""
    t = state.pictures[-1][0] + BIN
    heard = state.sound.end
    return heard if heard is not None and t - _LATE <= heard < t else t


def _keep(state: LocalizerState, t: float) -> np.float32:
    """Return the share that the maps until now have in the average; forget what is long past."""
    gap = t - state.at
    if state.evidence is None or not 0 <= gap <= FORGET:
        state.evidence = state.named = state.patient = None
        return np.float32(0)
    return np.float32(np.exp(-gap / SMOOTH))


def _patiently(state: LocalizerState, t: float, sync: F32, face: F32) -> float:
    """Return the highest synchrony (14, 14) where the logits `face` (14, 14) see one, averaged over a longer time."""
    # A part of a window is alike by chance.
    if not state.motion.parts or state.motion.parts[0][0] > t - BINS * BIN + 2 * BIN:
        return 0.0
    # A chin may move beyond the face's own cells.
    near = cv2.dilate((face > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    highest = float(sync.max(initial=0.0, where=near))
    before, count = state.patient or (highest, 0)
    # At first the mean of all there is.
    weight = max(1 - float(np.exp(-(t - state.at) / PATIENT)), 1 / (count + 1))
    state.patient = before + weight * (highest - before), count + 1
    return state.patient[0]


def load_localizer(path: Path = WEIGHTS) -> tuple[SoundAttention, FaceExtent, SourceClassifier, SourceLooks]:
    """Load the networks with their shipped weights (fp16 on disk, float32 in memory), for inference.

    Raises:
        FileNotFoundError: the weights are not there.
        RuntimeError: they belong to other networks.
    """
    stored = weights.tensors(path)
    nets = SoundAttention(), FaceExtent(), SourceClassifier(), SourceLooks()
    for net, prefix in zip(nets, PREFIXES, strict=True):
        part = {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}
        # Counters of the batch norms are no weights and are not stored.
        missing = net.load_state_dict(part, strict=False).missing_keys
        if any(not name.endswith("num_batches_tracked") for name in missing):
            raise RuntimeError(f"{path} lacks {missing}")
        net.eval().requires_grad_(False)
    return nets
