"""Who says what in one stream of sound and pictures: speech, voices and faces brought together as they come.

Sound and faces go in; every 0.2 s `SpeakerInference` weighs them anew, and what it makes of it is published as one
`Attribution`, replaced whole so that any thread may read it. Nothing here hears the separator's output.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from models.active_speaker.alone import Stretch, stretches
from models.active_speaker.chunk import CHUNK, SPAN, SPEECH, Chunk
from models.active_speaker.inference import ITERATIONS, WINDOW, SpeakerInference
from models.active_speaker.likelihoods import LEAST_PICTURES, lip_features
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

SAMPLES = round(CHUNK * SAMPLE_RATE)
"""Samples of a chunk."""

HALF_SPAN = round(SPAN / 2 / CHUNK + 0.5)
"""Chunks after which the sound around a chunk is there."""

MARGIN = 0.1
"""Seconds of pictures and sound after a chunk that it is judged with."""

LATE_PICTURES = 4
"""Chunks before the newest whose lips are looked up again."""

CONTEXT = 5 * SAMPLE_RATE
"""Samples that speech and overlap are judged on, newest last."""

LOOK_EVERY, LOOK_BACK = 4, 7
"""Chunks between two such judgements, and how many of the newest chunks each corrects."""

PAST = WINDOW * CHUNK + 2.0
"""Seconds of sound that are kept: the window of the inference and a little more."""

EMBED_EVERY = 3
"""Chunks from one speaker embedding to the next, in a call: they take most of the time."""

SURE = 0.85
"""Responsibility from which a chunk is taken to be a speaker's own speech."""

LEAST_SOLO, MOST_SOLO = 5, 40
"""Chunks of a speaker's own speech that a voice print is made of: at least, and at most (the newest)."""

FRESH_SOLO = 0.5
"""Share of the chunks that must be other ones before a print is made anew: each takes a tenth of a second of work."""

LATELY = 20.0
"""Seconds after its last words that a voice counts as taking part."""

SILENCE = 10 ** (-65 / 20)
"""Root mean square below which nobody is asked whether it is speech."""


class Activity(Protocol):
    """What `models.speech.segmentation_runtime.Segmenter` finds."""

    @property
    def speech(self) -> F32:
        """Probability that anybody talks, (T,)."""

    @property
    def overlap(self) -> F32:
        """Probability that several do, (T,)."""


@dataclass(frozen=True)
class Networks:
    """What listens; shared by all streams, one call at a time.

    Attributes:
        segment: speech and overlap in up to ten seconds of sound.
        embed: speaker embedding of sound (N,): unit length.
        prints: voice print of speech (N,) for the separator.
    """

    segment: Callable[[F32], Activity]
    embed: Callable[[F32], F32]
    prints: Callable[[F32], F32]


@dataclass(frozen=True)
class VoicePrint:
    """How one speaker sounds.

    Attributes:
        print: for the separator.
        seconds: of speech alone it was made of.
        confidence: mean probability that this speech was the speaker's, 0..1.
    """

    print: F32
    seconds: float
    confidence: float


@dataclass(frozen=True)
class Attribution:
    """Who speaks, as far as is known.

    Attributes:
        t: end of the newest chunk judged, seconds.
        speech: probability that anybody speaks in it.
        overlap: that several do.
        speakers: probability of everybody known that they are the one who speaks in it: faces by their numbers,
            voices that belong to no face by -1, -2, ….
        prints: of everybody whose voice is known.
        lip_means: by face, `SpeakerInference.lip_means`.
        lately: who spoke in the last `LATELY` seconds.
        alone: who spoke alone in the newest stretches of sound, the oldest first.
        joined: speakers that turned out to be somebody else known, (gone, stays) each, since the beginning.
    """

    t: float = -np.inf
    speech: float = 0.0
    overlap: float = 0.0
    speakers: Mapping[int, float] = field(default_factory=dict)
    prints: Mapping[int, VoicePrint] = field(default_factory=dict)
    lip_means: Mapping[int, F32] = field(default_factory=dict)
    lately: frozenset[int] = frozenset()
    alone: tuple[Stretch, ...] = ()
    joined: tuple[tuple[int, int], ...] = ()


class Attributor:
    """Attributes one stream.

    `see`, `tell` and `join` may run on another thread than `hear`.

    Args:
        networks: what listens.
        every: chunks from one that is given a speaker embedding to the next.
        retired: see `SpeakerInference`.
    """

    def __init__(
        self,
        networks: Networks,
        every: int = EMBED_EVERY,
        retired: Callable[[int, Chunk, dict[int, float]], None] | None = None,
    ) -> None:
        self._networks = networks
        self._every = every
        self.inference = SpeakerInference(every=every, retired=retired)
        self._begin = 0.0
        self._sound = np.zeros(0, np.float32)
        self._dropped = 0
        self._lips: deque[tuple[float, int, F32]] = deque(maxlen=1000)
        self._told: deque[tuple[float, float, int | None]] = deque(maxlen=100)
        self._joins: deque[tuple[int, int]] = deque()
        self._joined = 0
        self._solo: dict[int, frozenset[int]] = {}
        self._prints: dict[int, VoicePrint] = {}
        self._spoke: dict[int, int] = {}
        self.latest = Attribution()

    def see(self, t: float, lips: Iterable[tuple[int, F32]]) -> None:
        """Take in the visible lips of one picture: time in seconds, and number and lip numbers (4,) of each face."""
        self._lips.extend((t, id, values) for id, values in lips)

    def tell(self, begin: float, end: float, id: int | None) -> None:
        """Take somebody's word for who speaks between two times, seconds; None for none of the faces.

        It counts from the next chunk on, and holds for the voice: whose it is taken for changes with it.
        """
        self._told.append((begin, end, id))

    def join(self, gone: int, stays: int) -> None:
        """Count two faces as one person from the next chunk on; `gone` is not seen any more."""
        self._joins.append((gone, stays))

    def join_waiting(self) -> None:
        """Make those one now who were joined since the last chunk; on the thread that hears."""
        while self._joins:
            self.inference.join(*self._joins.popleft())

    def hear(self, t: float, pcm: F32, hurry: bool = False) -> bool:
        """Take in the next sound.

        Args:
            t: time of its first sample, seconds. A gap up to a second is filled with silence; after a longer one, or a
                step back, the clock begins anew and the sound is joined on.
            pcm: (N,) at 16 kHz.
            hurry: catch up: what is dear is left out, and who speaks told by what is known already.

        Returns:
            Whether `latest` is new.
        """
        end = self.time(0) + self._heard / SAMPLE_RATE
        if not self._heard or not -0.05 <= t - end <= 1.0:
            self._begin += t - end
        elif t - end > 0.01:
            pcm = np.concatenate([np.zeros(round((t - end) * SAMPLE_RATE), np.float32), pcm])
        self._sound = np.concatenate([self._sound, pcm])
        fresh = False
        while self._heard >= (self.inference.count + 1) * SAMPLES + round(MARGIN * SAMPLE_RATE):
            self._step(hurry)
            fresh = True
        spare = len(self._sound) - round((PAST + 1) * SAMPLE_RATE)
        if spare > 0:
            spare += SAMPLE_RATE
            self._sound, self._dropped = self._sound[spare:], self._dropped + spare
        return fresh

    def time(self, number: int) -> float:
        """When a chunk begins, seconds."""
        return self._begin + number * CHUNK

    def recall(self, prints: Mapping[int, VoicePrint]) -> None:
        """Know voices from before, until more is heard of them."""
        self._prints = dict(prints)
        self.latest = replace(self.latest, prints=dict(prints))

    @property
    def _heard(self) -> int:
        return self._dropped + len(self._sound)

    def _pcm(self, first: int, last: int) -> F32:
        """Sound from one sample of the stream to another, as far as it is there."""
        return self._sound[max(0, first - self._dropped) : max(0, last - self._dropped)]

    def _step(self, hurry: bool) -> None:
        """Judge the next chunk."""
        inference = self.inference
        number = inference.count
        self.join_waiting()
        inference.add(Chunk(0.0, 0.0, self._lips_of(number)))
        # Pictures take longer than sound where the machine is busy.
        for late in range(max(number - LATE_PICTURES, inference.first), number):
            inference.set_lips(late, self._lips_of(late))
        while self._lips and self._lips[0][0] < self.time(number - LATE_PICTURES - 2):
            self._lips.popleft()
        if (number % LOOK_EVERY == 0 and not hurry) or number < LOOK_EVERY:
            self._judge_activity(number)
        else:
            before = inference.chunk(number - 1)
            inference.chunk(number).speech, inference.chunk(number).overlap = before.speech, before.overlap
        while self._told:
            self._learn_of(*self._told.popleft())
        due = number - HALF_SPAN + 1
        heard = due >= 0 and due % self._every == 0 and inference.chunk(due).speech > SPEECH / 2 and not hurry
        if heard:
            middle, half = round((due + 0.5) * SAMPLES), round(SPAN / 2 * SAMPLE_RATE)
            inference.chunk(due).voice = self._networks.embed(self._pcm(middle - half, middle + half))
        inference.infer(ITERATIONS if heard else 1)
        self._follow_joined()
        self._prints = {id: print for id, print in self._prints.items() if id in inference.speakers or id > 0}
        if heard:
            self._learn()
        newest, speakers = inference.chunk(number), inference.posterior(number)
        if newest.speech > SPEECH:
            self._spoke |= {id: number for id, p in speakers.items() if p > 0.5}
        self.latest = Attribution(
            t=self.time(number + 1),
            speech=newest.speech,
            overlap=newest.overlap,
            speakers=speakers,
            prints=dict(self._prints),
            lip_means={id: inference.lip_means(id) for id in inference.speakers if id > 0},
            lately=frozenset(id for id, last in self._spoke.items() if (number - last) * CHUNK <= LATELY),
            alone=stretches(inference, self.time(0)),
            joined=tuple(inference.joined),
        )

    def _follow_joined(self) -> None:
        """Leave to who stays what was known of those who were joined with them: the print made of more speech."""
        for gone, stays in self.inference.joined[self._joined :]:
            solo, print = self._solo.pop(gone, frozenset()), self._prints.pop(gone, None)
            if print is not None and (stays not in self._prints or self._prints[stays].seconds < print.seconds):
                self._prints[stays], self._solo[stays] = print, solo
            if gone in self._spoke:
                self._spoke[stays] = max(self._spoke.pop(gone), self._spoke.get(stays, 0))
        self._joined = len(self.inference.joined)

    def _lips_of(self, number: int) -> dict[int, F32]:
        """What the lips of each visible face did around a chunk."""
        middle = self.time(number) + CHUNK / 2
        near: dict[int, list[F32]] = {}
        far: dict[int, list[F32]] = {}
        for t, seen, values in tuple(self._lips):
            if abs(t - middle) <= 2 * CHUNK:
                id = self.inference.now(seen)
                far.setdefault(id, []).append(values)
                if abs(t - middle) <= CHUNK:
                    near.setdefault(id, []).append(values)
        # A busy machine looks at few pictures: then those of twice the time count.
        chosen = {id: near[id] if len(near.get(id, ())) >= LEAST_PICTURES else far[id] for id in far}
        found = {id: lip_features(np.stack(values)) for id, values in chosen.items()}
        return {id: features for id, features in found.items() if features is not None}

    def _judge_activity(self, number: int) -> None:
        """Judge speech and overlap of the newest chunks; with more sound after them they are judged better."""
        sound = self._pcm(self._heard - CONTEXT, self._heard)
        count = min(LOOK_BACK, number + 1)
        if np.sqrt(np.mean(np.square(sound[-count * SAMPLES :], dtype=np.float64))) < SILENCE:
            speech, overlap = np.zeros(count), np.zeros(count)
        else:
            found = self._networks.segment(sound)
            frames = np.stack([found.speech, found.overlap])
            scale = frames.shape[1] / len(sound)
            begins = [(number - back) * SAMPLES - self._heard + len(sound) for back in range(count)]
            spans = [frames[:, round(at * scale) : round((at + SAMPLES) * scale)].mean(axis=1) for at in begins]
            speech, overlap = np.stack(spans, axis=1)
        for back in range(count):
            chunk = self.inference.chunk(number - back)
            chunk.speech, chunk.overlap = float(speech[back]), float(overlap[back])

    def _learn_of(self, begin: float, end: float, id: int | None) -> None:
        """Give what was said between two times to its speaker; prints that others have of it are made anew."""
        first, last = (round((t - self._begin) / CHUNK) for t in (begin, end))
        last = min(last - 1, self.inference.count - 1)
        id = None if id is None else self.inference.now(id)
        self.inference.tell(first, last, id)
        for other, chunks in list(self._solo.items()):
            if other != id and chunks & set(range(first, last + 1)):
                del self._solo[other]
                self._prints.pop(other, None)

    def _learn(self) -> None:
        """Make voice prints of what each speaker said alone."""
        own = self.inference.own_speech(SURE)
        for id, chunks in own.items():
            newest = frozenset(chunks[-MOST_SOLO:])
            before = self._solo.get(id, frozenset())
            if len(newest) < LEAST_SOLO or len(newest - before) < (
                FRESH_SOLO * len(newest) if id in self._prints else 1
            ):
                continue
            if id in self._prints and self._prints[id].seconds > len(newest) * CHUNK and before & newest:
                continue
            self._solo[id] = newest
            speech = self.speech_of(sorted(newest))
            sure = float(np.mean([self.inference.posterior(number)[id] for number in newest]))
            self._prints[id] = VoicePrint(self._networks.prints(speech), len(newest) * CHUNK, sure)

    def speech_of(self, numbers: Sequence[int]) -> F32:
        """Sound of these chunks, joined; those that are not kept any more are left out."""
        return np.concatenate([self._pcm(number * SAMPLES, (number + 1) * SAMPLES) for number in numbers])
