"""Voice prints of one participant's faces, learned while each alone speaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.voiceprint.state import Change, State, VoiceStates, Why
from models.voiceprint.voice_print import SIZE, Enrolment, cosine, enrolled, scaled

Embed = Callable[[F32], F32]
"""Turns speech (N,) at 16 kHz, at least a second, into a voice print (256,)."""


STEP = 0.04
"""Seconds of sound in one call of `VoiceBook.hear`."""

SNIPPET = 2.0
"""Seconds of speech in one snippet; less says little about a voice."""

SPAN = 6.0
"""Longest stretch of sound, in seconds, in which they may lie. The whole stretch makes the print, pauses and all."""

LEAD_IN = 0.32
"""Seconds of sound before the first word that belong to a snippet."""

REFRESH = 4.0
"""Least seconds between two snippets of a known face."""

SPEAKS = 0.7
"""Probability from which a face speaks."""

SILENT = 0.3
"""Probability up to which another face does not."""

GAP = 0.5
"""Seconds without sound after which what was heard before is forgotten: who knows what happened in between."""

ABOVE_FLOOR = 10.0
"""dB over the noise that speech must have."""

QUIET = -60.0
"""dB below which nothing is speech."""

FOREIGN = 10 ** (-12 / 10)
"""Most energy of a snippet, as a share, that may lie outside of the face's separated voice.

Measured over 2 s of the GRID talker: -26 to -37 dB alone, -4 to -15 dB with an unseen talker 5 dB below him, -3 dB when
the sound is not his at all. Without this an unseen talker's voice was learned as his.
"""

AGREES = 0.7
"""Least cosine of a new snippet with the print. Of 220 people, two snippets of 2.3 s of one person have 0.64-0.87 (5th
to 95th percentile), one and the mean of three others 0.78-0.91; those of two people are below 0.66 and 0.69 (95th)."""

SILENCED = 10 ** (-3 / 10)
"""Share of the sound outside of the voice of a face that seems to make it, from which its print is suspected."""

DROPPED_AFTER = 3.0
"""Seconds of that after which a print is not used any more. A wrong print silences its own talker, and what is silent
can teach nothing better: without this it stayed wrong for good. With lips alone the voice comes out again."""

REPLACED_AFTER = 3
"""Refused snippets in a row, alike among themselves, after which they are believed instead of the print."""

ADOPTS = 0.78
"""Least cosine with which a new face takes over the print of an absent one: one pair of strangers in 250 reaches it,
and 95 of 100 people who come back."""

CLEARLY = 0.05
"""By how much it must beat every other print that is known."""

GONE = 5.0
"""Seconds after which a face that was not passed is absent: it would have kept its number until then."""

KEPT = 12
"""Prints of absent faces that are kept."""


@dataclass(frozen=True)
class _Moment:
    """40 ms of sound: who alone spoke, who may have, and the energy outside of the speaker's separated voice."""

    pcm: F32
    alone: int | None
    heard: frozenset[int]
    energy: float
    foreign: float


class VoiceBook:
    """Learns who sounds how.

    `hear` belongs to one thread; the readers may be on any: what they read is replaced whole.

    Args:
        embed: makes a print of a snippet.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[int, Enrolment] = {}
        self._absent: dict[int, Enrolment] = {}
        self._past: deque[_Moment] = deque(maxlen=round(SPAN / STEP))
        self._refused: dict[int, tuple[F32, ...]] = {}
        self._seen: dict[int, float] = {}
        self._suspected: dict[int, float] = {}
        self._dropped: frozenset[int] = frozenset()
        self._states = VoiceStates()
        self._floor: float | None = None
        self._t: float | None = None

    def hear(
        self,
        t: float,
        pcm: F32,
        speaking: Mapping[int, float],
        voices: Mapping[int, F32] | None = None,
        by_lips: Mapping[int, float] | None = None,
    ) -> None:
        """Take in 40 ms of the mixture.

        Args:
            t: time of it, seconds.
            pcm: float32 (640,), 16 kHz, -1..1.
            speaking: probability of every present face that it talks.
            voices: separated voice of each face, like `pcm`; without it the sound is taken to be nobody else's.
            by_lips: probability of every face with visible lips that it talks, judged without its separated voice;
                without it no print is ever dropped.
        """
        if self._t is not None and not 0 <= t - self._t <= GAP:
            self._past.clear()
        self._attend(t, speaking)
        energy = float(np.sum(np.square(pcm, dtype=np.float64)))
        level = float(10 * np.log10(energy / len(pcm) + 1e-10))
        floor = self._noise(t, level)
        loud = level >= max(floor + ABOVE_FLOOR, QUIET)
        alone = _alone(speaking) if loud else None
        if loud and voices is not None and by_lips is not None:
            self._suspect(t, pcm, energy, {**speaking, **by_lips}, voices)
        foreign = 0.0
        if alone is not None and voices is not None:
            apart = pcm - voices[alone] if alone in voices else pcm
            foreign = float(np.sum(np.square(apart, dtype=np.float64)))
        heard = frozenset(id for id, p in speaking.items() if p > SILENT)
        self._past.append(_Moment(np.array(pcm, np.float32), alone, heard, energy, foreign))
        if alone is not None:
            known = self._known.get(alone)
            if known is None or alone in self._dropped or t - known.updated >= REFRESH:
                self._try(alone, t)
        waiting = {moment.alone for moment in self._past}
        self._states.attend(t, {id: id in waiting for id in self._seen})

    def _suspect(self, t: float, pcm: F32, energy: float, talks: dict[int, float], voices: Mapping[int, F32]) -> None:
        """Drop the print of a face that alone seems to make the sound, by its lips, while its voice stays silent."""
        id = _alone(talks)
        if id not in self._known or id in self._dropped or id not in voices:
            return
        apart = float(np.sum(np.square(pcm - voices[id], dtype=np.float64)))
        passed = STEP if apart >= SILENCED * energy else -STEP
        self._suspected[id] = max(self._suspected.get(id, 0.0) + passed, 0.0)
        if self._suspected[id] >= DROPPED_AFTER:
            self._suspected.pop(id)
            self._dropped |= {id}
            self._states.happened(t, id, "silenced", "dropped", 0.0)

    def _try(self, id: int, t: float) -> None:
        """Learn from the last seconds if they hold enough of a face's speech and of nobody else's."""
        mine = list(takewhile(lambda moment: moment.heard <= {id}, reversed(self._past)))[::-1]
        speech = [moment for moment in mine if moment.alone == id]
        seconds = sum(len(moment.pcm) for moment in speech) / SAMPLE_RATE
        if seconds < SNIPPET:
            return
        first = max(next(i for i, moment in enumerate(mine) if moment.alone == id) - round(LEAD_IN / STEP), 0)
        self._past.clear()
        if sum(m.foreign for m in speech) <= FOREIGN * sum(m.energy for m in speech):
            self._learn(id, np.concatenate([moment.pcm for moment in mine[first:]]), seconds, t)

    def print_of(self, id: int) -> F32:
        """Return the voice print of a face, float32 (256,) of length 8; zeros while unknown or dropped."""
        known = self._known.get(id)
        return np.zeros(SIZE, np.float32) if known is None or id in self._dropped else known.print

    def known(self, id: int) -> bool:
        """Return whether the voice of a face is known and its print in use."""
        return id in self._known and id not in self._dropped

    def confidence(self, id: int) -> float:
        """Say how surely, 0..1; 0 while unknown or dropped."""
        known = self._known.get(id)
        return 0.0 if known is None or id in self._dropped else known.confidence

    def state(self, id: int) -> State:
        """Return how it stands with a face's print."""
        return self._states.of(id)

    def take_changes(self) -> list[Change]:
        """Return what happened to prints since the last call, oldest first; for one reader."""
        return self._states.take_changes()

    def remember(self) -> dict[int, Enrolment]:
        """Return every voice that is known, also of absent faces."""
        return self._absent | self._known

    def recall(self, voices: dict[int, Enrolment]) -> None:
        """Know the voices of another book; each counts from when its face is there."""
        self._absent = {id: replace(one, updated=-np.inf) for id, one in voices.items()}

    def _attend(self, t: float, speaking: Mapping[int, float]) -> None:
        for id in speaking:
            self._seen[id] = t
            if id in self._absent:
                back = self._absent[id]
                self._absent = {k: v for k, v in self._absent.items() if k != id}
                self._known = self._known | {id: back}
                self._states.happened(t, id, "returned", "known", back.confidence)
        gone = [id for id, seen in self._seen.items() if t - seen > GONE]
        for id in gone:
            del self._seen[id]
            self._refused.pop(id, None)
            self._suspected.pop(id, None)
            self._dropped -= {id}
            if id in self._known:
                self._absent = dict([*self._absent.items(), (id, self._known[id])][-KEPT:])
                self._known = {k: v for k, v in self._known.items() if k != id}

    def _noise(self, t: float, level: float) -> float:
        passed = 0.04 if self._t is None else min(max(t - self._t, 0.0), 1.0)
        self._t = t
        # Creeps up, drops at once: the quietest moments between words are the noise.
        floor = min(level, -50.0) if self._floor is None else self._floor + passed
        self._floor = max(min(floor, level), -100.0)
        return self._floor

    def _learn(self, id: int, speech: F32, seconds: float, t: float) -> None:
        fresh = scaled(np.asarray(self._embed(speech), np.float32))
        if fresh is None:
            return
        known = self._known.get(id)
        why: Why = "more"
        if known is None:
            known, why = self._adopt(fresh), "adopted"
        if known is None:
            self._keep(id, Enrolment(fresh, (fresh,), seconds, 1.0, t), "learned")
            return
        if cosine(fresh, known.print) < AGREES:
            self._refuse(id, known, fresh, seconds, t)
            return
        self._refused.pop(id, None)
        why = "restored" if id in self._dropped else why
        self._keep(id, enrolled((*known.snippets, fresh), known.seconds + seconds, t), why)

    def _refuse(self, id: int, known: Enrolment, fresh: F32, seconds: float, t: float) -> None:
        """Leave out a snippet unlike the print; several that are alike mean that the print was wrong."""
        alike = tuple(r for r in self._refused.get(id, ()) if cosine(r, fresh) >= AGREES)
        refused = (*alike, fresh)
        if len(refused) >= REPLACED_AFTER or id in self._dropped:
            self._refused.pop(id, None)
            self._keep(id, enrolled(refused, seconds * len(refused), t), "replaced")
            return
        self._refused[id] = refused
        self._known = self._known | {id: replace(known, updated=t)}

    def _adopt(self, fresh: F32) -> Enrolment | None:
        """Take the print of the absent face that sounds most like `fresh`, if one does."""
        alike = {id: cosine(one.print, fresh) for id, one in (self._absent | self._known).items()}
        nearest = max(self._absent, key=lambda k: alike[k], default=None)
        if nearest is None or alike[nearest] < ADOPTS:
            return None
        if any(value > alike[nearest] - CLEARLY for id, value in alike.items() if id != nearest):
            return None
        taken = self._absent[nearest]
        self._absent = {k: v for k, v in self._absent.items() if k != nearest}
        return taken

    def _keep(self, id: int, enrolment: Enrolment, why: Why) -> None:
        self._known = self._known | {id: enrolment}
        self._dropped -= {id}
        self._suspected.pop(id, None)
        self._states.happened(enrolment.updated, id, why, "known", enrolment.confidence)


def _alone(speaking: Mapping[int, float]) -> int | None:
    """Return the one face that speaks while all others are silent."""
    talking = [id for id, probability in speaking.items() if probability > SILENT]
    if len(talking) != 1 or speaking[talking[0]] < SPEAKS:
        return None
    return talking[0]
