"""Noise: what the suppressor gains, costs, and does to the separator. `python -m bench.noise --data DIR`.

DIR holds speech and noise as models/train/data/datasets.py describes them. With webrtc-noise-gain installed, what
browsers do is measured beside it; with pystoi, intelligibility.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from bench.page import publish, table, verdict
from bench.si_sdr import si_sdr
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE, to_pcm16
from models.noise.suppressor import BLOCK, DELAY, Stream, Suppressor
from models.separation.runtime import SeparatorRuntime
from models.train.data.datasets import noises

TALKERS = 8
SECONDS, ENROLMENT = 4, 4
LEVELS = (0, 5, 10)
SEPARATED_AT = 5
LIMIT = 0.03
MOST_SHIFT = 320
BROWSER = "webrtc_noise_gain"
HIGH = 3
"""What Chromium asks of WebRTC's suppressor."""

Clean = Callable[[F32], F32]


def speech(folder: Path) -> list[F32]:
    """Some seconds of each of a few people who read, first what they are enrolled with."""
    path, most = folder / "speech" / "librispeech.ogg", (SECONDS + ENROLMENT) * SAMPLE_RATE
    found: dict[str, F32] = {}
    for one in json.loads(path.with_suffix(".json").read_text()):
        if one["speaker"] not in found and one["samples"] >= most:
            found[one["speaker"]] = soundfile.read(path, start=one["start"], frames=most, dtype="float32")[0]
        if len(found) == TALKERS:
            break
    return [0.05 * pcm / np.sqrt(np.mean(pcm**2)) for pcm in found.values()]


def mixed(voice: F32, noise: F32, level: float) -> F32:
    """Voice and noise, the noise so many decibels below it."""
    ratio = np.sqrt(np.mean(voice**2) / np.mean(noise**2)) * 10 ** (-level / 20)
    both: F32 = (voice + ratio * noise).astype(np.float32)
    return both


def ours(pcm: F32) -> F32:
    """Through the suppressor, its delay taken off."""
    stream, padded = Stream(), np.pad(pcm, (0, -(pcm.size + DELAY) % BLOCK + DELAY))
    steps = [suppressor().step([stream], block[None])[0] for block in padded.reshape(-1, BLOCK)]
    return np.concatenate(steps)[DELAY : DELAY + pcm.size]


@functools.cache
def suppressor() -> Suppressor:
    """The one of this run."""
    return Suppressor()


def browsers(pcm: F32, level: int = HIGH) -> F32:
    """Through WebRTC's suppressor, 10 ms at a time; level 0 leaves noise in, but filters all the same."""
    from webrtc_noise_gain import AudioProcessor

    processor = AudioProcessor(0, level)
    blocks = to_pcm16(pcm[: pcm.size // 160 * 160]).reshape(-1, 160)
    heard = b"".join(processor.Process10ms(block.tobytes()).audio for block in blocks)
    clean: F32 = np.frombuffer(heard, np.int16).astype(np.float32) / np.float32(32768)
    return clean


def aligned(estimate: F32, voice: F32) -> F32:
    """Take off the delay at which an estimate fits best, at most 20 ms."""
    size = min(estimate.size, voice.size) - MOST_SHIFT
    scores = [float(estimate[shift : shift + size] @ voice[:size]) for shift in range(MOST_SHIFT)]
    shift = int(np.argmax(scores))
    return estimate[shift : shift + size]


def gains(
    clean: Clean, passed: Clean, voices: list[F32], sounds: list[F32], level: float
) -> tuple[float, float | None]:
    """Mean gain of SI-SDR in decibels and of STOI, over all pairs of voice and noise.

    `passed` is what becomes of sound that nothing is taken out of: a filter for low tones is no fault of a suppressor.
    """
    better, clearer = [], []
    for voice, noise in zip(voices, sounds, strict=True):
        noisy = mixed(voice, noise, level)
        wanted, untouched = passed(voice), passed(noisy)
        estimate = aligned(clean(noisy), wanted)
        pair = wanted[: estimate.size], untouched[: estimate.size]
        better.append(si_sdr(estimate, pair[0]) - si_sdr(pair[1], pair[0]))
        if importlib.util.find_spec("pystoi"):
            from pystoi import stoi

            clearer.append(stoi(pair[0], estimate, SAMPLE_RATE) - stoi(pair[0], pair[1], SAMPLE_RATE))
    return statistics.mean(better), statistics.mean(clearer) if clearer else None


def separated(runtime: SeparatorRuntime, mix: F32, prints: F32) -> F32:
    """Both voices (2, N) of a mixture, in time with it."""
    rows, padded = np.arange(2), np.pad(mix, (0, BLOCK))
    runtime.reset(rows)
    parts = []
    for i, block in enumerate(padded[: padded.size // BLOCK * BLOCK].reshape(-1, BLOCK)):
        if i % 2 == 0:
            runtime.lips(rows, np.zeros((2, 4), np.float32), np.zeros(2, bool))
        parts.append(runtime.step(rows, np.stack([block, block]), rows[::-1].copy(), prints))
    return np.concatenate(parts, axis=1)[:, runtime.DELAY :]


def separation(voices: list[F32], enrolments: list[F32], sounds: list[F32]) -> dict[str, float]:
    """Mean SI-SDR of two voices at once, with noise, by where the suppressor stands."""
    runtime = SeparatorRuntime(rows=2)
    scores: dict[str, list[float]] = {"none": [], "before": [], "after": []}
    for i in range(0, len(voices) - 1, 2):
        pair = voices[i], voices[i + 1]
        mix = mixed(pair[0] + pair[1], sounds[i], SEPARATED_AT)
        prints = np.stack([runtime.voice_print(enrolment) for enrolment in enrolments[i : i + 2]])
        plain, before = separated(runtime, mix, prints), separated(runtime, ours(mix), prints)
        made = {"none": plain, "before": before, "after": np.stack([ours(voice) for voice in plain])}
        for place, estimates in made.items():
            for estimate, voice in zip(estimates, pair, strict=True):
                size = min(estimate.size, voice.size)
                scores[place].append(si_sdr(estimate[:size], voice[:size]) - si_sdr(mix[:size], voice[:size]))
    return {place: statistics.mean(found) for place, found in scores.items()}


def cost(microphones: int) -> float:
    """Share of a core that a microphone takes, of so many in one batch."""
    streams, times = [Stream() for _ in range(microphones)], []
    block = 0.05 * np.random.default_rng(0).standard_normal((microphones, BLOCK)).astype(np.float32)
    for _ in range(100):
        # Every second step has a hop more.
        started = time.thread_time()
        suppressor().step(streams, block)
        suppressor().step(streams, block)
        times.append((time.thread_time() - started) / 2)
    return statistics.median(times[10:]) * SAMPLE_RATE / BLOCK / microphones


def main() -> None:
    """Measure and publish."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    people = speech(folder)
    cut = ENROLMENT * SAMPLE_RATE
    voices, enrolments = [pcm[cut:] for pcm in people], [pcm[:cut] for pcm in people]
    kinds: list[F32] = [np.resize(one, voices[0].size).astype(np.float32) for one in noises(folder, test=True)]
    sounds = [kinds[i % len(kinds)] for i in range(len(voices))]
    systems: dict[str, tuple[Clean, Clean]] = {"the server's (DTLN, 28 ms)": (ours, lambda pcm: pcm)}
    if importlib.util.find_spec(BROWSER):
        systems["a browser's (WebRTC)"] = browsers, functools.partial(browsers, level=0)
    rows = []
    for name, (clean, passed) in systems.items():
        found = [gains(clean, passed, voices, sounds, level) for level in LEVELS]
        clearer = ["" if more is None else f", {more:+.3f}" for _, more in found]
        rows.append([name, *(f"{better:+.1f} dB{more}" for (better, _), more in zip(found, clearer, strict=True))])
    text = table(["suppressor", *(f"noise {level} dB below the voice" for level in LEVELS)], rows)
    places = separation(voices, enrolments, sounds)
    named = {"none": "nowhere", "before": "before the separator", "after": "after it"}
    text += "\n\n" + table(
        ["suppressor", "two at once and noise: SI-SDR gained"],
        [[named[place], f"{gain:+.2f} dB"] for place, gain in places.items()],
    )
    costs = {count: cost(count) for count in (1, 8)}
    text += (
        f"\n\nSI-SDR gained over the noisy sound, and STOI; {len(voices)} people who read, "
        f"{len(set(map(id, sounds)))} noises that are no speech. Two at once are equally loud, the noise "
        f"{SEPARATED_AT} dB below both, and their voices known. "
        "WebRTC's is measured against what its filters make of the same sound. "
        f"One microphone takes {costs[1]:.3f} of a core, of eight in one batch each {costs[8]:.3f}. "
        f"Limit: {LIMIT} of a core a microphone: {verdict(costs[1], LIMIT)}."
    )
    publish("noise", "python -m bench.noise --data DIR", text)


if __name__ == "__main__":
    main()
