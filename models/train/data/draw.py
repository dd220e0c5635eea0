"""Scenes to train on, drawn from stems: who talks when beside whom, and what is known of each of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.train.data import activity
from models.train.data.microphone import line
from models.train.data.stems import BLOCK, Stems

SILENT, ALONE = 0.12, 0.1
"""Share of mixtures in which one of the voices says nothing, or all but one."""

APART = 0.12
"""Share of mixtures whose rows do not know of each other."""

STRANGER = 0.2
"""Share of mixtures, at most, with a voice more than there are rows."""

PRINT, ACTIVITY = 0.75, 0.7
"""How often a voice's print and its activity are known."""

PARTLY = 0.5
"""Share of voices that come, go or pause within a crop."""

_FADE = 80
"""Samples over which a voice comes and goes."""


@dataclass
class Batch:
    """M mixtures of N samples (T blocks), B rows: a row is one voice of one mixture.

    Attributes:
        mix: (M, N) what the microphone hears.
        of: (B,) int64 mixture of each row.
        voice: (B, N) what is wanted, at its level in the mixture; zeros for the silent.
        prints: (B, 192) of length 1, zeros where not known.
        odds: (B, T, 2) log odds that this voice speaks, and 1 where they are known; zeros where not.
        beside: (B, B) 1 where two rows know of each other.
        voices: (B,) how many voices there are in the row's mixture.
    """

    mix: Tensor
    of: Tensor
    voice: Tensor
    prints: Tensor
    odds: Tensor
    beside: Tensor
    voices: Tensor


def draw(stems: Stems, mixtures: int, rows: int, blocks: int, ease: float = 0.0, overlapped: bool = False) -> Batch:
    """Draw a batch.

    Args:
        stems: Who may talk.
        mixtures: M.
        rows: Voices asked for of each mixture, 2 to 4.
        blocks: T, of 20 ms.
        ease: From 1, easy (levels alike, hardly any noise, nobody else), to 0.
        overlapped: For figures: everybody talks all the time and all is known.
    """
    dev, hard = stems.sound.device, 1 - ease
    every = rows + 1
    who = torch.multinomial(stems.chance, mixtures * every, replacement=True)
    sound, speech = _stretches(stems, who, blocks)
    absent = _absent(mixtures, rows, 0.0 if overlapped else STRANGER * hard, dev)
    gate = _turns(mixtures * every, blocks, dev)
    if overlapped:
        gate, absent[:, :rows] = torch.ones_like(gate), 0
    gate = gate * (1 - absent.flatten()[:, None])
    speech = speech * gate
    spread = 3 + 3 * hard
    gain = torch.empty(mixtures * every, 1, device=dev).uniform_(-spread, spread)
    sound = sound * _faded(gate) * 10 ** (gain / 20)
    sound = sound.view(mixtures, every, -1)
    noise = _noise(stems, mixtures, blocks, 30 * ease + 8, 45, dev)
    level = 10 ** torch.empty(mixtures, 1, device=dev).uniform_(-1, 0.4)
    mix = (sound.sum(1) + noise) * level
    if ease == 0 and not overlapped:
        mix = line(mix)
    kept = torch.arange(mixtures * every, device=dev).view(mixtures, every)[:, :rows].flatten()
    of = torch.arange(mixtures, device=dev).repeat_interleave(rows)
    together = (torch.rand(mixtures, device=dev) >= (0.0 if overlapped else APART))[of]
    prints, odds = _cues(stems, who[kept], speech[kept], of, together, overlapped)
    beside = (of[:, None] == of) & together & ~torch.eye(len(of), dtype=torch.bool, device=dev)
    voice = (sound[:, :rows] * level[:, None]).flatten(0, 1)
    talks = (speech.amax(1) > 0).view(mixtures, every)
    return Batch(mix, of, voice, prints, odds, beside.float(), talks.sum(1)[of])


def _stretches(stems: Stems, who: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
    """A random stretch of each person (C,): sound (C, N) and speech (C, T)."""
    spare = (stems.blocks[who] - blocks).clamp(min=0)
    first = stems.start[who] + (torch.rand(len(who), device=who.device) * (spare + 1)).long()
    within = torch.arange(blocks, device=who.device)
    there = within < stems.blocks[who, None]
    at = (first[:, None] + within).clamp(max=len(stems.speech) - 1)
    sound = stems.sound.view(-1, BLOCK)[at].float() / 32768 * there[..., None]
    return sound.flatten(1), stems.speech[at] * there


def _absent(mixtures: int, rows: int, stranger: float, device: torch.device) -> Tensor:
    """Who says nothing: (M, rows + 1) of 0 and 1; the last is whom nobody asks for."""
    absent = torch.zeros(mixtures, rows + 1, device=device)
    kind = torch.rand(mixtures, device=device)
    who = F.one_hot(torch.randint(0, rows, (mixtures,), device=device), rows).float()
    silent, alone = (kind < SILENT).float(), ((kind >= SILENT) & (kind < SILENT + ALONE)).float()
    absent[:, :rows] = who * silent[:, None] + (1 - who) * alone[:, None]
    absent[:, rows] = (torch.rand(mixtures, device=device) >= stranger).float()
    return absent


def _turns(voices: int, blocks: int, device: torch.device) -> Tensor:
    """When each may talk: (voices, T) of 0 and 1; a turn or a pause in `PARTLY` of them, else all the time."""
    edges = torch.rand(voices, 2, device=device).sort(1).values * blocks
    at = torch.arange(blocks, device=device)
    inside = (at >= edges[:, :1]) & (at < edges[:, 1:].maximum(edges[:, :1] + blocks / 3))
    turn = torch.where(torch.rand(voices, 1, device=device) < 0.4, ~inside, inside)
    return torch.where(torch.rand(voices, 1, device=device) < PARTLY, turn, torch.ones_like(turn)).float()


def _faded(gate: Tensor) -> Tensor:
    """Gate of each sample (C, N), with linear fades of `_FADE` samples at the block's end and beginning."""
    ramp = torch.ones(BLOCK, device=gate.device)
    ramp[:_FADE] = torch.arange(_FADE, device=gate.device) / _FADE
    before = F.pad(gate, (1, 0))[:, :-1]
    before[:, 0] = gate[:, 0]
    return (before[..., None] * (1 - ramp) + gate[..., None] * ramp).flatten(1)


def _noise(stems: Stems, rows: int, blocks: int, low: float, high: float, device: torch.device) -> Tensor:
    """Noise (rows, N) `low` to `high` dB below one voice."""
    first = torch.randint(0, len(stems.noise) // BLOCK - blocks + 1, (rows, 1), device=device)
    at = first + torch.arange(blocks, device=device)
    whole = stems.noise[: len(stems.noise) // BLOCK * BLOCK].view(-1, BLOCK)
    below = torch.empty(rows, 1, device=device).uniform_(-high, -low)
    return (whole[at].float() / 32768).flatten(1) * 10 ** (below / 20)


def _cues(
    stems: Stems, who: Tensor, speech: Tensor, of: Tensor, together: Tensor, every: bool
) -> tuple[Tensor, Tensor]:
    """What is known of each row: prints (B, 192), odds (B, T, 2).

    Of one row of a mixture, at most, nothing may be known, if it knows of the others; with `every` all is known.
    """
    rows, dev = len(who), who.device
    several = torch.rand(rows, stems.prints.shape[1], device=dev) < 0.5
    several[torch.arange(rows, device=dev), torch.randint(0, several.shape[1], (rows,), device=dev)] = True
    prints = F.normalize((stems.prints[who] * several[..., None]).sum(1), dim=-1)
    known = (every | (torch.rand(rows, device=dev) < PRINT)) & (stems.prints[who, 0].abs().amax(-1) > 0)
    lone = together & F.pad(of[1:] != of[:-1], (1, 0), value=True)  # first of its mixture: the one that may go without
    heard = (
        every | (torch.rand(rows, device=dev) < ACTIVITY) | (~known & ~(lone & (torch.rand(rows, device=dev) < 0.3)))
    )
    there = heard[:, None] * activity.seen(rows, speech.shape[1], dev)
    odds = torch.stack([activity.log_odds(speech) * there, there], dim=-1)
    return prints * known[:, None], odds
