"""From sound to the shape of a mouth: a recurrent network, 25 shapes a second, 0.2 s behind the sound.

A shape is 40 lip points as `models/faces/mesh.py` orders them (outer lip, then inner lip; nose tip as origin, eye line
level, eye distance 1, y down). They are a mean plus `COMPONENTS` principal components, whose amounts the network gives.

Sound decides them, four frames of log_mel.py a step: of the past all that a GRU keeps, of the future 0.2 s, because
lips are on their way before they are heard. What the GRU is given are the `WIDTH` sums over the last `CONTEXT` steps
that foretell lips best (reduced-rank regression, fitted in closed form); its output is added to what they foretell by
themselves. The idea is that of Suwajanakorn et al. 2017, "Synthesizing Obama: learning lip sync from audio".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.common.weights import FOLDER, filled
from models.portrait.log_mel import BANDS, Heard, LogMel

RATE = 25
"""Shapes a second."""

STEP = SAMPLE_RATE // RATE
FRAMES = 4
"""Frames of sound in a step."""

AHEAD = 5
"""Steps of sound after the moment of a shape that decide it: 0.2 s."""

PIECE = 10 * SAMPLE_RATE
"""Samples of a recording that are looked at together."""

POINTS = 40
COMPONENTS = 10
HIDDEN, WIDTH = 128, 48

CONTEXT = 9
"""Steps, the last 0.36 s that were heard."""

HALVES = 2
"""Parts of a step that are told apart."""

LOW, HIGH = -6.0, 4.0
"""Between these are bands kept, nepers around the voice's own level."""

QUIET, AUDIBLE = -6.5, -4.5
"""Mean level of all bands, nepers around the voice's own: below the first for seven steps the mouth is shut, above the
second it does what the network says. Sentences to train on have no long pauses, so there it would say anything."""

AROUND = AHEAD + 2
"""Steps, the newest last, of which the loudest counts for that."""

LOUD, MOST_GAIN = 0.15, 100.0
"""RMS of the loud 40 ms of a recording that a softer one is brought to, and by how much at most."""

UPPER, LOWER = 35, 25
"""The middles of the inner lips: their distance is the opening."""


def opening(points: F32) -> F32:
    """Return the inner opening (...) of shapes (..., 40, 2), eye distances."""
    return np.asarray(points[..., LOWER, 1] - points[..., UPPER, 1], np.float32)


@dataclass(frozen=True)
class Memory:
    """What the network remembers of B voices.

    Attributes:
        past: (B, CONTEXT - 1, 80) the last steps.
        hidden: (1, B, HIDDEN) of the GRU.
    """

    past: Tensor
    hidden: Tensor


class MouthNet(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        self.context = nn.Linear(CONTEXT * HALVES * BANDS, WIDTH)
        self.gru = nn.GRU(WIDTH, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN + WIDTH, COMPONENTS)
        self.mean: Tensor
        self.components: Tensor
        self.rest: Tensor
        self.register_buffer("mean", torch.zeros(POINTS * 2))
        self.register_buffer("components", torch.zeros(COMPONENTS, POINTS * 2))
        self.register_buffer("rest", torch.zeros(POINTS * 2))

    def begin(self, rows: int) -> Memory:
        """Return the memory of voices that have said nothing yet."""
        past = torch.full((rows, CONTEXT - 1, HALVES * BANDS), LOW / 2)
        return Memory(past, torch.zeros(1, rows, HIDDEN))

    @staticmethod
    def around(sound: Tensor, past: Tensor) -> Tensor:
        """Return each step with those before it, (B, T, CONTEXT * 80), of sound (B, T, 160)."""
        parts = sound.clamp(LOW, HIGH).reshape(*sound.shape[:2], HALVES, FRAMES // HALVES, BANDS)
        halves = parts.mean(3).flatten(2) / 2
        return torch.cat([past, halves], 1).unfold(1, CONTEXT, 1).transpose(2, 3).flatten(2)

    def forward(self, sound: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """Run over steps that follow each other.

        Args:
            sound: (B, T, 160), T at least 1.
            memory: As the steps before left it.

        Returns:
            Amounts (B, T, COMPONENTS) in standard deviations, that of step s for the moment AHEAD - 1 steps before it;
            and the memory.
        """
        around = self.around(sound, memory.past)
        x = self.context(around)
        y, hidden = self.gru(x, memory.hidden)
        past = around[:, -1].reshape(-1, CONTEXT, HALVES * BANDS)[:, 1:]
        return self.output(torch.cat([y, x], 2)), Memory(past, hidden)

    def points(self, amounts: Tensor) -> Tensor:
        """Return shapes (..., 40, 2) of amounts (..., COMPONENTS)."""
        flat = self.mean + amounts @ self.components
        return flat.view(*amounts.shape[:-1], POINTS, 2)


@dataclass
class Speaking:
    """One voice on its way through.

    Attributes:
        heard: By log_mel.py.
        waiting: Frames (<4, 40) that do not make a step yet.
        memory: Of the network.
        steps: That were made.
        levels: Of the last steps, nepers.
    """

    heard: Heard
    waiting: F32
    memory: Memory
    steps: int = 0
    levels: F32 = field(default_factory=lambda: np.full(AROUND - 1, QUIET, np.float32))


class Mouth:
    """The network with the shipped weights, for any number of voices.

    Args:
        net: To be used instead.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, net: MouthNet | None = None) -> None:
        self._net = filled(MouthNet(), FOLDER / "mouth.safetensors") if net is None else net
        self._sound = LogMel()

    @property
    def rest(self) -> F32:
        """Shape (40, 2) of the closed mouth."""
        return np.asarray(self._net.rest.view(POINTS, 2).numpy(), np.float32)

    def begin(self) -> Speaking:
        """Return the state of a voice that was not heard yet."""
        return Speaking(self._sound.begin(), np.zeros((0, BANDS), np.float32), self._net.begin(1))

    @torch.inference_mode()
    def hear(self, pcm: F32, voice: Speaking) -> F32:
        """Return the shapes that are known now.

        Args:
            pcm: (N,) that follows what was heard before, 16 kHz.
            voice: Moves on.

        Returns:
            (T, 40, 2): the k-th of all that were ever returned is that at k * 40 ms of the sound.
        """
        early = max(0, AHEAD - 1 - voice.steps)
        return self.shape(self._rows(self._steps(pcm, voice), voice)[early:])

    @torch.inference_mode()
    def newest(self, pcm: F32, voice: Speaking) -> F32:
        """Return what is known now of the last `AHEAD` moments, for whom it would be too late to wait.

        What comes after the newest step is not known yet: it is taken to sound as that step does. Openings of sentences
        kept apart are off by 0.0124 eye distances with four or five steps known from a moment on, and by 0.0128, 0.0136
        and 0.0144 with three, two and one.

        Args:
            pcm: (N,) that follows what was heard before, 16 kHz; not for voices that `hear` is called with.
            voice: Moves on.

        Returns:
            (T, COMPONENTS + 1) rows for `shape`, the last for the moment `(voice.steps - 1) * 40` ms; none where no
            step was completed, fewer than `AHEAD` at the beginning.
        """
        steps = self._steps(pcm, voice)
        if not len(steps):
            return np.zeros((0, COMPONENTS + 1), np.float32)
        known = self._rows(steps, voice)[-1:]
        amounts, _ = self._net(torch.from_numpy(steps[None, -1:]).expand(-1, AHEAD - 1, -1), voice.memory)
        loudest = [voice.levels[after:].max() for after in range(AHEAD - 1)]
        guessed = np.concatenate([amounts[0].numpy(), _audible(np.array(loudest))[:, None]], axis=1)
        return np.concatenate([known, guessed])[-voice.steps :].astype(np.float32)

    def shape(self, rows: F32) -> F32:
        """Return shapes (T, 40, 2) of rows (T, COMPONENTS + 1): amounts, and how far the mouth leaves its rest."""
        made = self._net.points(torch.from_numpy(rows[:, :-1])).numpy()
        return np.asarray(self.rest + rows[:, -1:, None] * (made - self.rest), np.float32)

    @property
    def basis(self) -> F32:
        """Mean, and what each amount adds to it: (COMPONENTS + 1, 40, 2)."""
        both = torch.cat([self._net.mean[None], self._net.components])
        return np.asarray(both.view(-1, POINTS, 2).numpy(), np.float32)

    def _steps(self, pcm: F32, voice: Speaking) -> F32:
        """Return the steps (T, 160) that are complete now."""
        fresh = self._sound.bands(pcm, voice.heard)
        rows = np.concatenate([voice.waiting, self._sound.level(fresh, voice.heard)])
        count = len(rows) // FRAMES
        voice.waiting = rows[count * FRAMES :]
        return rows[: count * FRAMES].reshape(count, FRAMES * BANDS)

    def _rows(self, steps: F32, voice: Speaking) -> F32:
        """Return a row for each step, of the moment `AHEAD - 1` steps before it."""
        count = len(steps)
        if not count:
            return np.zeros((0, COMPONENTS + 1), np.float32)
        amounts, voice.memory = self._net(torch.from_numpy(steps[None]), voice.memory)
        levels = np.concatenate([voice.levels, steps.reshape(count, FRAMES, BANDS).mean(2).max(1)])
        voice.levels = levels[count:]
        loudest = np.lib.stride_tricks.sliding_window_view(levels, AROUND).max(axis=1)
        voice.steps += count
        return np.concatenate([amounts[0].numpy(), _audible(loudest)[:, None]], axis=1).astype(np.float32)

    def shapes(self, pcm: F32) -> F32:
        """Return the shapes of a whole recording, one every 40 ms from 0 s on: how loud it is, is known beforehand.

        Args:
            pcm: (N,) at 16 kHz.

        Returns:
            (N // 640, 40, 2).
        """
        voice, first = self.begin(), self._sound.begin()
        blocks = pcm[: len(pcm) // STEP * STEP].reshape(-1, STEP)
        if not len(blocks):
            return np.zeros((0, POINTS, 2), np.float32)
        loud = float(np.quantile(np.sqrt((blocks**2).mean(axis=1)), 0.95))
        gain = np.float32(min(LOUD / max(loud, 1e-9), MOST_GAIN))
        whole = np.pad(gain * blocks.ravel(), (0, (AHEAD - 1) * STEP))
        pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
        for piece in pieces:
            self._sound.level(self._sound.bands(piece, first), voice.heard)
        return np.concatenate([self.hear(piece, voice) for piece in pieces])


def _audible(levels: F32) -> F32:
    """Return how far (0..1) the mouth does what the network says, with sound of these levels around."""
    return np.asarray(np.clip((levels - QUIET) / (AUDIBLE - QUIET), 0, 1), np.float32)
