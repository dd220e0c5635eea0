"""Scenes made up while training: who talks when, what is seen of them, what the microphone adds."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from models.train.data.corpus import Corpus
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import Surroundings, bernoulli, decibels, gated, line, noise_like, normal
from models.train.data.prints import SPEEDS, Prints
from models.train.data.reverb import Reverb

ALONE, SILENT, NOBODY = 0.16, 0.14, 0.02
"""Share of scenes whose wanted talker is alone, or says nothing beside others, or in which nobody talks."""
THIRD = 0.3
"""Share of scenes of two that have a third."""

TOGETHER = 0.75
"""Share in which both faces are before the camera; in the others the second is out of sight."""

TWINS = 0.06
"""Share in which both have the same voice: only lips can tell them apart."""

CHEWING = 0.25
"""Share of seen silent faces whose lips move all the same."""


@dataclass
class AcousticScene:
    """A batch, B crops of N samples and L = N / 640 video frames.

    Attributes:
        mix: (B, N) what the microphone hears.
        voice: (B, N) what the wanted face says, at its level in the mixture.
        others: (B, 2, N) what the others say.
        lips: (B, L, 4) of the wanted face, `visible` (B, L, 1) of 0 and 1.
        other: (B, L, 4) of another face, `other_visible` (B, L, 1).
        print: (B, 256) of the wanted talker's voice.
        known: (B, 1) 1 where that print may be used.
        other_print: (B, 256) of the other face, `other_known` (B, 1).
        beside: (B,) int64 row of the other face in this batch, -1 where it is out of sight.
        talkers: (B,) how many talk; `silent` (B,) bool whether the wanted face does not.
        enrolment: (B, M) what the print was made of, for networks that make prints of their own; None in training.
    """

    mix: Tensor
    voice: Tensor
    others: Tensor
    lips: Tensor
    visible: Tensor
    other: Tensor
    other_visible: Tensor
    print: Tensor
    known: Tensor
    other_print: Tensor
    other_known: Tensor
    beside: Tensor
    talkers: Tensor
    silent: Tensor
    enrolment: Tensor | None = None


def turns(rows: int, frames: int, partly: float, device: torch.device) -> Tensor:
    """Draw when each talks: (rows, frames) of 0 and 1 by video frame; all of it but for a share `partly`."""
    edges = torch.rand(rows, 2, device=device).sort(1).values * frames
    at = torch.arange(frames, device=device)
    inside = (at >= edges[:, :1]) & (at < edges[:, 1:].maximum(edges[:, :1] + frames / 3))
    outside = bernoulli(rows, 0.3, device) > 0  # a pause instead of a turn
    some = torch.where(outside, ~inside, inside)
    return torch.where(bernoulli(rows, partly, device) > 0, some.float(), torch.ones_like(some.float()))


def make_scene(corpus: Corpus, prints: Prints, rows: int, frames: int, bank: Reverb | None = None) -> AcousticScene:
    """Draw a batch: each mixture is asked twice, once for either of its first two faces.

    Args:
        corpus: Who may talk.
        prints: Of them.
        rows: Crops, an even number: the second half is the first with the faces exchanged.
        frames: Video frames (40 ms) a crop.
        bank: Simulated rooms; None uses made-up tails alone.
    """
    dev, mixtures = corpus.device, rows // 2
    kind = torch.rand(mixtures, 1, device=dev)
    absent = (kind < SILENT + NOBODY).float()
    solo = ((kind < NOBODY) | ((kind >= SILENT + NOBODY) & (kind < SILENT + NOBODY + ALONE))).float()
    third = bernoulli(mixtures, THIRD, dev) * (1 - solo)
    who = corpus.people(mixtures)
    twin = bernoulli(mixtures, TWINS, dev)[:, 0] > 0
    second = torch.where(twin, who, corpus.people(mixtures))
    speeds, speed = torch.tensor(SPEEDS, device=dev), _speeds(mixtures, dev)
    second_speed = torch.where(twin, speed, _speeds(mixtures, dev))
    a, lips = corpus.draw(who, frames, speeds[speed])
    b, other = corpus.draw(second, frames, speeds[second_speed])
    c, _ = corpus.draw(corpus.people(mixtures), frames, speeds[_speeds(mixtures, dev)])

    gate_a = turns(mixtures, frames, 0.35, dev) * (1 - absent)
    gate_b = turns(mixtures, frames, 0.35, dev) * (1 - solo)
    lips = torch.where(corpus.real[who][:, None, None], lips, made_up_lips(a))
    other = torch.where(corpus.real[second][:, None, None], other, made_up_lips(b))
    chewing = bernoulli(mixtures, CHEWING, dev) * (1 - third)  # as if with the third's words, which nobody hears
    chewed = made_up_lips(c)
    lips = torch.where((absent * chewing)[..., None] > 0, chewed, lips)
    other = torch.where((solo * chewing)[..., None] > 0, chewed, other)
    lips = spoil_lips(lips, torch.maximum(gate_a, absent * chewing)[..., None])
    other = spoil_lips(other, torch.maximum(gate_b, solo * chewing)[..., None])
    same = (who == second).float()[:, None].repeat(2, 1)
    seen, known = _cues(rows, frames, same, dev)
    together = bernoulli(mixtures, TOGETHER, dev).repeat(2, 1)
    voices = prints.draw(torch.cat([who, second]), torch.cat([speed, second_speed]))

    around = Surroundings(mixtures, a.shape[1], 3, dev, bank)
    a, b, c = (around.heard(normal(sound), i) for i, sound in enumerate((a, b, c)))
    level = torch.pow(10.0, torch.empty(mixtures, 1, device=dev).uniform_(-1, 0.4))
    a = gated(normal(a), gate_a) * level
    b = gated(normal(b), gate_b) * decibels(mixtures, -6, 6, dev) * (1 - solo) * level
    c = normal(c) * decibels(mixtures, -12, 0, dev) * third * level
    noise = noise_like(a, corpus.draw_noise(mixtures, a.shape[1])) + 1e-4 * torch.randn_like(a)
    mix = line(a + b + c + noise * level)

    silent = gate_a.amax(1) == 0  # a pause may also have taken the whole crop
    talkers = (~silent).float() + (gate_b.amax(1) > 0) + third[:, 0]
    scene = both_faces(
        AcousticScene(
            mix=mix,
            voice=a,
            others=torch.stack([b, c], dim=1),
            lips=lips,
            visible=seen[:mixtures],
            other=other,
            other_visible=seen[mixtures:],
            print=voices[:mixtures],
            known=known[:mixtures],
            other_print=voices[mixtures:],
            other_known=known[mixtures:],
            beside=torch.full_like(who, -1),
            talkers=talkers,
            silent=silent,
        )
    )
    return replace(
        scene,
        other_visible=scene.other_visible * together[..., None],
        other_known=scene.other_known * together,
        beside=torch.where(together[:, 0] > 0, scene.beside, -1),
    )


def both_faces(scene: AcousticScene) -> AcousticScene:
    """Ask a scene of B crops for the other face as well: in rows B … 2B - 1, beside rows 0 … B - 1.

    Only where something is known of the other face are the two beside each other. Enrolment speech is left out.
    """
    rows = len(scene.mix)
    across = torch.arange(2 * rows, device=scene.mix.device).roll(rows)
    there = (scene.other_visible.amax((1, 2)) > 0) | (scene.other_known[:, 0] > 0)
    exchanged = replace(
        scene,
        voice=scene.others[:, 0],
        others=torch.stack([scene.voice, scene.others[:, 1]], dim=1),
        lips=scene.other,
        visible=scene.other_visible,
        other=scene.lips,
        other_visible=scene.visible,
        print=scene.other_print,
        known=scene.other_known,
        other_print=scene.print,
        other_known=scene.known,
        silent=scene.others[:, 0].abs().amax(1) == 0,
    )
    kept = [field.name for field in fields(AcousticScene) if field.name not in ("beside", "enrolment")]
    both = {name: torch.cat([getattr(scene, name), getattr(exchanged, name)]) for name in kept}
    return AcousticScene(**both, beside=torch.where(there.repeat(2), across, -1))


def _speeds(rows: int, device: torch.device) -> Tensor:
    """Draw (rows,) indices into `SPEEDS`: half of them as they spoke."""
    usual = SPEEDS.index(1.0)
    changed = torch.randint(0, len(SPEEDS), (rows,), device=device)
    return torch.where(torch.rand(rows, device=device) < 0.25, torch.full_like(changed, usual), changed)


def _cues(rows: int, frames: int, same: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw what is known: lips (rows, frames, 1), print (rows, 1).

    One cue may be missing, never both; one voice twice (`same`) leaves only the lips.
    """
    visible = torch.maximum(bernoulli(rows, 0.75, device), same)
    known = torch.maximum(bernoulli(rows, 0.75, device), 1 - visible) * (1 - same)
    hidden = (1 - turns(rows, frames, 0.85, device)) * bernoulli(rows, 0.15, device) * known  # turned away for a while
    return (visible * (1 - hidden))[..., None], known
