"""The messages about portraits: pictures that stand for somebody's own camera while it is off."""

from __future__ import annotations

from typing import Literal

from streamer.messages.base import Message, ParticipantId
from streamer.messages.insights import Base64

# From the page to the server.


class SetPortrait(Message):
    """Draw a face for one's own voice, from what one says next, or put one's own portrait away.

    A portrait of a photo is made by `POST /rooms/{room}/portrait`. Neither names anybody: nobody asks for others.
    """

    type: Literal["portrait"]
    voice: bool


# From the server to the page.


class PortraitState(Message):
    """A made picture that stands for somebody while their camera is off.

    `made` of a photo they took, or of nothing but their voice; `version` grows when it is replaced. What is needed to
    draw it is at `GET /rooms/{room}/portraits/{participant}`.
    """

    made: Literal["photo", "voice"]
    version: int


class Mouth(Message):
    """How somebody's made mouth moves: a row of eleven signed bytes for each 40 ms, the newest last.

    `at` is when the first row's sound is heard, seconds of the mix (RTP time stamp = (sound_base of `slots` +
    round(at * 48000)) mod 2^32); null while nobody can hear it. Ten amounts, 31 to a standard deviation, then how far
    the mouth leaves its rest, of 127. The last rows are guesses, which later messages replace.
    """

    type: Literal["mouth"] = "mouth"
    participant: ParticipantId
    at: float | None
    rows: Base64
