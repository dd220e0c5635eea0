"""Captions of every voice in every session.

Every speaker's voice, with a face or without, is its own stream of words. What none of them accounts for, the rest, is
one too: the voice of somebody who is not known yet, or everybody where no voice is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count
from math import inf
from typing import Protocol

import numpy as np

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech.hindsight import Hindsight
from models.speech.languages import AUTO, ENGLISH, Languages, SpokenLanguage
from models.speech.types import Line, SpeechStream, Transcriber
from models.speech.voice_gate import CaptionGate
from streamer.observer.second_reading import HeldLines, SecondReadings
from streamer.observer.types import Caption

FORGET = 30.0
"""Seconds after which a stream that hears nothing is closed."""

GONE = 2.0
"""Seconds after which a voice that is not separated any more, its face being out of sight, has ended its sentence."""


class _Hears(Protocol):
    def __call__(self, probabilities: Mapping[str, float], seconds: float) -> str:
        """Return the language of a sentence, see `SpokenLanguage.hear`."""


@dataclass
class _Voice:
    stream: SpeechStream
    last_sound: float
    fed: float


@dataclass
class _Session:
    numbers: Iterator[int]
    """Of the lines of all its voices."""
    held: HeldLines | None
    """Its sentences that wait for their second reading; None where nobody reads again."""
    gate: CaptionGate = field(default_factory=CaptionGate)
    hindsight: Hindsight = field(default_factory=Hindsight)
    voices: dict[int | None, _Voice] = field(default_factory=dict)
    languages: Languages = field(default_factory=Languages)
    """That are spoken in it."""
    now: float = 0.0


class LiveCaptions:
    """Writes captions of all sessions.

    Args:
        transcriber: Shared by all voices.
        readings: Where sentences that are over are read again; None leaves them as the transcriber finishes them.
        language: Code of that of the second reading; `AUTO` hears it out, for every voice.
    """

    def __init__(
        self, transcriber: Transcriber, readings: SecondReadings | None = None, language: str = ENGLISH
    ) -> None:
        self._transcriber, self._readings, self._language = transcriber, readings, language
        self._hurried = False
        self._sessions: dict[str, _Session] = {}

    def open(self, sid: str, first_line: int = 0) -> None:
        """Begin a session, or begin it anew; its lines are numbered from `first_line` on."""
        self.close(sid)
        held = None if self._readings is None else HeldLines(self._readings)
        self._sessions[sid] = _Session(count(first_line), held)

    def close(self, sid: str) -> list[Caption]:
        """End a session, and return what was being said in it, as final captions."""
        session = self._sessions.pop(sid, None)
        if session is None:
            return []
        # Nobody waits for a second reading of the last words.
        self._hurried = True
        last = [_caption(face, line) for face, voice in session.voices.items() for line in voice.stream.close()]
        return [*last, *_due(session, inf)]

    def hear(
        self,
        sid: str,
        t: float,
        mix: F32,
        voices: dict[int, F32],
        speaking: dict[int, float],
        alone: Sequence[Stretch] = (),
    ) -> None:
        """Take in sound; only keeps it.

        Args:
            sid: The session; unknown ones are ignored.
            t: Time of the first sample, seconds.
            mix: Shape (N,), 16 kHz.
            voices: Separated voices of the same stretch, each (N,).
            speaking: Probability that each speaker is talking.
            alone: Who spoke alone in stretches before, of which that is new.
        """
        session = self._sessions.get(sid)
        if session is None:
            return
        session.now = t + len(mix) / SAMPLE_RATE
        session.hindsight.hear(t, mix)
        session.hindsight.judge(alone)
        heard: dict[int | None, F32] = {None: mix - sum(voices.values(), np.zeros_like(mix))}
        heard.update(voices.items())
        for face, (begin, pcm) in session.gate.step(t, heard, speaking).items():
            self._feed(session, face, begin, pcm)

    def step(self, partials: bool = True) -> list[tuple[str, Caption]]:
        """Read what was heard; does the work.

        Args:
            partials: Whether to read sentences that are not over, and to have those read again that are: the first
                things to leave out when there is no time.

        Returns:
            New and changed captions with their sessions.
        """
        self._hurried = not partials
        if self._readings is not None:
            self._readings.seen()
        captions = []
        for sid, session in list(self._sessions.items()):
            for face, voice in list(session.voices.items()):
                lines = voice.stream.lines(partials)
                if session.now - voice.last_sound > FORGET or session.now - voice.fed > GONE:
                    lines = [*lines, *voice.stream.close()]
                    del session.voices[face]
                    session.hindsight.forget(face)
                captions += [(sid, _caption(face, line)) for line in lines]
            captions += [(sid, caption) for caption in _due(session, session.now)]
        return captions

    def _feed(self, session: _Session, face: int | None, t: float, pcm: F32) -> None:
        voice = session.voices.get(face)
        sounds = bool(pcm.any())
        if voice is None:
            if not sounds:
                return
            finish = None
            if session.held is not None:
                finish = partial(self._hold, session, session.held, face, self._hears(session))
            known = partial(session.hindsight.sound, face)
            voice = session.voices[face] = _Voice(self._transcriber.open(session.numbers, finish, known), t, t)
        if sounds:
            voice.last_sound = t
        if len(pcm):
            # Silence too, so that the end of a sentence is noticed.
            voice.stream.hear(t, pcm)
            voice.fed = t + len(pcm) / SAMPLE_RATE

    def _hears(self, session: _Session) -> _Hears | None:
        """Return what chooses the language of each sentence of a new voice; None for English."""
        if self._language == AUTO:
            return SpokenLanguage(session.languages).hear
        return None if self._language == ENGLISH else lambda probabilities, seconds: self._language

    def _hold(
        self,
        session: _Session,
        held: HeldLines,
        face: int | None,
        hears: _Hears | None,
        line: Line,
        shown: bool,
        sound: F32,
    ) -> Line | None:
        choose = None if hears is None else partial(hears, seconds=line.end - line.start)
        return held.hold(face, line, shown, sound, session.now, self._hurried, choose)


def _due(session: _Session, now: float) -> list[Caption]:
    return [] if session.held is None else session.held.due(now)


def _caption(face: int | None, line: Line) -> Caption:
    return Caption(**asdict(line), face=face)
