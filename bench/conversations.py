"""`earshot process` on conversations of which is known who says what: `python -m bench.conversations FOLDER`.

FOLDER holds conversations as `models.train.data.conversations` describes them; what is made of each goes into
FOLDER/NAME. With `--one-pass` as in a call, without a first pass; with `--no-adapt` the separator is not tuned; with
`--made` what an earlier run made is scored (of both, the pages stay as they are). The
sound alone is gone through as well, into FOLDER/NAME-sound, to see what faces are worth to telling speakers apart.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import soundfile

from bench.diarization import error_rate
from bench.page import publish, table
from bench.si_sdr import si_sdr
from bench.summary import ROOT
from models.common.audio import SAMPLE_RATE
from models.train.data.conversations import FRAME, Conversation, load, seconds

LAG = 3200
"""Samples (200 ms) by which a voice may be late or early."""

NOT_FOUND = -10.0
"""dB that a face gains which was not found."""

PASSING = 5
"""Pictures up to which a number does not count: it was given up again at once."""


@dataclass
class Score:
    """What came of one conversation; lists have an entry a person on camera.

    Attributes:
        gains: SI-SDRi in the overlap, dB.
        wrong: whether somebody else came out better.
        known, right: whether the voice was known before the overlap, and was their own.
        whole: whether the person had one number.
        shared: numbers that two people had.
        judged: (truth, said) by picture and face.
        until_known: seconds of own speech until the voice was known, infinite if never.
        off_camera: share of the time of a voice off camera in which one and the same speaker holds it; None without.
        errors, speech: seconds, see `error_rate`; `sound_errors` of the sound alone.
    """

    gains: list[float] = field(default_factory=list)
    wrong: list[bool] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    shared: int = 0
    judged: list[tuple[bool, bool]] = field(default_factory=list)
    until_known: list[float] = field(default_factory=list)
    off_camera: float | None = None
    errors: float = 0.0
    sound_errors: float = 0.0
    speech: float = 0.0


@dataclass
class Seen:
    """What the events tell of the faces.

    Attributes:
        numbers: by person, how often each number was given.
        judged: see `Score`.
        known_at: by person, when the voice was first known, seconds.
        talks: by number, the 40 ms in which it is said to talk, in the picture or not.
    """

    numbers: dict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    judged: list[tuple[bool, bool]] = field(default_factory=list)
    known_at: dict[int, float] = field(default_factory=dict)
    talks: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def said(self, count: int) -> dict[int, np.ndarray]:
        """By number, in which of so many 40 ms it is said to talk, (count,)."""
        return {id: np.isin(np.arange(count), list(frames)) for id, frames in self.talks.items()}


def read_events(path: Path, conversation: Conversation, truth: np.ndarray) -> Seen:
    """Go through events.jsonl; faces are people by where and when they are seen."""
    seen = Seen()
    for line in path.read_text().splitlines():
        event = json.loads(line)
        i = round(event["t"] * SAMPLE_RATE / FRAME)
        if event.get("type") in ("face", "heard") and event["speaking"] >= 0.5:
            seen.talks[event["id"]].add(i)
        person = conversation.person_at(event["t"], event["box"]) if event.get("type") == "face" else None
        if person is None:
            continue
        seen.numbers[person][event["id"]] += 1
        if i < truth.shape[1]:
            seen.judged.append((bool(truth[person, i]), event["speaking"] >= 0.5))
        if event["voice_known"]:
            seen.known_at.setdefault(person, event["t"])
    return seen


def in_step(estimate: np.ndarray, target: np.ndarray) -> float:
    """SI-SDR at the best constant delay, dB."""
    size = 1 << (len(estimate) + len(target)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(estimate, size) * np.conj(np.fft.rfft(target, size)))
    delays = np.concatenate([np.arange(LAG), np.arange(-LAG, 0)])
    delay = delays[np.argmax(np.abs(correlation[delays]))]
    return si_sdr(np.roll(estimate, -delay)[LAG:-LAG], target[LAG:-LAG])


def score(conversation: Conversation, out: Path) -> Score:
    """Score what was made of one conversation."""
    truth, people, length = conversation.talks(), conversation.seen, conversation.voices.shape[1]
    seen, result = read_events(out / "events.jsonl", conversation, truth), Score()
    voices, mixture = conversation.voices.astype(np.float64), conversation.mixture.astype(np.float64)
    begin, end = (round(t * SAMPLE_RATE) for t in conversation.overlap)
    both = slice(begin, end)
    for person in people:
        numbers = seen.numbers[person]
        known_at = seen.known_at.get(person, np.inf)
        spoken = truth[person, : round(min(known_at, 1e6) * SAMPLE_RATE / FRAME)]
        result.until_known.append(seconds(spoken) if np.isfinite(known_at) else np.inf)
        result.known.append(known_at <= conversation.overlap[0] + 0.1)
        result.whole.append(sum(count > PASSING for count in numbers.values()) == 1)
        if not numbers:
            result.gains.append(NOT_FOUND)
            result.wrong.append(True)
            result.right.append(False)
            continue
        pcm = sound_of(out / f"face-{numbers.most_common(1)[0][0]}.wav", length)
        own = in_step(pcm[both], voices[person, both])
        others = [in_step(pcm[both], voices[other, both]) for other in people if other != person]
        result.gains.append(own - si_sdr(mixture[both], voices[person, both]))
        result.wrong.append(max(others, default=-np.inf) > own)
        result.right.append(result.known[-1] and mostly(pcm[:begin], voices[:, :begin]) == person)
    often = [{id for id, count in seen.numbers[person].items() if count > PASSING} for person in people]
    result.shared = sum(n > 1 for n in Counter(id for some in often for id in some).values())
    result.judged = seen.judged
    count = truth.shape[1]
    said = seen.said(count)
    result.off_camera = one_speaker(truth, people, [frames for id, frames in said.items() if id < 0])
    result.errors, result.speech = error_rate(by_20_ms(truth, count), by_20_ms(said.values(), count))
    blind = read_events(sound_folder(out) / "events.jsonl", conversation, truth).said(count)
    result.sound_errors, _ = error_rate(by_20_ms(truth, count), by_20_ms(blind.values(), count))
    return result


def sound_folder(out: Path) -> Path:
    """Where the results of the sound alone are."""
    return out.with_name(f"{out.name}-sound")


def by_20_ms(rows: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Rows of so many frames of 40 ms as twice as many of half the length, as `error_rate` has them."""
    return np.repeat(np.array([*rows], bool).reshape(-1, count), 2, axis=1)


def sound_of(path: Path, length: int) -> np.ndarray:
    """The first so many samples of a file, silence after its end."""
    pcm, rate = soundfile.read(path, dtype="float64")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{path}: {rate} Hz, not {SAMPLE_RATE}")
    return np.pad(pcm, (0, max(0, length - len(pcm))))[:length]


def mostly(pcm: np.ndarray, voices: np.ndarray) -> int:
    """Whose voice is the loudest in a file, by least squares."""
    amounts = np.linalg.lstsq(voices.T, pcm, rcond=None)[0]
    return int(np.argmax(np.abs(amounts) * np.linalg.norm(voices, axis=1)))


def one_speaker(truth: np.ndarray, seen: list[int], held: list[np.ndarray]) -> float | None:
    """Share of the time in which somebody off camera talks alone that one voice holds."""
    hidden = [person for person in range(len(truth)) if person not in seen and truth[person].any()]
    if not hidden:
        return None
    alone = truth[hidden[0]] & (truth.sum(axis=0) == 1)
    return max((float(frames[alone].mean()) for frames in held), default=0.0)


def summary(kind: str, scores: list[Score], work: float | None) -> list[str]:
    """A row of the table."""
    gains = np.array([gain for one in scores for gain in one.gains])
    faces = len(gains)
    truth, said = np.array([pair for one in scores for pair in one.judged], bool).reshape(-1, 2).T
    known = sum(sum(one.known) for one in scores)
    right = sum(sum(one.right) for one in scores)
    until = np.array([value for one in scores for value in one.until_known])
    middle, late = (np.quantile(until, q, method="inverted_cdf") for q in (0.5, 0.95))
    off = [one.off_camera for one in scores if one.off_camera is not None]
    speech = sum(one.speech for one in scores)
    errors = sum(one.errors for one in scores) / speech
    blind = sum(one.sound_errors for one in scores) / speech
    return [
        f"{kind}, {len(scores)}",
        f"{gains.mean():+.2f} dB",
        f"{sum(sum(one.wrong) for one in scores)}/{faces}",
        f"{np.mean(gains < -1):.0%}",
        f"{known}/{faces}, {right} right",
        f"{(said[truth].mean() + (~said[~truth]).mean()) / 2:.3f}",
        f"{sum(sum(one.whole) for one in scores)}/{faces}",
        str(sum(one.shared for one in scores)),
        f"{np.mean(off):.0%}" if off else "",
        f"{errors:.1%} / {blind:.1%}",
        " / ".join(f"{value:.1f} s" if np.isfinite(value) else "never" for value in (middle, late)),
        "" if work is None else f"{work:.2f}",
    ]


HEAD = [
    "kind, conversations",
    "SI-SDRi where both talk",
    "wrong talker",
    "below -1 dB",
    "voices known before",
    "who speaks, balanced accuracy",
    "one number a person",
    "numbers shared",
    "voice off camera held by one speaker",
    "diarization error rate / without faces",
    "own speech until known, p50 / p95",
    "cores' time a second",
]


def process(path: Path, out: Path, *flags: str) -> float:
    """Run the command; seconds of work of all its processes, loading of the models with them."""
    command = [sys.executable, "-m", "streamer", "process", str(path), "--out", str(out), "--force"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, "--no-observer", *flags], cwd=ROOT, check=True, capture_output=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--one-pass", action="store_true")
    parser.add_argument("--no-adapt", action="store_true", help="pages stay as they are")
    parser.add_argument("--made", action="store_true", help="score what an earlier run made; pages stay as they are")
    options = parser.parse_args()
    flags = [f"--{flag.replace('_', '-')}" for flag in ("one_pass", "no_adapt") if getattr(options, flag)]
    scores: dict[str, list[Score]] = defaultdict(list)
    worked: dict[str, float] = defaultdict(float)
    lasts: dict[str, float] = defaultdict(float)
    for conversation in load(options.folder):
        out = conversation.path.with_suffix("").absolute()
        if options.made and not (out / "events.jsonl").exists():
            continue
        if not options.made:
            worked[conversation.kind] += process(conversation.path, out, *flags)
            with NamedTemporaryFile(suffix=".wav") as wav:
                soundfile.write(wav.name, conversation.mixture, SAMPLE_RATE, "FLOAT")
                process(Path(wav.name), sound_folder(out), *flags)
        lasts[conversation.kind] += conversation.voices.shape[1] / SAMPLE_RATE
        scores[conversation.kind].append(score(conversation, out))
    rows = [summary(kind, some, None if options.made else worked[kind] / lasts[kind]) for kind, some in scores.items()]
    text = table(HEAD, rows)
    if options.made or options.no_adapt:
        print(text)
        return
    passes = "One pass, as in a call" if options.one_pass else "Two passes"
    text += f"\n\n{passes}; models are loaded anew for each. A face that is not found gains {NOT_FOUND:.0f} dB."
    flag = " --one-pass" if options.one_pass else ""
    section = "conversations-one-pass" if options.one_pass else "conversations"
    publish(section, f"python -m bench.conversations FOLDER{flag}", text)


if __name__ == "__main__":
    main()
