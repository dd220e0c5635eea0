"""Speech made ready for mixing, once: everybody at several speeds, in rooms and before microphones, with their prints.

    python -m models.train.data.stems --data DIR --out FOLDER [--reverb BANK]

A batch then only looks up samples, so that scenes cost next to nothing beside the network. Somebody played faster is
somebody else, with prints of their own. FOLDER holds, for each list of speakers.json, `SPLIT.npy` (all sound, int16)
and `SPLIT.pt` (who is where, who speaks when, prints); and `noise.npy`.
"""

from __future__ import annotations

import argparse
import functools
import itertools
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import F32, I16, U8
from models.common.audio import SAMPLE_RATE
from models.common.fbank import fbank
from models.train.data.datasets import SOURCES, Clip, Source, clips, noises
from models.train.data.microphone import LOUD
from models.train.data.reverb import make_bank
from models.train.data.speakers import Split, split_of
from models.voiceprint.campplus import SIZE, load_campplus

BLOCK = 320
"""Samples of a block, 20 ms."""

UNKNOWN = ("intent",)
"""Sets whose speakers are single sentences: too little for a print."""

SPEEDS = (0.9, 1.0, 1.1)
"""How fast, and high, everybody is played."""

SNIPPETS = 4
"""Prints of each person."""

_SNIPPET = 3 * SAMPLE_RATE
"""Samples of which a print is made."""

_SHORTEST, _LONGEST = 3 * SAMPLE_RATE, 60 * SAMPLE_RATE
"""Samples of one person that are worth a place, and that are kept."""

_STRETCH = 8 * SAMPLE_RATE
"""Samples in one place of one room."""

_ROOMS, _SEED = 240, 0

_WET, _UNEVEN = 0.4, 0.5
"""Share of stretches in a room, and before an uneven microphone."""

_GAP = 10
"""Blocks up to which a pause is none: 0.2 s."""


_encoder = functools.cache(load_campplus)


@dataclass
class Stems:
    """People of one list.

    Attributes:
        sound: (N,) int16, speech at a root mean square of `LOUD`.
        speech: (N / BLOCK,) uint8, 1 where somebody speaks.
        start: (P,) int64 first block of each person, `blocks` (P,) how many.
        chance: (P,) how often each is drawn.
        prints: (P, snippets, 192) float32 of length 1, zeros for those of whom there is too little.
        noise: (M,) int16.
    """

    sound: Tensor
    speech: Tensor
    start: Tensor
    blocks: Tensor
    chance: Tensor
    prints: Tensor
    noise: Tensor


def load_stems(folder: Path, split: Split, device: torch.device) -> Stems:
    """Read what `main` wrote; on a CPU the sound stays on the disk and is mapped.

    Raises:
        FileNotFoundError: it was not written.
    """
    mode = "r" if device.type == "cpu" else None

    def samples(name: str) -> Tensor:
        array = np.load(folder / f"{name}.npy", mmap_mode="c" if mode else None)
        return torch.from_numpy(array).to(device)

    rest = torch.load(folder / f"{split}.pt", map_location=device, weights_only=True)
    return Stems(samples(split), noise=samples("noise"), **rest)


def speech_blocks(sound: F32) -> I16:
    """Tell the blocks in which a clean voice speaks, by its energy: (N,) -> (N / BLOCK,) of 0 and 1.

    Speech is what is less than 32 dB below the loud parts (95 %); pauses below 0.2 s are closed.
    """
    count = len(sound) // BLOCK
    power = np.square(sound[: count * BLOCK].reshape(count, BLOCK)).mean(1) + 1e-12
    speaks = power > np.percentile(power, 95) * 10**-3.2
    at = np.flatnonzero(speaks)
    for begin, end in itertools.pairwise(at):
        if end - begin <= _GAP:
            speaks[begin:end] = True
    return np.asarray(speaks, np.int16)


def _played(sound: F32, speed: float) -> F32:
    at = np.arange(0, len(sound) - 1, speed)
    return np.asarray(np.interp(at, np.arange(len(sound)), sound), np.float32)


def _placed(sound: F32, speech: I16, bank: F32, rng: np.random.Generator) -> F32:
    """One stretch of speech as a microphone hears it, at the usual level."""
    size = _STRETCH + bank.shape[2]
    spectrum = np.fft.rfft(sound, size)
    if rng.random() < _WET:
        spectrum *= np.fft.rfft(bank[rng.integers(len(bank)), rng.integers(bank.shape[1])], size)
    if rng.random() < _UNEVEN:
        knots = rng.normal(0, 3.0, 12)
        spectrum *= 10 ** (np.interp(np.linspace(0, 11, len(spectrum)), np.arange(12), knots) / 20).astype(np.float32)
    heard = np.fft.irfft(spectrum, size)[: len(sound)]
    active = np.repeat(speech, BLOCK)[: len(heard)] > 0
    level = np.sqrt(np.square(heard[active]).mean()) if active.any() else 1.0
    return np.asarray(heard / (level + 1e-4) * LOUD, np.float32)


def _stem(sound: F32, bank: F32, rng: np.random.Generator) -> tuple[I16, I16]:
    """All of one person: samples, and in which blocks there is speech."""
    sound = sound[: len(sound) // BLOCK * BLOCK]
    speech = speech_blocks(sound)
    parts = [
        _placed(sound[at : at + _STRETCH], speech[at // BLOCK : (at + _STRETCH) // BLOCK], bank, rng)
        for at in range(0, len(sound), _STRETCH)
    ]
    whole = np.concatenate(parts)
    return np.clip(np.round(whole * 32768), -32768, 32767).astype(np.int16), speech


@torch.inference_mode()
def _prints(sound: I16, snippets: int, rng: np.random.Generator) -> F32:
    """Prints (snippets, 192) of snippets from anywhere in somebody's speech, with some hiss."""
    starts = rng.integers(0, len(sound) - _SNIPPET + 1, snippets)
    heard = np.stack([sound[at : at + _SNIPPET] for at in starts]).astype(np.float32) / 32768
    hiss = 10 ** rng.uniform(-4, -2.3, (snippets, 1))
    heard += (rng.standard_normal(heard.shape) * hiss).astype(np.float32)
    energies = torch.from_numpy(np.stack([(e := fbank(pcm)) - e.mean(0) for pcm in heard]))
    found = torch.nn.functional.normalize(_encoder()(energies), dim=-1)
    return np.asarray(found.numpy(), np.float32)


@dataclass(frozen=True)
class _Task:
    """One voice to be made.

    Attributes:
        seed: of all that is drawn.
        sound: of one person.
        speed: at which it is played.
        snippets: of which prints are made.
        known: whether there is enough for prints; else they are zeros.
    """

    seed: int
    sound: F32
    speed: float
    snippets: int
    known: bool


def _voice(task: _Task, bank: F32) -> tuple[I16, I16, F32]:
    """Samples, speech blocks and prints of one voice."""
    rng = np.random.default_rng((_SEED, task.seed))
    samples, speech = _stem(_played(task.sound, task.speed), bank, rng)
    if not task.known:
        return samples, speech, np.zeros((task.snippets, SIZE), np.float32)
    return samples, speech, _prints(samples, task.snippets, rng)


def _people(data: Path, source: Source, split: Split) -> Iterator[F32]:
    """Speech of each person of a set who is on a list, with pauses of up to 0.35 s between clips."""
    rng, by_speaker = np.random.default_rng(_SEED), dict[str, list[Clip]]()
    for clip in clips(data, source):
        if split_of(source.name, clip.speaker) == split:
            by_speaker.setdefault("" if source.name == "grid_s1_train" else clip.speaker, []).append(clip)
    for group in by_speaker.values():
        parts: list[I16] = []
        for clip in group:
            parts += [clip.sound, np.zeros(int(rng.uniform(0, 0.35) * SAMPLE_RATE), np.int16)]
        yield np.asarray(np.concatenate(parts)[:_LONGEST] / np.float32(32768), np.float32)


def _tasks(data: Path, source: Source, split: Split, speeds: Sequence[float], snippets: int) -> list[_Task]:
    known = source.name not in UNKNOWN
    enough = _SHORTEST * max(speeds) + BLOCK
    people = [sound for sound in _people(data, source, split) if len(sound) >= enough]
    return [
        _Task(number * len(speeds) + i, sound, speed, snippets, known)
        for number, sound in enumerate(people)
        for i, speed in enumerate(speeds)
    ]


def write_split(
    data: Path, out: Path, split: Split, bank: F32, speeds: Sequence[float], snippets: int, jobs: int = 1
) -> None:
    """Write the people of one list.

    Args:
        data: Folder of the sets.
        out: Folder.
        split: The list.
        bank: (rooms, places, samples) impulse responses.
        speeds: At which everybody is played.
        snippets: Prints of each voice.
        jobs: Processes.
    """
    sounds: list[I16] = []
    speech: list[U8] = []
    prints: list[F32] = []
    chances: list[float] = []
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        for source in (source for source in SOURCES if source.share > 0):
            tasks, made = _tasks(data, source, split, speeds, snippets), functools.partial(_voice, bank=bank)
            found = list(pool.map(made, tasks, chunksize=16) if jobs > 1 else map(made, tasks))
            sounds += [samples for samples, _, _ in found]
            speech += [speaks.astype(np.uint8) for _, speaks, _ in found]
            prints += [own for _, _, own in found]
            size = np.minimum([len(speaks) for _, speaks, _ in found], 60 * SAMPLE_RATE // BLOCK)
            chances += list(source.share * size / max(size.sum(), 1))
            print(f"{split}: {source.name}, {len(found)} voices", flush=True)
    np.save(out / f"{split}.npy", np.concatenate(sounds))
    blocks = torch.tensor([len(speaks) for speaks in speech])
    torch.save(
        {
            "speech": torch.from_numpy(np.concatenate(speech)),
            "start": blocks.cumsum(0) - blocks,
            "blocks": blocks,
            "chance": torch.tensor(chances, dtype=torch.float32),
            "prints": torch.from_numpy(np.stack(prints)),
        },
        out / f"{split}.pt",
    )


def write_noise(data: Path, out: Path, seconds: int = 180) -> None:
    """Write coloured hiss, a murmur of many voices (of the training list), and the recorded noises that are free."""
    rng = np.random.default_rng(_SEED)
    people = np.load(out / "train.npy", mmap_mode="r")
    size, parts = 10 * SAMPLE_RATE, [np.concatenate(noises(data)).astype(np.float32) / 32768]
    for i in range(seconds * SAMPLE_RATE // size):
        if i % 3:
            spectrum = np.fft.rfft(rng.standard_normal(size))
            knots = rng.normal(0, 8.0, 8)
            part = np.fft.irfft(
                spectrum * 10 ** (np.interp(np.linspace(0, 7, len(spectrum)), np.arange(8), knots) / 20)
            )
        else:
            starts = rng.integers(0, len(people) - size, 12)
            part = np.sum([people[at : at + size].astype(np.float32) for at in starts], axis=0)
        parts.append(np.asarray(part, np.float32))
    level = [part / (np.sqrt(np.square(part).mean()) + 1e-9) * LOUD for part in parts]
    np.save(out / "noise.npy", np.clip(np.concatenate(level) * 32768, -32768, 32767).astype(np.int16))


def main() -> None:
    """Write all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--reverb", type=Path, help="bank that models.train.data.reverb wrote; made here if not given")
    parser.add_argument("--speeds", type=float, nargs="+", default=SPEEDS)
    parser.add_argument("--snippets", type=int, default=SNIPPETS, help="prints of each person")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    bank = np.load(options.reverb)["responses"].astype(np.float32) if options.reverb else make_bank(_ROOMS, _SEED)
    write_split(options.data, options.out, "dev", bank, (1.0,), options.snippets, options.jobs)
    write_split(options.data, options.out, "train", bank, options.speeds, options.snippets, options.jobs)
    write_noise(options.data, options.out)


if __name__ == "__main__":
    main()
