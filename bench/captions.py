"""Captions of two people: word errors, words under the wrong face, delay, cost. `python -m bench.captions`.

Needs Debian's pocketsphinx-testdata (the reader's sentences and words) and `pip install pocketsphinx` (when each word
is said, by forced alignment).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from bench.captions_scenes import Apart, Role, at_once, cities, in_turns, reader, separate
from bench.captions_score import Delays, Tally
from bench.page import publish, table, verdict
from models.active_speaker.networks import load_networks
from models.common.audio import SAMPLE_RATE
from models.separation.runtime import SeparatorRuntime
from models.speech.hindsight import Hindsight
from models.speech.rereading import better
from models.speech.transcriber import has_second_reader, open_second_reader, open_transcriber
from models.speech.types import Line, Recogniser, Transcriber
from models.speech.voice_gate import CaptionGate
from streamer.observer.second_reading import WAITS

FRAME = 640

STEP = 1_600
"""Samples between two calls, 0.1 s."""

LOUDER = (-5, 0, 5)
"""Decibels by which the reader is above the other."""

OVERLAP = 0.4
LAG = {-5: 0.7, 0: 0.0, 5: 0.3}

Scene = tuple[str, tuple[Role, Role], Apart]


def scenes() -> list[Scene]:
    """Twelve: two halves of each recording, the other half making the voice print; in turns and at once."""
    separator, networks, a, b = SeparatorRuntime(), load_networks(), reader(), cities()
    half = len(b) // 2
    made: list[Scene] = []
    for fold, (mine, rest) in enumerate(
        [((a[:3], b[:half]), (a[3:], b[half:])), ((a[3:], b[half:]), (a[:3], b[:half]))]
    ):
        for louder in LOUDER:
            for kind in ("in turns", "at once"):
                roles = in_turns(*mine, OVERLAP, rest) if kind == "in turns" else at_once(*mine, LAG[louder], rest)
                made.append((kind, roles, separate(separator, networks, roles, louder, 10 * fold + louder + 5)))
    return made


class Call:
    """Some voices, and with the gate what no face accounts for, heard as a call is: 0.1 s at a time.

    Args:
        count: Of voices.
        partials: Whether unfinished lines are wanted.
        gate: Whether each voice is muted while the other one talks.
        hindsight: Whether a sentence that is over is read from what was its speaker's, as is known by then.
        second: Reads sentences again, on a core of its own, one after the other.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        count: int,
        partials: bool,
        gate: bool,
        hindsight: bool = False,
        second: Recogniser | None = None,
    ) -> None:
        hold: Callable[..., Line | None] | None = None if second is None else partial(self._hold, second)
        self._hindsight = hind = Hindsight() if hindsight else None
        self._streams = [
            transcriber.open(finish=hold and partial(hold, k), known=None if hind is None else partial(hind.sound, k))
            for k in range(count)
        ]
        self._now, self._busy_until = 0.0, 0.0
        self.took: list[float] = []
        self.late = 0
        self._gate, self._partials = CaptionGate() if gate else None, partials
        self.shown: list[list[tuple[float, Line]]] = [[] for _ in range(count)]
        self.work = 0.0

    def run(self, voices: np.ndarray, apart: Apart) -> None:
        """Hear everything: voices (count, N), and what a scene is besides."""
        mixture, speaking = apart.mixture, apart.speaking
        for at in range(0, len(mixture), STEP):
            part, frame = slice(at, at + STEP), min(at // FRAME, speaking.shape[1] - 1)
            faces: dict[int | None, np.ndarray] = {k: voice[part] for k, voice in enumerate(voices)}
            now = at / SAMPLE_RATE
            self._now = now + len(mixture[part]) / SAMPLE_RATE
            heard = {face: (now, pcm) for face, pcm in faces.items()}
            # Work of this thread alone: the machine may be busy with other things.
            began = time.thread_time()
            if self._hindsight is not None:
                self._hindsight.hear(now, mixture[part])
                for known in apart.alone[at // FRAME : (at + STEP) // FRAME]:
                    self._hindsight.judge(known)
            if self._gate is not None:
                rest: dict[int | None, np.ndarray] = {None: mixture[part] - voices[:, part].sum(0)}
                heard = self._gate.step(now, faces | rest, {k: float(p[frame]) for k, p in enumerate(speaking)})
            for k, stream in enumerate(self._streams):
                stream.hear(*heard[k])
                for line in stream.lines(self._partials):
                    self.shown[k].append(((at + len(mixture[part])) / SAMPLE_RATE + time.thread_time() - began, line))
            self.work += time.thread_time() - began
        self._now = len(mixture) / SAMPLE_RATE
        for k, stream in enumerate(self._streams):
            self.shown[k].extend((len(mixture) / SAMPLE_RATE, line) for line in stream.close())
        for shown in self.shown:
            shown.sort(key=lambda each: each[0])

    def _hold(self, second: Recogniser, voice: int, line: Line, shown: bool, sound: np.ndarray) -> Line | None:
        # The reader works on a thread of its own.
        began = time.process_time()
        reading = second.read(sound)
        self.took.append(time.process_time() - began)
        self._busy_until = max(self._now, self._busy_until) + self.took[-1]
        late = self._busy_until > self._now + WAITS
        self.late += late
        final = line if late else better(line, reading)
        if final.text or shown:
            self.shown[voice].append((min(self._busy_until, self._now + WAITS), final))
        return replace(line, final=False) if line.text else None


CLEAN, AS_IN_A_CALL = "each alone (clean)", "separated, gate, hindsight"
AGAIN = f"{AS_IN_A_CALL}, Whisper base reads again"


def measure(
    transcriber: Transcriber, made: list[Scene], second: Recogniser | None
) -> tuple[dict[str, dict[str, Tally]], dict[str, Delays], float, list[float], int]:
    """Counts by condition and kind of scene; delays; real-time factor of a voice as a call has it; seconds of one core
    of each second reading, and how many of them came too late."""
    tallies: dict[str, dict[str, Tally]] = {}
    delays, work, seconds = {CLEAN: Delays(), AS_IN_A_CALL: Delays()}, 0.0, 0.0
    took: list[float] = []
    late = 0
    if second is not None:
        delays[AGAIN] = Delays()
    for kind, roles, apart in made:
        sounds = np.stack([each.sound[: len(apart.mixture)] for each in roles])
        conditions = {
            CLEAN: (sounds, False, False),
            "mixture": (apart.mixture[None], False, False),
            "separated": (apart.voices, False, False),
            "separated, gate": (apart.voices, True, False),
            AS_IN_A_CALL: (apart.voices, True, True),
        }
        if second is not None:
            conditions[AGAIN] = (apart.voices, True, True)
        for name, (voices, gate, hindsight) in conditions.items():
            again = second if name == AGAIN else None
            call = Call(transcriber, len(voices), name in delays, gate, hindsight, again)
            call.run(voices, apart)
            for k in (0, 1):
                # Of the mixture there is one voice, for both.
                shown = call.shown[min(k, len(voices) - 1)]
                tally = tallies.setdefault(name, {}).setdefault(kind, Tally())
                tally.add(roles[k].words, roles[1 - k].words, [line for _, line in shown])
                if name in delays:
                    delays[name].add(roles[k].words, shown)
            took, late = took + call.took, late + call.late
            if name == AS_IN_A_CALL:
                work, seconds = work + call.work, seconds + 2 * len(apart.mixture) / SAMPLE_RATE
    return tallies, delays, work / seconds, took, late


def silent_cost(transcriber: Transcriber) -> float:
    """Real-time factor of a voice in which there is nothing but noise at -70 dB."""
    quiet = (np.random.default_rng(0).standard_normal((2, 60 * SAMPLE_RATE)) * 3e-4).astype(np.float32)
    call = Call(transcriber, 2, True, True)
    call.run(quiet, Apart(quiet.sum(0), quiet, np.zeros((2, len(quiet[0]) // FRAME)), []))
    return call.work / 120


def _seconds(values: np.ndarray) -> list[str]:
    return [f"{value:.2f} s" for value in values]


def main() -> None:
    torch.set_num_threads(1)
    made, transcriber = scenes(), open_transcriber("moonshine")
    second = open_second_reader() if has_second_reader("moonshine") else None
    tallies, delays, factor, took, late = measure(transcriber, made, second)
    kinds = ("in turns", "at once")
    spoken = {kind: tallies["mixture"][kind].spoken for kind in kinds}
    rows = []
    for name, by_kind in tallies.items():
        wer = [f"{100 * by_kind[kind].word_error_rate:.0f} %" for kind in kinds]
        right = [f"{100 * by_kind[kind].under_the_right_face:.0f} %" for kind in kinds]
        rows.append([name, *wer, *right])
    head = [
        "what is read",
        *(f"word errors, {kind}" for kind in kinds),
        *(f"under the right face, {kind}" for kind in kinds),
    ]
    text = table(head, rows) + "\n\n"
    text += (
        "Two people who are not in the training data by name, -5 to 5 dB against each other, "
        f"{len(made)} scenes, words: "
        + ", ".join(f"{spoken[kind]} {kind}" for kind in kinds)
        + ". In turns: each begins 0.4 s before the other has ended. Lips are made up, voice prints are from other "
        "speech of the same person. Under the right face: of the words shown that one of the two did say.\n\n"
    )
    rows = []
    for name, each in delays.items():
        covered, word, line = (np.percentile(values, [50, 95]) for values in (each.covered, each.word, each.line))
        rows += [
            [name, "word → a line that reaches so far", *_seconds(covered), f"1 s: {verdict(covered[1], 1.0)}"],
            ["", "word → shown right", *_seconds(word), ""],
            ["", "last word of a line → line final", *_seconds(line), f"0.7 s: {verdict(line[1], 0.7)}"],
        ]
    text += table(["what is read", "delay", "p50", "p95", "limit for p95"], rows) + "\n\n"
    mine = delays[AS_IN_A_CALL]
    text += (
        "Hindsight: a sentence that is over is read from the mixture where its speaker is known by then to have been "
        "alone, and without what was anybody else's. "
        "Where both talk, only the gate tells a voice that has ended from what is left of the other's, and needs up to "
        "0.24 s more. Time in the sound plus work of one core, with `lines` called every 0.1 s; the separator's own 15 "
        f"ms come on top. {100 * mine.kept / max(mine.shown, 1):.0f} % of the words in unfinished lines stood in the "
        f"finished one. A voice costs {factor:.3f} of one core while captioned (partials included, gate included), a "
        f"silent one {silent_cost(transcriber):.4f}."
    )
    if took:
        median, most = np.percentile(took, [50, 95])
        text += (
            f" Read again: {len(took)} sentences, each {median:.2f} s of one core ({most:.2f} at the 95th percentile); "
            f"{late} of them too late, more than {WAITS:.0f} s after the first reading, which then stands."
        )
    publish("captions", "python -m bench.captions", text)


if __name__ == "__main__":
    main()
