"""Listeners who move their mouths: conversations made harder for whoever trusts lips.

Composed listeners hardly stir. Here every second time that somebody is silent their lips do what they did while the
same person talked, as of one who chews or laughs; the others' freeze, as of a still picture. At the end comes a silence
in which everybody in the picture chews.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.common.arrays import Bools
from models.common.audio import SAMPLE_RATE
from models.train.active_speaker.evidence import STEP, Lips
from models.train.data.conversations import FRAME, Conversation

SILENCE = 3.0
"""Seconds of silence at the end."""

ROOM = 1e-3
"""Root mean square of the noise in it."""

FPS = 25
"""Pictures a second in it."""


def chewing(conversation: Conversation, seen: list[Lips], rng: np.random.Generator) -> tuple[Conversation, list[Lips]]:
    """Move the listeners' lips.

    Args:
        conversation: what is said.
        seen: the lips in its pictures, by time.
        rng: source of chance.

    Returns:
        The same with a silence at its end, and the lips in it.
    """
    talks, found = conversation.talks(), []
    for person in conversation.seen:
        mine = [one for one in seen if one.person == person]
        said = [one for one in mine if one.numbers is not None and _at(talks[person], one.t)]
        if not said:
            found += mine
            continue
        begin, moves, was = 0, False, True
        for i, one in enumerate(mine):
            talking = _at(talks[person], one.t)
            if was and not talking:
                begin, moves = int(rng.integers(len(said))), bool(rng.random() < 0.5)
            elif talking:
                found.append(one)
            if not talking:
                shown = said[(begin + i * moves) % len(said)]
                found.append(replace(one, numbers=shown.numbers if moves or one.numbers is not None else None))
            was = talking
        if mine[-1].t > seen[-1].t - 0.1:
            end, begin = talks.shape[1] * STEP, int(rng.integers(len(said)))
            found += [
                Lips(end + i / FPS, person, said[(begin + i) % len(said)].numbers) for i in range(round(SILENCE * FPS))
            ]
    spoken = conversation.voices[:, : talks.shape[1] * FRAME]
    silence = np.zeros((len(talks), round(SILENCE * SAMPLE_RATE)))
    # It is part of the loudest voice, far under it: of who never speaks it would be all the speech there is.
    silence[int(np.abs(spoken).max(axis=1).argmax())] = rng.normal(0, ROOM, silence.shape[1])
    voices = np.concatenate([spoken, silence], axis=1).astype(np.float32)
    return replace(conversation, voices=voices), sorted(found, key=lambda one: one.t)


def _at(talks: Bools, t: float) -> bool:
    i = round(t / STEP)
    return bool(talks[min(i, len(talks) - 1)])
