"""Scenes to measure with: fixed people, levels, rooms and noises, each condition the same in every run.

Read English by people of one list of speakers.json (LibriSpeech, speechocean762), 4 s each, the others at -5, 0 or
5 dB and talking all the time. Prints come from up to 4 s of other speech. Lips are made up, except where the condition
says that they are real.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.common.arrays import I16
from models.common.audio import SAMPLE_RATE
from models.train.data.datasets import FRAME, Clip, clips, noises, source
from models.train.data.lips import made_up_lips, spoil_lips
from models.train.data.microphone import LOUD, normal
from models.train.data.mix import AcousticScene
from models.train.data.reverb import Reverb, convolve, make_bank
from models.train.data.speakers import Split, split_of
from models.voiceprint.encoder import PRINT, load_voice_encoder

CROP = 4 * SAMPLE_RATE // FRAME * FRAME
SETS = ("librispeech", "speechocean762")
ROWS = 8
"""Scenes run at once."""

TEST_ROOMS, TEST_SEED = 24, 1
"""Simulated rooms of the test, and their seed; training's bank has the seed 0."""

NOISE_BELOW = 10.0
"""Decibels of the noise under the wanted voice."""


@dataclass(frozen=True)
class Person:
    """What is known of one talker.

    Attributes:
        number: Which one.
        sound: (CROP,) what is mixed.
        enrolment: (M,) other speech.
        lips: (CROP / 640, 4) of `sound`, None if not filmed.
    """

    number: int
    sound: Tensor
    enrolment: Tensor
    lips: Tensor | None = None


@dataclass(frozen=True)
class Trial:
    """Some scenes of one condition: who the wanted talkers are, by number, and what is to be heard and seen."""

    wanted: list[int]
    scene: AcousticScene


@dataclass(frozen=True)
class Setting:
    """What is special about a condition.

    Attributes:
        silent: The wanted face says nothing.
        rooms: Everybody is in a simulated room, and there is noise.
        lead: Video frames by which lips come early; None draws from -2..3 for each scene.
        acquainted: The other face's voice print is known too.
    """

    silent: bool = False
    rooms: bool = False
    lead: int | None = None
    acquainted: bool = False


PLAIN = Setting()


@dataclass
class Condition:
    """Scenes of one kind, and which cues are tried in it ("both", "lips", "voice")."""

    cues: tuple[str, ...]
    trials: list[Trial] = field(default_factory=list)


def as_float(sound: I16) -> Tensor:
    """Turn samples of a file into float32 in -1..1."""
    return torch.from_numpy(sound.astype(np.float32) / 32768)


@functools.cache
def by_speaker(folder: Path, name: str, split: Split) -> dict[str, list[Clip]]:
    """Return clips of each speaker of a set who is on a list."""
    found: dict[str, list[Clip]] = {}
    for clip in clips(folder, source(name)):
        if split_of(name, clip.speaker) == split:
            # A copy, or every clip would keep the sound of the whole set in memory.
            found.setdefault(clip.speaker, []).append(replace(clip, sound=clip.sound.copy()))
    return found


def people(folder: Path, split: Split) -> list[Person]:
    """Find talkers with at least 7 s of speech: enrolment first, what is mixed after it."""
    found: list[Person] = []
    for name in SETS:
        for parts in by_speaker(folder, name, split).values():
            sound = as_float(np.concatenate([clip.sound for clip in parts]))
            if len(sound) >= 7 * SAMPLE_RATE:
                first = min(4 * SAMPLE_RATE, len(sound) - CROP)
                found.append(Person(len(found), sound[first : first + CROP], sound[:first]))
    return found


def filmed(folder: Path, name: str, split: Split, count: int) -> list[Person]:
    """Find talkers with real lips: clips joined to a crop, later clips for the enrolment.

    Of `grid_s1_train`, whose lists hold clips of one man, all are one person; of `news_arabic` each presenter gives
    as many as the clips allow.
    """
    groups = list(by_speaker(folder, name, split).values())
    if name == "grid_s1_train":
        groups = [[clip for group in groups for clip in group]]
    found: list[Person] = []
    for number, group in enumerate(groups):
        left = [clip for clip in group if clip.lips is not None]
        while taken := _until(left, CROP):
            enrolment = _until(left[len(taken) :], 2 * SAMPLE_RATE)
            if not enrolment:
                break
            left = left[len(taken) + len(enrolment) :]
            sound = np.concatenate([clip.sound for clip in taken])[:CROP]
            lips = np.concatenate([c.lips - c.lips.mean(0) for c in taken if c.lips is not None])[: CROP // FRAME]
            other = as_float(np.concatenate([clip.sound for clip in enrolment]))
            # One man's clips are scenes of their own: an interval over one talker would have no width.
            who = len(found) if len(groups) == 1 else number
            found.append(Person(who, as_float(sound), other, torch.from_numpy(lips)))
    order = np.random.default_rng(0).permutation(len(found))[:count]
    return [found[i] for i in order]


def _enrolment(group: Sequence[Person | None]) -> Tensor:
    """Speech to make prints of, as much as all have: (rows, M); zeros where there is nobody."""
    size = min((len(p.enrolment) for p in group if p is not None), default=SAMPLE_RATE)
    return normal(torch.stack([torch.zeros(size) if p is None else p.enrolment[:size] for p in group]))


def _until(group: list[Clip], samples: int) -> list[Clip]:
    """Return the first clips that last `samples` together; none if all do not."""
    total = 0
    for i, clip in enumerate(group):
        total += len(clip.sound)
        if total >= samples:
            return group[: i + 1]
    return []


class Maker:
    """Makes the scenes of one evaluation.

    Args:
        folder: Data.
        split: Which list the talkers are on.
        count: Scenes of each condition, at most.
    """

    def __init__(self, folder: Path, split: Split, count: int) -> None:
        rng = np.random.default_rng(0)
        self.folder, self.split, self.count = folder, split, count
        self.everybody = people(folder, split)
        size = len(self.everybody)
        self._wanted = [self.everybody[i % size] for i in range(count)]
        self._beside = [
            [self.everybody[j] for j in rng.permutation([j for j in range(size) if j != i % size])]
            for i in range(count)
        ]
        self._gains = torch.from_numpy(rng.choice([-5.0, 0.0, 5.0], count)).float()
        self._bank = Reverb(make_bank(TEST_ROOMS, TEST_SEED), torch.device("cpu"))
        self._encoder = load_voice_encoder()
        sounds = [as_float(part) for part in noises(folder, test=True)]
        self._noise = torch.cat(sounds)

    def main(self) -> dict[str, Condition]:
        """Draw what every system is compared in."""
        zero = torch.zeros(self.count)
        every = ("both", "lips", "voice")
        return {
            "two talkers": Condition(every, self._make(1, self._gains)),
            "three talkers": Condition(every, self._make(2, zero)),
            "room + noise": Condition(every, self._make(1, self._gains, Setting(rooms=True))),
            "alone": Condition(every, self._make(0, zero)),
            "silent face": Condition(every, self._make(1, self._gains, Setting(silent=True))),
        }

    def more(self) -> dict[str, Condition]:
        """Draw what only the weights in question are measured in."""
        conditions = {"same voice twice": Condition(("lips",), self._twins())}
        conditions["both voices known"] = Condition(
            ("both", "voice"), self._make(1, self._gains, Setting(acquainted=True))
        )
        for name, kind in (("grid_s1_train", "real lips: GRID"), ("news_arabic", "real lips: news")):
            stars = filmed(self.folder, name, self.split, self.count)
            conditions[kind] = Condition(("both", "lips", "voice"), self._of(stars, 1))
        for late in (0, 1, 2, 3):
            trials = self._make(1, self._gains, Setting(lead=-late))
            conditions[f"lips {40 * late} ms late"] = Condition(("both", "lips"), trials)
        return conditions

    def _make(self, others: int, gains: Tensor, setting: Setting = PLAIN) -> list[Trial]:
        return self._scenes(self._wanted, [b[:others] for b in self._beside], gains, setting)

    def _of(self, stars: list[Person], others: int) -> list[Trial]:
        return self._scenes(stars, [b[:others] for b in self._beside[: len(stars)]], self._gains[: len(stars)])

    def _twins(self) -> list[Trial]:
        """Pair each person with themselves: other words as enrolment of the wanted, whose print is no help."""
        able = [p for p in self._wanted if len(p.enrolment) >= 3 * SAMPLE_RATE]
        other = [[Person(p.number, p.enrolment.repeat(2)[:CROP], p.enrolment)] for p in able]
        return self._scenes(able, other, torch.zeros(len(able)))

    def _scenes(
        self,
        wanted: list[Person],
        others: list[list[Person]],
        gains: Tensor,
        setting: Setting = PLAIN,
    ) -> list[Trial]:
        """Make batches of scenes.

        Args:
            wanted: Whose voice is to come out.
            others: Those beside each of them; all lists of one length, at most 2.
            gains: (scenes,) dB by which the others are quieter.
            setting: What else.
        """
        torch.manual_seed(0)
        silent, rooms, lead = setting.silent, setting.rooms, setting.lead
        trials = []
        for k in range(0, len(wanted), ROWS):
            group, beside = wanted[k : k + ROWS], others[k : k + ROWS]
            rows = len(group)
            a = torch.stack([p.sound for p in group])
            rest = [torch.stack([b[n].sound for b in beside]) for n in range(len(beside[0]))]
            talks = torch.full((rows, CROP // FRAME, 1), 0.0 if silent else 1.0)
            seen, shift = torch.ones_like(talks), None if lead is None else torch.full((rows, 1), lead)
            lips = made_up_lips(normal(a))
            for i, person in enumerate(group):
                if person.lips is not None:
                    lips[i] = person.lips
            lips = spoil_lips(lips, talks, shift)
            other = spoil_lips(made_up_lips(normal(rest[0])), seen) if rest else torch.zeros_like(lips)
            noise = torch.randn_like(a) * 1e-3 * LOUD
            if rooms:
                a, *rest = self._placed([a, *rest])
                noise = self._noisy(rows)
            a = normal(a) * (0.0 if silent else 1.0)
            gain = torch.pow(10.0, -gains[k : k + ROWS, None] / 20)
            rest = [normal(sound) * gain for sound in rest]
            quiet = [torch.zeros_like(a)] * (2 - len(rest))
            beside_it = torch.stack([*rest, *quiet], dim=1)
            enrolment = _enrolment(group)
            scene = AcousticScene(
                mix=a + beside_it.sum(1) + noise,
                voice=a,
                others=beside_it,
                lips=lips,
                visible=seen,
                other=other,
                other_visible=seen if rest else 0 * seen,
                print=self._encoder.enrol(enrolment),
                known=torch.ones(rows, 1),
                other_print=self._others_print([b[0] if b else None for b in beside]),
                other_known=torch.full((rows, 1), float(setting.acquainted)),
                beside=torch.full((rows,), -1),
                talkers=torch.full((rows,), float(len(rest) + (not silent))),
                silent=torch.full((rows,), silent),
                enrolment=enrolment,
                other_enrolment=_enrolment([b[0] if b else None for b in beside]),
            )
            trials.append(Trial([p.number for p in group], scene))
        return trials

    def _others_print(self, beside: list[Person | None]) -> Tensor:
        prints = [torch.zeros(PRINT) if p is None else self._encoder.enrol(p.enrolment[None])[0] for p in beside]
        return torch.stack(prints)

    def _placed(self, sounds: list[Tensor]) -> list[Tensor]:
        places = self._bank.places(len(sounds[0]), len(sounds))
        return [convolve(sound, places[:, i]) for i, sound in enumerate(sounds)]

    def _noisy(self, rows: int) -> Tensor:
        first = torch.randint(0, len(self._noise) - CROP, (rows, 1))
        return normal(self._noise[first + torch.arange(CROP)]) * 10 ** (-NOISE_BELOW / 20)
