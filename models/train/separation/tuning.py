"""Tunes the separator to the few voices of one recording, on mixtures made of what each of them says alone.

Speaker adaptation of an extraction network: the voices to be told apart are known, so is their room, and a network
that need not serve anybody else serves them better. A part of their speech is held back; it says what was gained.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.common.arrays import F32, Bools
from models.common.stft import STFT, InverseSTFT
from models.separation.partner import rows_at
from models.separation.separator import Separator
from models.train.separation.loss import loss_of
from models.train.separation.metrics import si_sdr

FRAME = 640
"""Samples in a video frame, of which each has one position of the lips."""

HELD_BACK = 0.25
"""Share of each voice's speech, the last, that is not learnt from."""

CROP, HELD_CROP = 60, 75
"""Video frames (2.4 and 3 s) of a mixture that is learnt from, and of one that is held back."""

MIXTURES = 3
"""Mixtures a step, each asked for both its voices; one after the other, which takes less memory."""

LEVELS = 5.0
"""dB by which the first voice of a mixture is raised or lowered at most, beside what it is in the recording."""

HELD_LEVELS = (-3.0, 0.0, 3.0)
"""The same where it is judged."""

ALONE = 1 / 6
"""Share of mixtures in which one voice is silent."""

UNSEEN = 0.5
"""Share of mixtures in which no lips are seen: faces turn away."""

RATE = 2e-4
"""Highest learning rate."""

WARM, REST = 0.1, 0.5
"""Shares of the steps over which the learning rate rises and falls."""

PULL = 2.0
"""By how much weights are drawn back to the shipped ones: a share of this times the learning rate at each step."""

WAYS = (1.0, 0.5)
"""Shares of the way from the shipped weights to those at the end, of which the best on speech held back is taken."""

WINDOWS = 4
"""Moments of a pair that are judged, at most."""


@dataclass(frozen=True)
class Voice:
    """What one of them said alone.

    Attributes:
        speech: (N,) at 16 kHz, N a multiple of `FRAME`, stretches joined.
        print: Voice print, as the separator will be given it.
        lips: (N / FRAME, 4) lip numbers.
        visible: (N / FRAME,) whether they were seen.
    """

    speech: F32
    print: F32
    lips: F32
    visible: Bools

    def cut(self, begin: int, end: int) -> Voice:
        """Return the part between two video frames."""
        pcm = self.speech[begin * FRAME : end * FRAME]
        return Voice(pcm, self.print, self.lips[begin:end], self.visible[begin:end])

    @property
    def frames(self) -> int:
        """Video frames."""
        return len(self.lips)

    @property
    def held_back(self) -> int:
        """How many of them, from the end, are held back."""
        return max(round(HELD_BACK * self.frames), min(HELD_CROP, self.frames // 2))


@dataclass(frozen=True)
class Batch:
    """Some mixtures, a row for each of their voices.

    Attributes:
        mix, voice: (B, N) what is heard, and what is wanted of it.
        prints: (B, P).
        lips, visible: (B, L, 4) and (B, L, 1).
        beside: (B,) which row is the other voice.
    """

    mix: Tensor
    voice: Tensor
    prints: Tensor
    lips: Tensor
    visible: Tensor
    beside: Tensor


@dataclass(frozen=True)
class Tuned:
    """What came of it.

    Attributes:
        net: The tuned network.
        before, after: (K,) SI-SDR gained in each mixture of speech held back, dB: by the network before and by this.
    """

    net: Separator
    before: F32
    after: F32

    @property
    def gain(self) -> float:
        """Mean gain, dB."""
        return float((self.after - self.before).mean())


def mixed(scenes: Sequence[Sequence[tuple[Voice, float]]], seen: Sequence[bool]) -> Batch:
    """Mix scenes of as many voices each, each voice times its gain.

    Args:
        scenes: Voices of one length, and their gains.
        seen: By scene, whether lips count.
    """
    mix, voice, prints, lips, visible = (list[F32]() for _ in range(5))
    beside = list[int]()
    for scene, shown in zip(scenes, seen, strict=True):
        parts = np.stack([one.speech * np.float32(gain) for one, gain in scene])
        first = len(mix)
        for place, (one, _) in enumerate(scene):
            mix.append(parts.sum(axis=0))
            voice.append(parts[place])
            prints.append(one.print)
            lips.append(one.lips)
            visible.append((one.visible[:, None] & shown).astype(np.float32))
            beside.append(first + (place + 1) % len(scene))

    def tensor(x: list[F32]) -> Tensor:
        return torch.from_numpy(np.stack(x))

    return Batch(tensor(mix), tensor(voice), tensor(prints), tensor(lips), tensor(visible), torch.tensor(beside))


def drawn(voices: Sequence[Voice], random: np.random.Generator) -> Batch:
    """Draw a mixture of any two voices."""
    alone = random.random() < ALONE
    # The lips of who is silent here were speaking.
    seen = not alone and bool(random.random() >= UNSEEN)
    scene = []
    for place, number in enumerate(random.permutation(len(voices))[:2]):
        one = voices[number]
        begin = int(random.integers(one.frames - CROP + 1))
        gain = 10 ** (random.uniform(-LEVELS, LEVELS) / 20) if place == 0 else 0.0 if alone else 1.0
        scene.append((one.cut(begin, begin + CROP), gain))
    return mixed([scene], [seen])


def judged(voices: Sequence[Voice]) -> list[Batch]:
    """Mix what is held back: neighbours in turn, up to `WINDOWS` moments of each, all of `HELD_LEVELS` in a batch."""
    batches = []
    for number in range(len(voices) if len(voices) > 2 else 1):
        one, other = voices[number], voices[(number + 1) % len(voices)]
        crop = min(HELD_CROP, one.frames, other.frames)
        spare = min(one.frames, other.frames) - crop
        for begin in np.linspace(0, spare, min(WINDOWS, 1 + 2 * spare // crop)).astype(int):
            # The one from its beginning on, the other from its end: not what was said at the same place each time.
            first, second = one.cut(begin, begin + crop), other.cut(spare - begin, spare - begin + crop)
            scenes = [[(first, 10 ** (level / 20)), (second, 1.0)] for level in HELD_LEVELS]
            batches.append(mixed(scenes, [place % 2 == 0 for place in range(len(scenes))]))
    return batches


def separated(net: Separator, batch: Batch, X: Tensor) -> Tensor:
    """Run the network on mixtures of which X are the spectra."""
    told = net.voice(batch.prints, rows_at(batch.prints, batch.beside))
    other, other_visible = batch.lips[batch.beside], batch.visible[batch.beside]
    Y: Tensor = net(X, batch.lips, batch.visible, other, other_visible, told, batch.beside)
    return Y.to(torch.complex64)


@torch.inference_mode()
def gains(net: Separator, batches: Sequence[Batch]) -> F32:
    """SI-SDR that the network gains in each row, dB."""
    net.eval()
    forward, inverse, found = STFT(), InverseSTFT(), []
    late = inverse.delay
    for batch in batches:
        y = inverse(separated(net, batch, forward(batch.mix)))[:, late:]
        heard, wanted = batch.mix[:, :-late], batch.voice[:, :-late]
        found.append(si_sdr(y, wanted) - si_sdr(heard, wanted))
    result: F32 = torch.cat(found).numpy()
    return result


def tune(
    net: Separator,
    voices: Sequence[Voice],
    steps: int,
    seed: int = 0,
    tell: Callable[[float], None] = lambda done: None,
) -> Tuned:
    """Tune a copy of a network.

    Args:
        net: The network.
        voices: Two or more, each of at least `CROP` frames that are not held back.
        steps: Of learning.
        seed: Of what is mixed with what.
        tell: Hears what share of the steps is done.
    """
    learnt = [voice.cut(0, voice.frames - voice.held_back) for voice in voices]
    held = judged([voice.cut(voice.frames - voice.held_back, voice.frames) for voice in voices])
    before = gains(net, held)
    tuned = copy.deepcopy(net).requires_grad_(True)
    tuned.lips.requires_grad_(False)
    weights: list[Tensor] = [weight for weight in tuned.parameters() if weight.requires_grad]
    shipped = [weight.detach().clone() for weight in weights]
    optimiser = torch.optim.AdamW(weights, RATE, weight_decay=0.0)
    random, forward = np.random.default_rng(seed), STFT()
    # Where the processor cannot, products in bfloat16 are imitated, which takes eight times as long.
    short = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    tuned.train()
    for step in range(steps):
        rate = RATE * rate_at((step + 0.5) / steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad()
        for _ in range(MIXTURES):
            batch = drawn(learnt, random)
            X = forward(batch.mix)
            with torch.autocast("cpu", torch.bfloat16, enabled=short):
                Y = separated(tuned, batch, X)
            loss = loss_of(Y, forward(batch.voice), X).total / MIXTURES
            loss.backward()  # type: ignore[no-untyped-call]
        size = nn.utils.clip_grad_norm_(weights, 5.0)
        if bool(torch.isfinite(size)):
            optimiser.step()
            with torch.no_grad():
                torch._foreach_lerp_(weights, shipped, PULL * rate)
        tell((step + 1) / steps)
    ways = [between(net, tuned, share) for share in WAYS]
    best, after = max(((one, gains(one, held)) for one in ways), key=lambda way: float(way[1].mean()))
    return Tuned(best, before, after)


@torch.no_grad()
def between(net: Separator, tuned: Separator, share: float) -> Separator:
    """Return a network as far from the one to the other."""
    made = copy.deepcopy(tuned).requires_grad_(False).eval()
    torch._foreach_lerp_(list(made.parameters()), list(net.parameters()), 1 - share)
    return made


def rate_at(progress: float) -> float:
    """Share of the highest learning rate: a rise, level, a fall to nothing."""
    return min(1.0, progress / WARM, (1 - progress) / REST)
