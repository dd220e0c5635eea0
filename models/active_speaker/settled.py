"""Who said what in a whole recording, after all of it was heard: the first of two passes, and what the second reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from models.active_speaker.alone import AROUND, RECENT, judge
from models.active_speaker.attribution import MOST_SOLO, SAMPLES, SURE, Attribution, Attributor, Networks, VoicePrint
from models.active_speaker.chunk import CHUNK, OVERLAP, SPEECH, Chunk, Judged
from models.active_speaker.loudness import Loudness, LoudnessTrack, levels_of
from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE

ROUNDS = 30
"""Iterations over the last window, when everything is heard."""

LEAST = 3
"""Chunks of a speaker's own speech that a print is made of, at least: fewer than in a call, with hindsight."""

KEPT_SOLO = 300
"""Chunks of a speaker's own speech that are kept, at most: the surest minute, 4 MB."""

SHORTEST = 3
"""Least chunks of own speech in one piece that are given out: in shorter ones most is beginning and end."""

APART = 3
"""Chunks between own speech and that of others: where one takes over from another is known to half a second."""

FAINT = 0.1
"""Probability of overlap from which somebody else may be heard: where two voices are alike it hardly rises."""

BEFORE, AFTER = 2.0, 8.0
"""Seconds before its first and after its last word that a voice counts as taking part."""


class Settled:
    """What a recording's first pass found out.

    Args:
        begin: time of its first chunk, seconds.
        chunks: all of them.
        prints: of everybody whose voice is known.
        lip_means: by face.
        levels: of the sound, dB, 40 ms each from `begin` on.
        solo: by speaker, stretches of its own speech alone in their order: their time, seconds, and sound.
    """

    def __init__(
        self,
        begin: float,
        chunks: list[Judged],
        prints: Mapping[int, VoicePrint],
        lip_means: Mapping[int, F32],
        levels: F64 | None = None,
        solo: Mapping[int, list[tuple[float, F32]]] | None = None,
    ) -> None:
        self._begin, self._chunks, self._lip_means = begin, chunks, lip_means
        self.prints = prints
        self.solo = solo or {}
        self._loudness = LoudnessTrack(begin, np.zeros(0) if levels is None else levels)
        said = {id: [i for i, one in enumerate(chunks) if _speaks(one, id)] for id in prints}
        self._alone = judge(chunks, begin)
        self._said = {id: np.array(numbers) for id, numbers in said.items()}

    def at(self, t: float) -> Attribution:
        """Return who speaks at `t` seconds, between the middles of two chunks as much of each as is near."""
        if not self._chunks:
            return Attribution(t=t)
        place = float(np.clip((t - self._begin) / CHUNK - 0.5, 0, len(self._chunks) - 1))
        first = int(place)
        one, other, share = self._chunks[first], self._chunks[min(first + 1, len(self._chunks) - 1)], place - first
        ids = one.speakers.keys() | other.speakers.keys()
        speakers = {
            id: (1 - share) * one.speakers.get(id, 0.0) + share * other.speakers.get(id, 0.0) for id in sorted(ids)
        }
        now = (t - self._begin) / CHUNK
        near = [
            id
            for id, said in self._said.items()
            if ((said >= now - AFTER / CHUNK) & (said <= now + BEFORE / CHUNK)).any()
        ]
        return Attribution(
            t=t,
            speech=(1 - share) * one.speech + share * other.speech,
            overlap=(1 - share) * one.overlap + share * other.overlap,
            speakers=speakers,
            prints=self.prints,
            lip_means=self._lip_means,
            lately=frozenset(near),
            alone=self._alone[max(0, first - RECENT) : first + AROUND],
        )

    def clear(self, number: int, id: int) -> bool:
        """Return whether nobody but a speaker is to be heard in a chunk, nor is said to be near."""
        near = slice(max(0, number - APART), number + APART + 1)
        quiet = max(chunk.overlap for chunk in self._chunks[near]) < FAINT
        alone = {stretch.alone for stretch in self._alone[near]}
        return quiet and self._alone[number].alone == id and alone <= {id, None}

    @property
    def duration(self) -> float:
        """Seconds judged."""
        return CHUNK * len(self._chunks)

    @property
    def overlap(self) -> float:
        """Seconds in which several speak at once."""
        return CHUNK * sum(chunk.speech > SPEECH and chunk.overlap > OVERLAP for chunk in self._chunks)

    def loudness(self, t: float) -> Loudness:
        """Return how loud the sound is at `t` seconds, by what came before and after."""
        return self._loudness.at(t)


class Survey:
    """The first pass: hears and sees a whole recording.

    Args:
        networks: what listens.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks
        self._attributor = Attributor(networks, every=1, retired=self._retired)
        self._chunks: list[Judged] = []
        self._solo: dict[int, list[tuple[float, int, F32]]] = {}
        self._levels: list[F64] = []

    def see(self, t: float, lips: Iterable[tuple[int, F32]]) -> None:
        """Take in the visible lips of one picture, as `Attributor.see`."""
        self._attributor.see(t, lips)

    def hear(self, t: float, pcm: F32) -> None:
        """Take in the next sound, as `Attributor.hear`."""
        self._attributor.hear(t, pcm)

    def settle(self) -> Settled:
        """Decide, now that all is heard."""
        inference = self._attributor.inference
        self._attributor.join_waiting()
        inference.infer(ROUNDS)
        means = {id: inference.lip_means(id) for id in inference.speakers if id > 0 and inference.count}
        inference.retire()
        # A voice may have been taken for somebody else's until its face, or more of it, was known.
        chunks = [replace(one, speakers=_summed(one.speakers, inference.now)) for one in self._chunks]
        by_speaker: dict[int, list[tuple[float, int, F32]]] = {}
        for id, kept in self._solo.items():
            by_speaker.setdefault(inference.now(id), []).extend(kept)
        prints = {}
        for id, solo in by_speaker.items():
            best = sorted(sorted(solo, key=lambda one: -one[0])[:MOST_SOLO], key=lambda one: one[1])
            if len(best) >= LEAST:
                speech = np.concatenate([pcm for _, _, pcm in best])
                sure = float(np.mean([probability for probability, _, _ in best]))
                prints[id] = VoicePrint(self._networks.prints(speech), len(best) * CHUNK, sure)
        levels = np.concatenate(self._levels) if self._levels else None
        settled = Settled(self._attributor.time(0), chunks, prints, means, levels)
        settled.solo = {id: self._runs([one for one in by_speaker[id] if settled.clear(one[1], id)]) for id in prints}
        return settled

    def join(self, gone: int, stays: int) -> None:
        """Count two faces as one person, as `Attributor.join`."""
        self._attributor.join(gone, stays)

    def now(self, id: int) -> int:
        """Return the number of a speaker when all is settled."""
        return self._attributor.inference.now(id)

    def _runs(self, solo: list[tuple[float, int, F32]]) -> list[tuple[float, F32]]:
        """Return the kept sound of a speaker in pieces of `SHORTEST` chunks or more, neighbours joined."""
        runs: list[tuple[int, list[F32]]] = []
        for _, number, pcm in sorted(solo, key=lambda one: one[1]):
            if runs and number == runs[-1][0] + len(runs[-1][1]):
                runs[-1][1].append(pcm)
            else:
                runs.append((number, [pcm]))
        long = [run for run in runs if len(run[1]) >= SHORTEST]
        return [(self._attributor.time(number), np.concatenate(parts)) for number, parts in long]

    def _retired(self, number: int, chunk: Chunk, speakers: dict[int, float]) -> None:
        self._chunks.append(Judged(chunk.speech, chunk.overlap, speakers))
        pcm = self._attributor.speech_of([number])
        self._levels.append(levels_of(np.pad(pcm, (SAMPLES - len(pcm), 0))))
        id = max(speakers, key=lambda other: speakers[other], default=None)
        if id is None or not chunk.tells or speakers[id] < SURE:
            return
        if len(pcm) == SAMPLES:
            kept = self._solo.setdefault(id, [])
            kept.append((speakers[id] * chunk.speech * (1 - chunk.overlap), number, pcm))
            if len(kept) > KEPT_SOLO:
                kept.remove(min(kept, key=lambda one: one[0]))


class SettledAttributor:
    """Stands in for an `Attributor` in the second pass: knows everything from the first second.

    Args:
        settled: what the first pass found out.
    """

    def __init__(self, settled: Settled) -> None:
        self._settled = settled
        self.latest = settled.at(-np.inf)

    def hear(self, t: float, pcm: F32) -> bool:
        """Come to the middle of this sound, from `t` seconds on."""
        self.latest = self._settled.at(t + len(pcm) / SAMPLE_RATE / 2)
        return True


def _summed(speakers: Mapping[int, float], now: Callable[[int], int]) -> dict[int, float]:
    """Add up what was said of numbers that are one speaker's by now."""
    summed: dict[int, float] = {}
    for id, p in speakers.items():
        summed[now(id)] = summed.get(now(id), 0.0) + p
    return summed


def _speaks(chunk: Judged, id: int) -> bool:
    return chunk.speech > SPEECH and chunk.speakers.get(id, 0.0) > 0.3
