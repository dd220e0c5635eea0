"""Scenes made up while training: who talks when, what is seen of them, what the microphone adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.train.lips import made_up_lips, spoil_lips
from models.train.microphone import Surroundings, chance, decibels, gated, line, noise_like, normal
from models.train.reverb import Reverb
from models.train.tape import Tape

ALONE, SILENT, NOBODY = 0.16, 0.14, 0.02
"""Share of scenes whose wanted talker is alone, or says nothing beside others, or in which nobody talks."""
THIRD = 0.3  # share of scenes of two that have a third
TWINS = 0.06  # share in which both have the same voice: only lips can tell them apart
CHEWING = 0.25  # share of seen silent faces whose lips move all the same


@dataclass
class Scene:
    """A batch, B crops of N samples and L = N / 640 video frames.

    Attributes:
        mix: (B, N) what the microphone hears.
        voice: (B, N) what the wanted face says, at its level in the mixture.
        others: (B, 2, N) what the others say.
        lips: (B, L, 4) of the wanted face, `visible` (B, L, 1) of 0 and 1.
        other: (B, L, 4) of another face, `other_visible` (B, L, 1).
        enrolment: (B, M) other speech of the wanted talker.
        known: (B, 1) 1 where its voice print may be used.
        talkers: (B,) how many talk; `silent` (B,) bool whether the wanted face does not.
        again: (B, M) still other speech of the wanted talker, clean; `who` (B,) int64 says who that is. Only for
            the loss that tells voices apart; None where it is not used.
    """

    mix: Tensor
    voice: Tensor
    others: Tensor
    lips: Tensor
    visible: Tensor
    other: Tensor
    other_visible: Tensor
    enrolment: Tensor
    known: Tensor
    talkers: Tensor
    silent: Tensor
    again: Tensor | None = None
    who: Tensor | None = None


def turns(rows: int, frames: int, partly: float, device: torch.device) -> Tensor:
    """When each talks: (rows, frames) of 0 and 1 by video frame; all of it but for a share `partly`."""
    edges = torch.rand(rows, 2, device=device).sort(1).values * frames
    at = torch.arange(frames, device=device)
    inside = (at >= edges[:, :1]) & (at < edges[:, 1:].maximum(edges[:, :1] + frames / 3))
    outside = chance(rows, 0.3, device) > 0  # a pause instead of a turn
    some = torch.where(outside, ~inside, inside)
    return torch.where(chance(rows, partly, device) > 0, some.float(), torch.ones_like(some.float()))


def make_scene(tape: Tape, rows: int, frames: int, bank: Reverb | None = None, enrolment_frames: int = 60) -> Scene:
    """Draw a batch.

    Args:
        tape: Who may talk.
        rows: Crops.
        frames: Video frames (40 ms) a crop.
        bank: Simulated rooms; None uses made-up tails alone.
        enrolment_frames: Video frames of enrolment speech.
    """
    dev = tape.device
    kind = torch.rand(rows, 1, device=dev)
    absent = (kind < SILENT + NOBODY).float()
    solo = ((kind < NOBODY) | ((kind >= SILENT + NOBODY) & (kind < SILENT + NOBODY + ALONE))).float()
    third = chance(rows, THIRD, dev) * (1 - solo)
    who = tape.people(rows)
    twin = chance(rows, TWINS, dev)[:, 0] > 0
    second = torch.where(twin, who, tape.people(rows))
    speed, other_speed = _speeds(rows, dev), _speeds(rows, dev)
    a, lips = tape.draw(who, frames, speed)
    b, other = tape.draw(second, frames, torch.where(twin, speed, other_speed))
    c, _ = tape.draw(tape.people(rows), frames, _speeds(rows, dev))
    enrolment, _ = tape.draw(who, enrolment_frames, speed)
    again, _ = tape.draw(who, enrolment_frames, speed)

    gate_a = turns(rows, frames, 0.35, dev) * (1 - absent)
    gate_b = turns(rows, frames, 0.35, dev) * (1 - solo)
    lips = torch.where(tape.real[who][:, None, None], lips, made_up_lips(a))
    other = torch.where(tape.real[second][:, None, None], other, made_up_lips(b))
    chews = absent * (1 - third) * chance(rows, CHEWING, dev)  # as if with the third's words, which nobody hears
    lips = torch.where(chews[..., None] > 0, made_up_lips(c), lips)
    lips = spoil_lips(lips, torch.maximum(gate_a, chews)[..., None])
    other = spoil_lips(other, gate_b[..., None])
    seen, other_seen, known = _cues(rows, frames, (who == second).float()[:, None], dev)

    around = Surroundings(rows, a.shape[1], 3, dev, bank)
    a, b, c = (around.heard(normal(sound), i) for i, sound in enumerate((a, b, c)))
    a = gated(normal(a), gate_a)
    b = gated(normal(b), gate_b) * decibels(rows, -6, 6, dev) * (1 - solo)
    c = normal(c) * decibels(rows, -12, 0, dev) * third
    level = torch.pow(10.0, torch.empty(rows, 1, device=dev).uniform_(-1, 0.4))
    noise = noise_like(a, tape.draw_noise(rows, a.shape[1])) + 1e-4 * torch.randn_like(a)
    mix = line((a + b + c + noise) * level)

    enrolment = torch.where(chance(rows, 0.5, dev) > 0, around.heard_before(enrolment), enrolment)
    enrolment = _overheard(enrolment, tape, second, enrolment_frames)
    silent = gate_a.amax(1) == 0  # a pause may also have taken the whole crop
    talkers = (~silent).float() + (1 - solo[:, 0]) + third[:, 0]
    others = torch.stack([b, c], dim=1) * level[..., None]
    return Scene(
        mix=mix,
        voice=a * level,
        others=others,
        lips=lips,
        visible=seen,
        other=other,
        other_visible=other_seen,
        enrolment=enrolment,
        known=known,
        talkers=talkers,
        silent=silent,
        again=normal(again),
        who=who,
    )


def _speeds(rows: int, device: torch.device) -> Tensor:
    """(rows,): half of them spoken 12 % slower and lower to 12 % faster and higher."""
    changed = torch.empty(rows, device=device).uniform_(0.88, 1.12)
    return torch.where(torch.rand(rows, device=device) < 0.5, changed, torch.ones_like(changed))


def _cues(rows: int, frames: int, same: Tensor, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """What is known: lips (rows, frames, 1), the other's lips likewise, print (rows, 1).

    One cue may be missing, never both; one voice twice (`same`) leaves only the lips.
    """
    visible = torch.maximum(chance(rows, 0.75, device), same)
    known = torch.maximum(chance(rows, 0.75, device), 1 - visible) * (1 - same)
    hidden = (1 - turns(rows, frames, 0.85, device)) * chance(rows, 0.15, device) * known  # turned away for a while
    other_seen = chance(rows, 0.6, device)[..., None].expand(-1, frames, 1)
    return (visible * (1 - hidden))[..., None], other_seen, known


def _overheard(enrolment: Tensor, tape: Tape, second: Tensor, frames: int) -> Tensor:
    """A print learnt in a call holds noise, and in a quarter a little of whoever talked beside."""
    rows, dev = len(enrolment), enrolment.device
    leak, _ = tape.draw(second, frames, torch.ones(rows, device=dev))
    leak = normal(leak) * decibels(rows, -22, -8, dev) * chance(rows, 0.25, dev)
    hiss = torch.pow(10.0, torch.empty(rows, 1, device=dev).uniform_(-4, -2.3))
    return normal(enrolment) + leak + torch.randn_like(enrolment) * hiss
