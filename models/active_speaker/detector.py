"""Who speaks: lips and sound of each face weighed together every 40 ms."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from models.active_speaker.av_offset import OffsetEstimator
from models.common.stored_graph import F32

__all__ = ["CUES", "Cues", "OffsetEstimator", "SpeakingDetector"]

STEP = 0.04  # seconds between updates
MOVING = 8  # updates over which lips are watched: 320 ms, longer than most consonants hold the mouth shut
HEARD = 4  # updates over which levels are averaged: 160 ms
FLOOR_PAST = 200  # updates in which the quietest moment is sought: 8 s
PAST = 50  # updates over which lip opening and voice are compared: 2 s
TREMBLE = 0.15  # lip numbers a frame: motion of a still mouth's landmarks in a good picture
BASE_RISE = 0.004  # share an update by which the baseline of lip motion follows upwards: 10 s

CUES = (
    "lip motion over its baseline",
    "lip motion",
    "voice over the noise",
    "voice in the mixture",
    "lips and voice alike",
)
"""What the model weighs; see `Cues.step`."""

# Bias, then one weight a cue; fitted by models/train/active_speaker/fit.py (GRID talker, LibriSpeech beside, through
# the separator). On clips and voices kept apart 92, 91 and 91 of 100 updates are right; 5, 7 and 6 of 100 silent ones
# are called speech.
WITH_LIPS = (-6.22, 2.77, 0.0, 2.03, 0.31, 2.94)
SOUND_ONLY = (-4.76, 2.75, 1.52)
LIPS_ONLY = (-4.79, 2.72, 0.0, 1.99)

RISE = 0.6  # share of the way to a higher probability in one update
FALL = 0.2  # and to a lower one: a short pause is not the end


@dataclass
class Cues:
    """What is known of one face in the last third of a second.

    Attributes:
        moved: mean change of its lip numbers, one value an update; None where lips were not visible.
        energy: of its voice, one value an update.
        opening: of its lips, one value an update in which they were visible.
        level: of its voice in the same updates, dB, no lower than the noise.
        base: slow baseline of its lip motion: trembling landmarks of a small face are no speech.
        lips: numbers of the last update, None if not visible.
    """

    moved: deque[float | None] = field(default_factory=lambda: deque(maxlen=MOVING))
    energy: deque[float] = field(default_factory=lambda: deque(maxlen=HEARD))
    opening: deque[float] = field(default_factory=lambda: deque(maxlen=PAST))
    level: deque[float] = field(default_factory=lambda: deque(maxlen=PAST))
    base: float = TREMBLE
    lips: F32 | None = None

    def step(
        self, lips: tuple[F32, bool] | None, level: float | None, mixture: float, floor: float
    ) -> tuple[F32, bool, bool]:
        """Take in 40 ms.

        Args:
            lips: the four lip numbers and whether they are visible; None = not visible.
            level: of this face's separated voice, dB; None = not separated.
            mixture: level of all sound, dB, averaged as `level` is here.
            floor: level of the noise, dB.

        Returns:
            The five cues of `CUES`, each about 0..3 in size; whether lips count; whether the voice counts.
            Without a separated voice the mixture stands for it.
        """
        seen = self._watch(lips)
        motion = [m for m in self.moved if m is not None]
        amount = float(np.mean(motion)) if motion else 0.0
        watched = seen and len(motion) >= MOVING // 2
        if watched:
            self.base += (amount - self.base) * (BASE_RISE if amount > self.base else 0.2)
            self.base = float(np.clip(self.base, TREMBLE / 3, 5 * TREMBLE))
        voice = mixture
        if level is not None:
            self.energy.append(10 ** (max(level, -100.0) / 10))
            voice = 10 * float(np.log10(np.mean(self.energy)))
        cues = (
            np.clip(np.log((amount + 0.05) / (self.base + 0.05)), -1, 3),
            np.clip(np.log((amount + 0.05) / TREMBLE), -1, 3),
            np.clip((voice - floor) / 10, 0, 3),
            np.clip((voice - mixture) / 10, -3, 0.5),
            self._alike(level, floor),
        )
        return np.array(cues, np.float32), watched, level is not None

    def _alike(self, level: float | None, floor: float) -> float:
        """Correlation of lip opening with level over two seconds, lips up to 80 ms ahead, 0..1.

        A jaw that moves while somebody else talks is told from speech by nothing else.
        """
        if self.lips is None or level is None:
            self.opening.clear()
            self.level.clear()
            return 0.0
        self.opening.append(float(self.lips[0] + self.lips[1]))
        self.level.append(max(level, floor))
        if len(self.opening) < PAST // 2:
            return 0.0
        opening, sound = np.array(self.opening), np.array(self.level)
        best = 0.0
        for lead in (0, 1, 2):
            a, b = opening[: len(opening) - lead], sound[lead:]
            a, b = a - a.mean(), b - b.mean()
            if a.std() > 0.1 and b.std() > 1.0:
                best = max(best, float(a @ b) / float(np.sqrt((a @ a) * (b @ b))))
        return best

    def _watch(self, lips: tuple[F32, bool] | None) -> bool:
        if lips is None or not lips[1] or not np.isfinite(lips[0]).all():
            self.lips = None
            self.moved.append(None)
            return False
        before, self.lips = self.lips, lips[0]
        # A jump of a whole eye distance in one frame is the mesh catching a face, not speech.
        self.moved.append(None if before is None else min(float(np.abs(lips[0] - before).mean()), 2.0))
        return True


class NoiseFloor:
    """Quietest moment of the mixture in the last seconds, and its level now, both averaged over 160 ms."""

    def __init__(self) -> None:
        self._energy: deque[float] = deque(maxlen=HEARD)
        self._past: deque[float] = deque(maxlen=FLOOR_PAST)

    def step(self, mixture: float) -> tuple[float, float]:
        """Take in the level of 40 ms, dB.

        Returns:
            Level now and noise floor, dB. The floor stays within -75 and -30 dB: digital silence is no noise
            to measure by, and a voice that never pauses is none either.
        """
        self._energy.append(10 ** (max(mixture, -100.0) / 10))
        now = 10 * float(np.log10(np.mean(self._energy)))
        self._past.append(now)
        return now, float(np.clip(min(self._past), -75.0, -30.0))


class SpeakingDetector:
    """Probability that each face speaks, for one session.

    A logistic model of the five cues; one set of weights while lips and voice are there, one each for
    only one of them. The weights come from `python -m models.train.active_speaker.fit`, which also prints how often
    they are right.
    The result rises fast and falls slowly.

    Attributes:
        by_lips: After `update`, for every face with visible lips, the probability that it speaks judged by its lips
            and the mixture alone: it also tells of a talker whose voice the separator keeps out.
    """

    def __init__(self) -> None:
        self._floor = NoiseFloor()
        self._faces: dict[int, Cues] = {}
        self._speaking: dict[int, float] = {}
        self.by_lips: dict[int, float] = {}

    def update(
        self, t: float, lips: dict[int, tuple[F32, bool]], levels: dict[int, float], mixture: float
    ) -> dict[int, float]:
        """Take in 40 ms of a session.

        Args:
            t: their time, seconds; not used but for the order of calls.
            lips: by face, the four lip numbers and whether they are visible.
            levels: by face, level of its separated voice in dB of full scale.
            mixture: level of all sound, dB of full scale.

        Returns:
            By face, the probability 0..1 that it speaks; faces in neither `lips` nor `levels` are forgotten.
        """
        now, floor = self._floor.step(mixture)
        ids = set(lips) | set(levels)
        self._faces = {id: self._faces.get(id) or Cues() for id in ids}
        result, by_lips = {}, {}
        for id, face in self._faces.items():
            cues, seen, separated = face.step(lips.get(id), levels.get(id), now, floor)
            p = speaking_probability(cues, seen, separated)
            if seen:
                heard = np.float32(np.clip((now - floor) / 10, 0, 3))
                by_lips[id] = speaking_probability(np.array([*cues[:2], heard], np.float32), True, False)
            before = self._speaking.get(id, 0.0)
            result[id] = before + (p - before) * (RISE if p > before else FALL)
        self._speaking, self.by_lips = result, by_lips
        return dict(result)


def speaking_probability(cues: F32, seen: bool, separated: bool) -> float:
    """Logistic model of the cues at one moment.

    Args:
        cues: (5,) of `Cues.step`.
        seen: whether lips count.
        separated: whether the voice is this face's own and not the mixture.

    Returns:
        0..1; 0.0 where there are neither lips nor an own voice.
    """
    weights: tuple[float, ...]
    if seen and separated:
        weights, used = WITH_LIPS, cues
    elif separated:
        weights, used = SOUND_ONLY, cues[2:4]
    elif seen:
        weights, used = LIPS_ONLY, cues[:3]
    else:
        return 0.0
    z = weights[0] + float(np.dot(weights[1:], used))
    return float(1 / (1 + np.exp(-np.clip(z, -30, 30))))
