"""Whether what a recogniser wrote of one voice was said: it makes English of noise, music and any other language."""

from __future__ import annotations

import zlib
from collections import deque
from math import exp

from models.speech.types import Reading

SURE = -0.75
"""Least mean log-probability of what is shown: noise and residues of other voices are read as something, too."""

MOST_COMPRESSION = 2.4
"""Most times that gzip may shorten what is believed: whoever runs in circles repeats himself (Radford et al., 4.5)."""

AGAIN = -0.4
"""Least mean log-probability of a sentence that is the third of the same words."""

GRANTED, USUAL = 2.0, -0.2
"""Seconds of English that are taken for granted before a voice has spoken, and their mean log-probability."""

PACE, SLOW = 7.0, 0.1
"""Tokens a second of English as it is read out, and what each that is missing adds to the log-probability."""

SLOWEST, FASTEST = 3.0, 10.0
"""Tokens a second below which there are few words to long sounds, and nothing is added; and from which all is fast."""

MEMORY = 20.0
"""Seconds of a voice's speech after which a sentence counts a third."""

WORST = -1.5
"""Least of one sentence: none outweighs all others."""


def repetitive(text: str) -> bool:
    """Return whether a text says the same again and again."""
    plain = text.encode()
    return len(plain) > MOST_COMPRESSION * len(zlib.compress(plain))


class Doubt:
    """Of one voice whose language its reader speaks."""

    def __init__(self) -> None:
        self._last: deque[str] = deque(maxlen=2)

    def believes(self, reading: Reading, seconds: float) -> bool:
        """Return whether a sentence that is over was said; it is `seconds` long."""
        again = self._last.count(reading.text) == 2 and reading.confidence < AGAIN
        self._last.append(reading.text)
        return not again and self.shows(reading, seconds)

    def shows(self, reading: Reading, seconds: float) -> bool:
        """Return whether what a sentence is so far, after `seconds` of it, may be shown."""
        return reading.confidence >= SURE and not repetitive(reading.text)


class ForeignDoubt(Doubt):
    """Of one voice that may speak what its reader does not: then it is less sure of sentences than of English ones.

    One sentence may be unclear; a voice of which most are is refused until it is clear again. Whoever learns English is
    unclear and slow, while of another language the reader makes more words than were said: the log-probability counts
    for more the fewer tokens a second there are.

    Args:
        least: Least mean of a voice. Of 79 sentences of learners of English 2 are refused, and of 74 of people whom
            nothing was chosen by 10 (8 and 15 without the pace); of 101 of Arabic all (100), of 50 of English none, and
            of 24 of noise and music 20 (18) (`python -m models.train.speech.fit_doubt --data DIR`).
    """

    def __init__(self, least: float = SURE) -> None:
        super().__init__()
        self._least = least
        self._seconds, self._sum = GRANTED, GRANTED * USUAL

    def believes(self, reading: Reading, seconds: float) -> bool:
        """Return whether a sentence that is over was said, going by it and by those before it."""
        keep = exp(-seconds / MEMORY)
        seconds = seconds if reading.text else 0.0
        sure = WORST if repetitive(reading.text) else max(_sureness(reading, seconds), WORST)
        self._sum = keep * self._sum + seconds * sure
        self._seconds = keep * self._seconds + seconds
        return super().believes(reading, seconds)

    def shows(self, reading: Reading, seconds: float) -> bool:
        """Return whether what a sentence is so far, after `seconds` of it, may be shown."""
        clear = _sureness(reading, seconds) >= SURE and not repetitive(reading.text)
        return clear and self._sum >= self._least * self._seconds


def _sureness(reading: Reading, seconds: float) -> float:
    """Return the mean log-probability of a sentence, mended by its pace."""
    pace = len(reading.tokens) / max(seconds, 0.1)
    return min(0.0, reading.confidence + (SLOW * (PACE - min(pace, FASTEST)) if pace >= SLOWEST else 0.0))
