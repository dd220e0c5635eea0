"""What the engine says about one participant: plain data, the same in-process and over the wire."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from models.active_speaker.alone import Stretch
from models.common.arrays import F32
from models.voiceprint.state import State

VoiceState = State

BLOCK = 320
"""Samples in a block: 20 ms at 16 kHz."""


@dataclass(frozen=True, slots=True)
class FaceState:
    """One face as it stands now.

    Attributes:
        id: Stable number of the face within its participant, from 1.
        box: x, y, width, height as fractions of the picture, each 0..1.
        score: How sure the detector is, 0..1.
        lips_visible: Whether the mouth can be read.
        speaking: Probability that this face is talking, 0..1.
        voice: How it stands with its voice print.
        voice_confidence: How sure that print is, 0..1; 0 while none is in use.
        lip_lead: Seconds by which the lips lead the sound, or None while unknown.
    """

    id: int
    box: tuple[float, float, float, float]
    score: float
    lips_visible: bool
    speaking: float
    voice: VoiceState
    voice_confidence: float
    lip_lead: float | None

    @property
    def voice_known(self) -> bool:
        """Whether a voice print is in use."""
        return self.voice == "known"

    def with_voice_of(self, heard: FaceState) -> FaceState:
        """Return this face as it was seen, with what `heard` knows of its voice."""
        return replace(
            self,
            speaking=heard.speaking,
            voice=heard.voice,
            voice_confidence=heard.voice_confidence,
            lip_lead=heard.lip_lead,
        )


def speaker_name(id: int) -> str:
    """Return how a speaker is called who has no name: "Face 2", or "Voice 1" for number -1."""
    return f"Face {id}" if id > 0 else f"Voice {-id}"


@dataclass(frozen=True, slots=True)
class SpeakerState:
    """One speaker as it stands now, whether or not there is a face to it.

    Attributes:
        id: Number of the face, or below 0 for a voice that belongs to no face.
        speaking: Probability that it is talking, 0..1.
        voice: How it stands with its voice print.
        voice_confidence: How sure that print is, 0..1; 0 while none is in use.
    """

    id: int
    speaking: float
    voice: VoiceState
    voice_confidence: float


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices in one block of a participant's sound; they and `rest` add up to the mixture.

    Attributes:
        t: Time of the first sample, seconds on the publisher's clock.
        ids: Speaker of each row of `pcm`: a face, or below 0 a voice that belongs to no face.
        pcm: Separated voices, shape (faces, 320), float32 in [-1, 1], 16 kHz.
        rest: Mixture minus all voices, shape (320,).
        faces: Every face with its current speaking and voice state.
        others: Every voice that belongs to no face.
        alone: Who spoke alone in the stretches up to now, as far as is known by now.
        clean: The mixture without its noise, shape (320,), `noise.DELAY` samples behind what was given (voices are less
            so); None where nobody wants it.
    """

    t: float
    ids: list[int]
    pcm: F32
    rest: F32
    faces: list[FaceState]
    others: list[SpeakerState] = field(default_factory=list)
    alone: tuple[Stretch, ...] = ()
    clean: F32 | None = None
