"""Two people with known words who talk at once or in turns, taken apart as the engine does it; lips are made up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from pocketsphinx import Decoder
from scipy.signal import resample_poly

from models.active_speaker.alone import Stretch
from models.active_speaker.attribution import Attributor, Networks
from models.active_speaker.detector import SpeakingDetector
from models.active_speaker.loudness import LoudnessMeter, level_of
from models.common.audio import SAMPLE_RATE
from models.common.weights import packaged
from models.separation.level import VoiceLevel
from models.separation.runtime import SeparatorRuntime
from models.train.data.lips import made_up_lips, spoil_lips

BLOCK, FRAME = 320, 640
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Debian's package pocketsphinx-testdata."""

LOUD = 0.06
"""Root mean square of a talker, as the separator was trained."""

LOOKED = 10
"""Pictures (0.4 s) of lips that the detector looks at."""

AT = {1: 0, 2: 1, None: None}
"""Place of a face in the arrays."""

SPLIT = 1.5
"""Seconds of speech from which an utterance of the running recording may end at a comma."""

CITIES = """
it was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it was
the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of darkness, it was
the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all
going direct to heaven, we were all going direct the other way, in short, the period was so far like the present period,
that some of its noisiest authorities insisted on its being received, for good or for evil, in the superlative degree of
comparison only
"""
"""Words of moonshine-voice's two_cities.wav (Dickens 1859)."""


@dataclass(frozen=True)
class Word:
    """A spoken word and when it is, seconds, by pocketsphinx' forced alignment."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Utterance:
    sound: np.ndarray
    words: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        return len(self.sound) / SAMPLE_RATE


@dataclass(frozen=True)
class Role:
    """One person in a scene: sound (N,), the words in it, and other speech of the person for the voice print."""

    sound: np.ndarray
    words: tuple[Word, ...]
    enrolment: np.ndarray


@dataclass(frozen=True)
class Apart:
    """A scene after the separator.

    Attributes:
        mixture: (N,).
        voices: (2, N), in time with it.
        speaking: who speaks, each 40 ms, (2, L).
        alone: what became known with each of them of who had spoken alone before.
    """

    mixture: np.ndarray
    voices: np.ndarray
    speaking: np.ndarray
    alone: list[tuple[Stretch, ...]]


def align(sound: np.ndarray, text: str) -> tuple[Word, ...]:
    """When each word of `text` is said."""
    decoder = Decoder(loglevel="FATAL", bestpath=False)
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw((np.clip(sound, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    spoken = [s for s in decoder.seg() if not s.word.startswith(("<", "["))]
    return tuple(Word(re.sub(r"\(\d+\)", "", s.word), s.start_frame / 100, (s.end_frame + 1) / 100) for s in spoken)


def reader() -> list[Utterance]:
    """Five sentences of a LibriVox reader (public domain)."""
    found = []
    for line in (LIBRIVOX / "transcription").read_text().splitlines():
        match = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip())
        assert match
        sound = soundfile.read(LIBRIVOX / f"{match[2]}.wav", dtype="float32")[0]
        found.append(Utterance(sound, align(sound, match[1])))
    return found


def cities() -> list[Utterance]:
    """A recording of 44 s, cut at some of its commas."""
    sound, rate = soundfile.read(packaged("moonshine_voice", "assets", "two_cities.wav"), dtype="float32")
    sound = resample_poly(sound, SAMPLE_RATE, rate).astype(np.float32)
    clauses = [clause.split() for clause in CITIES.split(",")]
    words = align(sound, " ".join(" ".join(clause) for clause in clauses))
    assert len(words) == sum(len(clause) for clause in clauses)
    found, first, start, at = [], 0, 0.0, 0
    for clause in clauses:
        at += len(clause)
        end = words[at].start if at < len(words) else len(sound) / SAMPLE_RATE
        middle = (words[at - 1].end + end) / 2
        if at < len(words) and (middle - start < SPLIT or end - words[at - 1].end < 0.2):
            continue
        part = tuple(Word(w.text, w.start - start, w.end - start) for w in words[first:at])
        found.append(Utterance(sound[round(start * SAMPLE_RATE) : round(middle * SAMPLE_RATE)], part))
        first, start = at, middle
    return found


def role(utterances: list[Utterance], starts: list[float], seconds: float, others: list[Utterance]) -> Role:
    """Put utterances at their times, at the level the separator was trained with; `others` make the voice print."""
    sound, words = np.zeros(round(seconds * SAMPLE_RATE), np.float32), []
    spoken = np.concatenate([u.sound for u in utterances])
    gain = LOUD / np.sqrt(np.mean(spoken[np.abs(spoken) > 0.01 * np.abs(spoken).max()] ** 2))
    for utterance, start in zip(utterances, starts, strict=True):
        at = round(start * SAMPLE_RATE)
        piece = utterance.sound[: len(sound) - at]
        sound[at : at + len(piece)] += gain * piece
        words += [Word(w.text, w.start + start, w.end + start) for w in utterance.words]
    enrolment = np.concatenate([u.sound for u in others])[: 8 * SAMPLE_RATE]
    return Role(sound, tuple(words), enrolment)


def in_turns(
    a: list[Utterance], b: list[Utterance], overlap: float, rest: tuple[list[Utterance], list[Utterance]]
) -> tuple[Role, Role]:
    """One after the other; each begins `overlap` seconds before the last has ended."""
    starts: tuple[list[float], list[float]] = ([], [])
    now, order = (
        1.0,
        [pair for i in range(max(len(a), len(b))) for pair in ((0, i), (1, i)) if i < len((a, b)[pair[0]])],
    )
    for who, i in order:
        utterance = (a, b)[who][i]
        starts[who].append(now)
        now += utterance.seconds - overlap
    seconds = now + overlap + 1.0
    return role(a, starts[0], seconds, rest[0]), role(b, starts[1], seconds, rest[1])


def at_once(
    a: list[Utterance], b: list[Utterance], lag: float, rest: tuple[list[Utterance], list[Utterance]]
) -> tuple[Role, Role]:
    """Both without a stop, the second from `lag` seconds on; as long as the shorter."""
    starts: tuple[list[float], list[float]] = ([], [])
    ends = [1.0, 1.0 + lag]
    chosen: tuple[list[Utterance], list[Utterance]] = ([], [])
    total = min(sum(u.seconds + 0.2 for u in each) for each in (a, b))
    for who, each in enumerate((a, b)):
        for utterance in each:
            if ends[who] + utterance.seconds > total + 1.5 + lag:
                break
            starts[who].append(ends[who])
            chosen[who].append(utterance)
            ends[who] += utterance.seconds + 0.2
    seconds = max(ends) + 1.0
    return role(chosen[0], starts[0], seconds, rest[0]), role(chosen[1], starts[1], seconds, rest[1])


def separate(
    separator: SeparatorRuntime, networks: Networks, roles: tuple[Role, Role], louder: float, seed: int
) -> Apart:
    """Mix, the first `louder` dB above the second, and take apart block by block, with lips and voice prints."""
    torch.manual_seed(seed)
    sounds = np.stack([roles[0].sound * 10 ** (louder / 40), roles[1].sound * 10 ** (-louder / 40)])
    sounds = sounds[:, : sounds.shape[1] // FRAME * FRAME]
    noise = np.random.default_rng(seed).standard_normal(sounds.shape[1]) * 1e-3 * LOUD
    mixture = (sounds.sum(0) + noise).astype(np.float32)
    made = made_up_lips(torch.from_numpy(sounds))
    lips = spoil_lips(made, torch.ones_like(made[..., :1])).numpy().astype(np.float32)
    prints = np.stack([separator.voice_print(each.enrolment) for each in roles])
    rows, other, seen = np.array([0, 1]), np.array([1, 0]), np.ones(2, bool)
    separator.reset(rows)
    level, detector, attributor, meter = VoiceLevel(), SpeakingDetector(), Attributor(networks), LoudnessMeter()
    level.reset(rows)
    late = np.pad(mixture, (separator.DELAY, 0))[: len(mixture)]
    voices, speaking, alone = np.zeros((2, len(mixture)), np.float32), [], []
    for i in range(len(mixture) // BLOCK):
        if i % 2 == 0:
            separator.lips(rows, lips[:, i // 2], seen)
        part = slice(i * BLOCK, (i + 1) * BLOCK)
        out = separator.step(rows, np.stack([mixture[part]] * 2), other, prints)
        voices[:, part] = level.step(rows, np.stack([late[part]] * 2), out)
        if i % 2:
            both = slice((i - 1) * BLOCK, (i + 1) * BLOCK)
            t, picture = (i - 1) * BLOCK / SAMPLE_RATE, i // 2
            attributor.see(t, [(k + 1, lips[k, picture]) for k in range(2)])
            fresh = attributor.hear(t, mixture[both])
            alone.append(tuple(one._replace(alone=AT[one.alone]) for one in attributor.latest.alone) if fresh else ())
            lately = {k + 1: lips[k, max(0, picture + 1 - LOOKED) : picture + 1] for k in range(2)}
            now = detector.update(attributor.latest, lately, meter.step(level_of(mixture[both])))
            speaking.append([now[1], now[2]])
    # Back in time with the mixture and the words.
    voices = np.pad(voices, ((0, 0), (0, separator.DELAY)))[:, separator.DELAY :]
    return Apart(mixture, voices, np.array(speaking).T, alone)
