"""Who of several people speaks, from voices and lips together, without anybody having said so before.

Lips say who, the voice says whether it is the same person as before; either alone is weak. Sound is cut into chunks of
0.2 s in which at most one person speaks (chunks with overlapping speech tell nothing). A hidden Markov model has a
state a speaker: every face, every voice that belongs to no face, and one for voices not heard before. It emits

- the speaker embedding of the 1.4 s around the chunk: a Gaussian likelihood ratio of its cosine with the mean of the
  embeddings that the speaker already accounts for, those that share sound with it left out;
- how much each face's lips moved: two Gaussians a face, silent and speaking, whose means are learnt for each face
  (a low picture, a beard or a nervous head shift them by more than speech does) under a prior.

Responsibilities, voices and lip means are found by expectation maximisation (as in VBx, Landini et al. 2022,
arXiv:2012.14952, with lips as a second observation). What left the window of the last `WINDOW` chunks stays as sums.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from models.active_speaker.chunk import CHUNK, SPAN, Chunk
from models.active_speaker.joined import now
from models.active_speaker.likelihoods import Prior, likelihood_ratio, lip_ratio, smoothed
from models.active_speaker.past import Past
from models.active_speaker.speaker import Speaker
from models.active_speaker.told import Told
from models.common.arrays import F32, F64, Bools

APART = round(SPAN / CHUNK)
"""Chunks from which two embeddings share no sound."""

WINDOW = 100
"""Chunks (20 s) that are looked at anew; older ones count by what they added to each speaker."""

ENOUGH = 1.2
"""Seconds between the embeddings of a speaker, together, from which its voice counts in full; not below a third."""

SAME = 0.7
"""Cosine of the mean embeddings of two speakers from which they are one: of two people it hardly exceeds 0.5."""

LIPS_FOLLOW = 3.0
"""Log-likelihood ratio of a face's lips over all that a voice says from which the voice is the face's."""

ITERATIONS = 2
"""Rounds of expectation maximisation after each new chunk; the next begins where this one ended."""


class SpeakerInference:
    """Who speaks in each chunk.

    Speakers have whole numbers: a face's own number, and -1, -2, … for voices that belong to no face.

    Args:
        prior: what is believed at first.
        window: chunks that are looked at anew.
        every: chunks from one that is given an embedding to the next; each then counts for more.
        retired: gets number, chunk and posterior of each chunk that leaves the window.

    Attributes:
        joined: speakers that turned out to be somebody else known, (gone, stays) each, in order.
    """

    def __init__(
        self,
        prior: Prior | None = None,
        window: int = WINDOW,
        every: int = 1,
        retired: Callable[[int, Chunk, dict[int, float]], None] | None = None,
    ) -> None:
        self.prior = prior or Prior()
        self._window = window
        self._every = every
        self._retired = retired
        self._first = 0
        self._chunks: list[Chunk] = []
        self._ids: list[int] = []
        self._speakers: dict[int, Speaker] = {}
        self._gamma = np.zeros((0, 1))
        self._off_camera = 0
        self._told = Told()
        self._past = Past()
        self.joined: list[tuple[int, int]] = []

    @property
    def speakers(self) -> Sequence[int]:
        """Numbers of everybody known, faces first."""
        return tuple(self._ids)

    @property
    def first(self) -> int:
        """Number of the first chunk of the window."""
        return self._first

    @property
    def count(self) -> int:
        """Chunks taken in so far."""
        return self._first + len(self._chunks)

    def add(self, chunk: Chunk) -> None:
        """Take in the next chunk; `infer` makes use of it."""
        for id in chunk.lips:
            if id not in self._speakers:
                self._add_speaker(id)
        self._chunks.append(chunk)
        count = len(self._ids) + 1
        last = self._gamma[-1:] if len(self._gamma) else np.full((1, count), 1 / count)
        self._gamma = np.concatenate([self._gamma, last])
        while len(self._chunks) > self._window:
            self._retire()

    def chunk(self, number: int) -> Chunk:
        """Return a chunk of the window by its number, counted from 0; it may be completed until the next `infer`.

        Raises:
            IndexError: the chunk is not there yet, or left the window.
        """
        if number < self._first:
            raise IndexError(f"chunk {number} left the window, which begins at {self._first}")
        return self._chunks[number - self._first]

    def posterior(self, number: int) -> dict[int, float]:
        """Probability that each speaker is the one who speaks in a chunk, if anybody does; they and a stranger make 1.

        Raises:
            IndexError: the chunk is not there yet, or left the window.
        """
        self.chunk(number)
        row = self._gamma[number - self._first]
        return {id: float(row[j]) for j, id in enumerate(self._ids)}

    def own_speech(self, sure: float) -> dict[int, list[int]]:
        """Numbers of the chunks of the window in which each speaker surely speaks alone, before and after too.

        Args:
            sure: least responsibility.
        """
        tells = np.array([chunk.tells for chunk in self._chunks])
        found = {}
        for j, id in enumerate(self._ids):
            own = np.concatenate([[True], tells & (self._gamma[:, j] >= sure), [False]])
            # Words begin and end within a chunk: its neighbours must be the speaker's too.
            inner = own[1:-1] & own[:-2] & own[2:]
            found[id] = [self._first + int(i) for i in np.flatnonzero(inner)]
        return found

    def lip_means(self, id: int) -> F32:
        """What a face's lips do while silent, and how much more while speaking: (2, 2), a row a feature."""
        tells = np.array([chunk.tells for chunk in self._chunks])
        lips, seen = self._lips_of(id)
        gamma = self._gamma[:, self._ids.index(id)] * tells
        return np.array(
            [self._speakers[id].lip_fit(k, lips[seen, k], gamma[seen], self.prior) for k in range(2)], np.float32
        )

    def seconds(self, id: int) -> float:
        """Seconds of speech alone that a speaker accounts for."""
        if id not in self._speakers:
            return 0.0
        j = self._ids.index(id)
        tells = np.array([chunk.tells for chunk in self._chunks])
        return float(self._speakers[id].mass + (self._gamma[:, j] * tells).sum()) * CHUNK

    def set_lips(self, number: int, lips: Mapping[int, F32]) -> None:
        """Set what the lips of each face did in a chunk of the window, once more of its pictures have come."""
        for id in lips:
            if id not in self._speakers:
                self._add_speaker(id)
        self.chunk(number).lips = lips

    def tell(self, first: int, last: int, id: int | None) -> None:
        """Take somebody's word for who speaks in some chunks, both ends with them; None for none of the faces.

        Those that left the window are given to the speaker as far back as voices are kept; what was learnt of them
        about lips stays.
        """
        if id is not None and id not in self._speakers:
            self._add_speaker(id)
        self._past.give(first, last, id, self._speakers)
        numbers = range(max(first, self._first), min(last, self.count - 1) + 1)
        self._told.set(numbers, id)
        # Voices are scored by what was believed last: it begins from what is told.
        rows = slice(numbers.start - self._first, numbers.stop - self._first)
        self._gamma[rows] = 0.0
        self._gamma[rows, -1 if id is None else self._ids.index(id)] = 1.0

    def join(self, gone: int, stays: int) -> None:
        """Count everything that was one speaker's as another's: they turned out to be one person."""
        gone, stays = self.now(gone), self.now(stays)
        if gone == stays:
            return
        self.joined.append((gone, stays))
        for chunk in self._chunks:
            if gone in chunk.lips:
                chunk.lips = {self.now(id): lips for id, lips in chunk.lips.items()}
        if gone not in self._speakers:
            return
        if stays not in self._speakers:
            self._add_speaker(stays)
        self._speakers[stays].join(self._speakers.pop(gone))
        j, k = self._ids.index(gone), self._ids.index(stays)
        self._gamma[:, k] += self._gamma[:, j]
        self._gamma = np.delete(self._gamma, j, axis=1)
        self._ids.remove(gone)
        self._past.rename(gone, stays)
        self._told.rename(gone, stays)

    def now(self, id: int) -> int:
        """Return the number of a speaker, or of whom it was joined with."""
        return now(self.joined, id)

    def retire(self) -> None:
        """Let all chunks leave the window; nothing can be inferred of them any more."""
        while self._chunks:
            self._retire()

    def infer(self, iterations: int = ITERATIONS) -> None:
        """Weigh everything in the window anew."""
        if not self._chunks:
            return
        tells = np.array([chunk.tells for chunk in self._chunks])
        voiced = np.array([chunk.voice is not None for chunk in self._chunks]) & tells
        size = next((len(chunk.voice) for chunk in self._chunks if chunk.voice is not None), 1)
        voices = np.stack(
            [np.zeros(size) if chunk.voice is None else chunk.voice for chunk in self._chunks], dtype=np.float64
        )
        for _ in range(iterations):
            scores = self._scores(tells, voiced, voices)
            self._gamma = smoothed(np.where(tells[:, None], scores, 0.0), self.prior.stay)
        self._bear(tells)
        self._merge(tells, voiced, voices)
        self._bury(tells)

    def _scores(self, tells: Bools, voiced: Bools, voices: F64) -> F64:
        """Log-likelihood ratio a chunk and speaker against a voice from nowhere, (N, speakers + 1)."""
        count, prior = len(self._chunks), self.prior
        scores = np.full((count, len(self._ids) + 1), prior.stranger)
        for j, id in enumerate(self._ids):
            scores[:, j] = self._voice_score(self._speakers[id], self._gamma[:, j] * voiced, voices) * voiced
            scores[:, j] += self._lip_score(id, j, tells) if id > 0 else prior.off_camera
        self._told.weigh(scores, self._first, self._ids)
        return scores

    def _voice_score(self, speaker: Speaker, gamma: F64, voices: F64) -> F64:
        """Score every chunk's voice against what all chunks but its neighbours say of a speaker's."""
        weighted = np.column_stack([voices * gamma[:, None], gamma])
        sums = np.concatenate([np.zeros((1, weighted.shape[1])), np.cumsum(weighted, axis=0)])
        at = np.arange(len(voices))
        near = sums[np.minimum(at + APART, len(at))] - sums[np.maximum(at - APART + 1, 0)]
        rest = sums[-1] - near + np.append(speaker.sum_of(voices.shape[1]), speaker.mass)
        mean, mass = rest[:, :-1], rest[:, -1]
        cosine = np.einsum("ij,ij->i", voices, mean) / np.sqrt(np.maximum(np.einsum("ij,ij->i", mean, mean), 1e-9))
        # Little is said by a voice of which little was heard.
        heard = mass * self._every * CHUNK / ENOUGH
        sure = np.clip(heard, 0, 1) * (heard >= 1 / 3)
        # Neighbouring embeddings share most of their sound: twice as many say less than twice as much.
        weight = self.prior.voice * self._every**0.75
        score: F64 = weight * likelihood_ratio(cosine) * sure
        return score

    def _lip_score(self, id: int, j: int, tells: Bools) -> F64:
        lips, seen = self._lips_of(id)
        gamma = self._gamma[:, j] * tells
        means = np.array([self._speakers[id].lip_fit(k, lips[seen, k], gamma[seen], self.prior) for k in range(2)])
        said = self.prior.lips * lip_ratio(np.where(seen[:, None], lips, 0.0), means, self.prior)
        return np.where(seen, said, self.prior.unseen)

    def _lips_of(self, id: int) -> tuple[F64, Bools]:
        """Lip features of a face, (N, 2), and where it is to be seen, (N,)."""
        nothing = np.full(2, np.nan, np.float32)
        lips = np.stack([chunk.lips.get(id, nothing) for chunk in self._chunks]).astype(np.float64)
        return lips, ~np.isnan(lips[:, 0])

    def _bear(self, tells: Bools) -> None:
        """Make a speaker of a voice from nowhere that has spoken for long enough."""
        strange = self._gamma[:, -1] * tells
        if strange.sum() * CHUNK < 1.2:
            return
        self._off_camera += 1
        self._add_speaker(-self._off_camera)
        self._gamma[:, len(self._ids) - 1] = 0.9 * self._gamma[:, -1]
        self._gamma[:, -1] *= 0.1

    def _merge(self, tells: Bools, voiced: Bools, voices: F64) -> None:
        """Give a voice without a face to whom it is: it was heard before the face came, or born by mistake."""
        means = {id: self._mean_voice(id, voiced, voices) for id in self._ids}
        for id in [id for id in self._ids if id < 0]:
            alike = {other: self._sameness(id, other, means, tells) for other in self._ids if other > id}
            first, *others = sorted(alike, key=lambda other: -alike[other]) or [0]
            if alike.get(first, 0.0) < 1 or any(alike[other] >= 1 for other in others):
                continue
            self.join(id, first)

    def _mean_voice(self, id: int, voiced: Bools, voices: F64) -> F64:
        """Return the mean embedding of a speaker, unit length; zeros where little was heard."""
        speaker, gamma = self._speakers[id], self._gamma[:, self._ids.index(id)] * voiced
        if (speaker.mass + gamma.sum()) * self._every * CHUNK < ENOUGH:
            return np.zeros(voices.shape[1])
        total = gamma @ voices + speaker.sum_of(voices.shape[1])
        mean: F64 = total / max(float(np.linalg.norm(total)), 1e-9)
        return mean

    def _sameness(self, id: int, other: int, means: Mapping[int, F64], tells: Bools) -> float:
        """How far a voice without a face and another speaker are one; from 1 on they are.

        By their voices, or, of a face that has none yet, by its lips while the voice is heard.
        """
        if means[other].any() or other < 0:
            return float(means[id] @ means[other]) / SAME
        j = self._ids.index(id)
        denied = [number - self._first for number in self._told.denied]
        if self._gamma[denied, j].sum() > 1:
            return 0.0
        heard = self._gamma[:, j] * tells * self._lips_of(other)[1]
        return float(heard @ self._lip_score(other, j, tells)) / LIPS_FOLLOW

    def _bury(self, tells: Bools) -> None:
        """Forget voices without a face that nothing is left of: they were somebody else's after all."""
        for id in [id for id in self._ids if id < 0]:
            j = self._ids.index(id)
            if self._speakers[id].mass + (self._gamma[:, j] * tells).sum() < 2:
                self._ids.remove(id)
                del self._speakers[id]
                self._gamma = np.delete(self._gamma, j, axis=1)
                self._gamma /= np.maximum(self._gamma.sum(axis=1, keepdims=True), 1e-9)

    def _add_speaker(self, id: int) -> None:
        self._ids.append(id)
        self._speakers[id] = Speaker()
        # As probable as a stranger, until there is a reason to think otherwise.
        half = self._gamma[:, -1:] / 2
        self._gamma = np.concatenate([self._gamma[:, :-1], half, half], axis=1)

    def _retire(self) -> None:
        """Turn the oldest chunk into sums."""
        if self._retired is not None:
            self._retired(self._first, self._chunks[0], self.posterior(self._first))
        chunk, gamma = self._chunks.pop(0), self._gamma[0]
        self._gamma = self._gamma[1:]
        if chunk.voice is not None and chunk.tells:
            self._past.add(self._first, chunk.voice, dict(zip(self._ids, map(float, gamma), strict=False)))
        self._told.forget(self._first)
        self._first += 1
        for j, id in enumerate(self._ids):
            speaker, weight = self._speakers[id], float(gamma[j]) * chunk.tells
            if chunk.voice is not None and weight:
                speaker.add_voice(weight * chunk.voice, weight)
            if id in chunk.lips:
                speaker.add_lips(chunk.lips[id], weight)
