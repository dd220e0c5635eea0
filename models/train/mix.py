"""Scenes made up while training: who talks when, what is seen of them, what the microphone adds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.train.datasets import FRAME, LIPS, RATE, Tape

LOUD = 0.06  # root mean square of one talker before the scene's own level
ALONE, SILENT = 0.16, 0.12  # share of scenes whose wanted talker is alone, or says nothing
FADE = 320  # samples of a talker's onset and end inside a crop


@dataclass
class Scene:
    """A batch, B crops of N samples and L = N / 640 video frames.

    Attributes:
        mix: (B, N) what the microphone hears.
        voice: (B, N) what the wanted face says, at its level in the mixture.
        lips: (B, L, 4) of the wanted face, `visible` (B, L, 1) of 0 and 1.
        other: (B, L, 4) of another face, `other_visible` (B, L, 1).
        enrolment: (B, M) other speech of the wanted talker.
        known: (B, 1) 1 where its voice print may be used.
        talkers: (B,) how many talk; `silent` (B,) bool whether the wanted face does not.
    """

    mix: Tensor
    voice: Tensor
    lips: Tensor
    visible: Tensor
    other: Tensor
    other_visible: Tensor
    enrolment: Tensor
    known: Tensor
    talkers: Tensor
    silent: Tensor


def normal(sound: Tensor) -> Tensor:
    """Bring (B, N) to the level `LOUD`."""
    return sound / (sound.pow(2).mean(1, keepdim=True).sqrt() + 1e-3) * LOUD


def made_up_lips(sound: Tensor) -> Tensor:
    """Lips of a talker who was not filmed: the energy of a random band, smoothed, with drifting noise.

    Args:
        sound: (B, L * 640).

    Returns:
        (B, L, 4) in the units of models/lip_encoder.py, without their mean.
    """
    rows, dev = sound.shape[0], sound.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(rows, 1, device=dev).uniform_(low, high)

    power = torch.fft.rfft(sound.reshape(rows, -1, FRAME), dim=-1).abs() ** 2
    hertz = torch.arange(FRAME // 2 + 1, device=dev) * (RATE / FRAME)
    low, high = uniform(100, 500)[..., None], uniform(1500, 6000)[..., None]
    energy = (power * ((hertz > low) & (hertz < high))).sum(-1)
    loud = torch.log1p(energy / (energy.mean(1, keepdim=True) + 1e-4) * torch.exp(uniform(-1, 3)))
    loud = loud / (loud.std(1, keepdim=True) + 0.1)
    kernel = torch.hann_window(7, periodic=False, device=dev)[1:-1]
    smooth = F.conv1d(F.pad(loud[:, None], (2, 2), mode="replicate"), (kernel / kernel.sum())[None, None])
    usual = torch.tensor([0.7, 0.8, -0.3, 0.6], device=dev)
    shape = (torch.randn(rows, LIPS, device=dev) * 0.3 + usual) * 0.8
    noise = torch.randn(rows, LIPS, loud.shape[1], device=dev)
    noise = F.avg_pool1d(F.pad(noise, (2, 2), mode="replicate"), 5, 1).transpose(1, 2)
    return smooth[:, 0, :, None] * shape[:, None] + noise * uniform(0, 1.5)[..., None]


def spoil_lips(lips: Tensor, gate: Tensor) -> Tensor:
    """What a face tracker makes of lips (B, L, 4): gain, offset, jitter, drift, a lead of -2 to 3 frames.

    `gate` (B, L, 1) is 0 where the face is silent: there the lips rest.
    """
    rows, frames, _ = lips.shape
    dev = lips.device
    lips = lips.mean(1, keepdim=True) * (1 - gate) + lips * gate
    lips = lips * torch.exp(torch.randn(rows, 1, LIPS, device=dev) * 0.3)
    jitter = torch.randn_like(lips) * 0.12 * torch.rand(rows, 1, 1, device=dev)
    drift = torch.cumsum(torch.randn_like(lips), 1) * 0.03 * torch.rand(rows, 1, 1, device=dev)
    lips = lips + torch.randn(rows, 1, LIPS, device=dev) + jitter + drift
    lead = torch.randint(-2, 4, (rows, 1), device=dev)
    at = (torch.arange(frames, device=dev) + lead).clamp(0, frames - 1)
    return torch.gather(lips, 1, at[..., None].expand(-1, -1, LIPS))


def chance(rows: int, p: float, device: torch.device) -> Tensor:
    """(rows, 1) of 0 and 1, 1 with probability p."""
    return (torch.rand(rows, 1, device=device) < p).float()


def turns(rows: int, frames: int, partly: float, device: torch.device) -> Tensor:
    """When each talks: (rows, frames) of 0 and 1 by video frame; all of it but for a share `partly`."""
    edges = torch.rand(rows, 2, device=device).sort(1).values * frames
    at = torch.arange(frames, device=device)
    inside = (at >= edges[:, :1]) & (at < edges[:, 1:].maximum(edges[:, :1] + frames / 3))
    outside = chance(rows, 0.3, device) > 0  # a pause instead of a turn
    some = torch.where(outside, ~inside, inside)
    return torch.where(chance(rows, partly, device) > 0, some.float(), torch.ones_like(some.float()))


def gated(sound: Tensor, gate: Tensor) -> Tensor:
    """Sound (B, L * 640) where gate (B, L) is 1, with short fades."""
    fine = gate.repeat_interleave(FRAME, 1)[:, None]
    fine = F.avg_pool1d(F.pad(fine, (FADE // 2, FADE // 2), mode="replicate"), FADE + 1, 1)[:, 0]
    return sound * fine


def _curve(rows: int, points: int, spread: float, bins: int, device: torch.device) -> Tensor:
    """Smooth random gains (rows, bins), `spread` dB."""
    knots = torch.randn(rows, 1, points, device=device) * spread
    decibel = F.interpolate(knots, size=bins, mode="linear", align_corners=True)[:, 0]
    return torch.pow(10.0, decibel / 20)


def rooms(sounds: list[Tensor]) -> list[Tensor]:
    """Give all talkers of a scene one microphone and (three in ten) one room, each another place in it."""
    rows, length = sounds[0].shape
    dev, size = sounds[0].device, length + RATE // 2
    microphone = _curve(rows, 12, 3.0, size // 2 + 1, dev)
    microphone = torch.where(chance(rows, 0.5, dev) > 0, microphone, torch.ones_like(microphone))
    seconds = torch.arange(RATE // 2, device=dev) / RATE
    decay = torch.empty(rows, 1, device=dev).uniform_(0.1, 0.5)
    wet = chance(rows, 0.3, dev) * torch.empty(rows, 1, device=dev).uniform_(0.2, 0.9)
    out = []
    for sound in sounds:
        tail = torch.randn(rows, RATE // 2, device=dev) * torch.exp(-6.9 * seconds / decay)
        tail = tail / tail.pow(2).sum(1, keepdim=True).sqrt() * wet
        tail[:, 0] += 1.0
        place = torch.fft.rfft(tail, size) * _curve(rows, 5, 1.5, size // 2 + 1, dev) * microphone
        out.append(torch.fft.irfft(torch.fft.rfft(sound, size) * place, size)[:, :length])
    return out


def noise_like(sound: Tensor) -> Tensor:
    """Coloured noise (B, N), 15 to 45 dB below one talker, seldom none."""
    rows, length = sound.shape
    bins = length // 2 + 1
    noise = torch.fft.rfft(torch.randn_like(sound)) * _curve(rows, 8, 8.0, bins, sound.device)
    level = torch.pow(10.0, torch.empty(rows, 1, device=sound.device).uniform_(-45, -15) / 20)
    return normal(torch.fft.irfft(noise, length)) * level * chance(rows, 0.8, sound.device)


def make_scene(tape: Tape, rows: int, frames: int, enrolment_frames: int = 60) -> Scene:
    """Draw a batch.

    Args:
        tape: Who may talk.
        rows: Crops.
        frames: Video frames (40 ms) a crop.
        enrolment_frames: Video frames of enrolment speech.
    """
    dev = tape.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(rows, 1, device=dev).uniform_(low, high)

    kind = torch.rand(rows, 1, device=dev)
    solo, absent = (kind < ALONE).float(), ((kind >= ALONE) & (kind < ALONE + SILENT)).float()
    third = chance(rows, 0.3, dev) * (1 - solo)
    who = tape.people(rows)
    twin = chance(rows, 0.05, dev)[:, 0] > 0
    second = torch.where(twin, who, tape.people(rows))
    speed = torch.where(uniform(0, 1) < 0.5, uniform(0.88, 1.12), torch.ones(rows, 1, device=dev))[:, 0]
    even = torch.ones_like(speed)
    a, lips = tape.draw(who, frames, speed)
    b, other = tape.draw(second, frames, torch.where(twin, speed, even))
    c, _ = tape.draw(tape.people(rows), frames, even)
    enrolment, _ = tape.draw(who, enrolment_frames, speed)

    gate_a = turns(rows, frames, 0.35, dev) * (1 - absent)
    gate_b = turns(rows, frames, 0.35, dev) * (1 - solo)
    invented = made_up_lips(a), made_up_lips(b)
    lips = torch.where(tape.real[who][:, None, None], lips, invented[0])
    other = torch.where(tape.real[second][:, None, None], other, invented[1])
    lips, other = spoil_lips(lips, gate_a[..., None]), spoil_lips(other, gate_b[..., None])

    # One cue may be missing, never both; one voice twice leaves only the lips.
    same = (who == second).float()[:, None]
    visible = torch.maximum(chance(rows, 0.75, dev), same)
    known = torch.maximum(chance(rows, 0.75, dev), 1 - visible) * (1 - same)
    hidden = 1 - turns(rows, frames, 0.85, dev)
    hidden = hidden * chance(rows, 0.15, dev) * known  # turned away for a while
    seen = (visible * (1 - hidden))[..., None]
    other_seen = chance(rows, 0.6, dev)[..., None].expand(-1, frames, 1)

    a, b, c = rooms([normal(a), normal(b), normal(c)])
    a = gated(normal(a), gate_a)
    b = gated(normal(b), gate_b) * torch.pow(10.0, uniform(-6, 6) / 20) * (1 - solo)
    c = normal(c) * torch.pow(10.0, uniform(-12, 0) / 20) * third
    level = torch.pow(10.0, uniform(-1, 0.4))
    mix = (a + b + c + noise_like(a) + 1e-4 * torch.randn_like(a)) * level

    # A print learnt in a call holds a little of whoever talked beside.
    leak, _ = tape.draw(second, enrolment_frames, even)
    leak = normal(leak) * torch.pow(10.0, uniform(-22, -8) / 20) * chance(rows, 0.25, dev)
    enrolment = normal(enrolment) + leak
    enrolment = enrolment + torch.randn_like(enrolment) * torch.pow(10.0, uniform(-4, -2.3))
    silent = gate_a.amax(1) == 0  # a pause may also have taken the whole crop
    talkers = (~silent).float() + (1 - solo[:, 0]) + third[:, 0]
    return Scene(mix, a * level, lips, seen, other, other_seen, enrolment, known, talkers, silent)
