"""The messages of the control WebSocket, both ways; `schema` makes the page's types of them.

Overlays travel on the WebSocket and not on a data channel: aiortc reassembles data-channel fragments in
quadratic time and checks no size, and a WebSocket survives a new peer connection.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from models.voiceprint.state import State as VoiceState
from streamer.messages.base import Estimate, FaceId, Message, Name, ParticipantId, SpeakerId, SpeakerOrRest, VoiceId
from streamer.messages.hosting import ForHost, FromHost, RoomRules
from streamer.messages.insights import Ask, FromInsights, LineId, RequestId, Search, SetAnnouncer, SetSpectrogram
from streamer.messages.portrait import Mouth, PortraitState, SetPortrait
from streamer.messages.recording import RecordCall, RecordingShown, RecordingState
from streamer.messages.service import FromService
from streamer.messages.talk import ForTalk, FromTalk

# From the page to the server.


class Hello(Message):
    """First message: proves who the connection belongs to."""

    type: Literal["hello"]
    token: Annotated[str, Field(min_length=1, max_length=4096)]


class Ping(Message):
    """Heartbeat; `n` comes back in the pong."""

    type: Literal["ping"]
    n: Annotated[int, Field(ge=0, le=2**53)]


class SetFader(Message):
    """Set how loud one speaker, or everything else, of a participant is: linear gain, 1 is unchanged."""

    type: Literal["fader"]
    participant: ParticipantId
    face: SpeakerOrRest
    gain: Annotated[float, Field(ge=0, le=2)]


class SetFocus(Message):
    """Hear only one speaker, only one participant (face null), or everyone (participant null)."""

    type: Literal["focus"]
    participant: ParticipantId | None
    face: SpeakerId | None


class SetMute(Message):
    """Do not hear this participant at all."""

    type: Literal["mute"]
    participant: ParticipantId
    muted: bool


class Rename(Message):
    """Name a participant (face null), or one of their faces, or a voice that belongs to no face."""

    type: Literal["rename"]
    participant: ParticipantId
    face: SpeakerId | None
    name: Name


class SetSpeaker(Message):
    """Say who said a finished line: a speaker of this participant, or what no speaker accounts for (face null)."""

    type: Literal["speaker"]
    participant: ParticipantId
    line: LineId
    face: SpeakerId | None


class TileSize(Message):
    """How wide a participant's picture is shown, in points of the screen; 0: nobody sees it."""

    participant: ParticipantId
    width: Annotated[int, Field(ge=0, le=16_384)]


class SetView(Message):
    """Say how large pictures are shown; those that are not mentioned are shown at any size."""

    type: Literal["view"]
    tiles: Annotated[list[TileSize], Field(max_length=64)]


class SetSuppression(Message):
    """Take the noise out of what this participant sends, for everybody who hears it, or no longer."""

    type: Literal["suppression"]
    on: bool


class Leave(Message):
    """Leave the room for good; no resume."""

    type: Literal["leave"]


ClientMessage = Annotated[
    Hello
    | Ping
    | SetFader
    | SetFocus
    | SetMute
    | Rename
    | SetSpeaker
    | SetView
    | SetSuppression
    | Leave
    | Ask
    | Search
    | SetSpectrogram
    | SetAnnouncer
    | SetPortrait
    | FromTalk
    | FromHost
    | RecordCall
    | RecordingShown,
    Field(discriminator="type"),
]
client_messages: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


# From the server to the page.


class ParticipantState(Message):
    """One participant as the others see it; `faces` maps the number of a face or voice to the name it was given.

    `muted`: the host muted them for everyone, until they unmute themselves. `screen_of`: who shares it, if
    it is a screen. `portrait` stands for them while their camera is off, if they want one.
    """

    id: ParticipantId
    name: str
    publishing: bool
    audio: bool
    video: bool
    connected: bool
    faces: dict[str, str]
    host: bool
    muted: bool
    screen_of: ParticipantId | None
    portrait: PortraitState | None


class RoomState(Message):
    """Who is here; `links` counts how often the host replaced the links, `hands` are raised, the first first."""

    id: str
    participants: list[ParticipantState]
    voices_separated: bool
    rules: RoomRules
    links: int
    hands: list[ParticipantId]


class Gain(Message):
    """One fader that is not at 1."""

    participant: ParticipantId
    face: SpeakerOrRest
    gain: float


class Focus(Message):
    """What is heard alone."""

    participant: ParticipantId
    face: SpeakerId | None


class FaderState(Message):
    """All faders of one listener."""

    gains: list[Gain]
    muted: list[ParticipantId]
    focus: Focus | None


class FaceOverlay(Message):
    """One face in a picture; `box` is x, y, width, height as fractions of the picture.

    `voice` is how it stands with its voice print: nothing "unknown" yet, "listening" to it, "known", or "dropped".
    """

    id: FaceId
    box: tuple[float, float, float, float]
    name: str | None
    speaking: Estimate
    lips_visible: bool
    voice: VoiceState
    voice_confidence: Estimate


class VoiceOverlay(Message):
    """A voice that belongs to no face: of somebody who is not in the picture."""

    id: VoiceId
    name: str | None
    speaking: Estimate
    voice: VoiceState
    voice_confidence: Estimate


class Slot(Message):
    """Whose picture a video m-line carries; RTP time stamp = (rtp_base + round(t * 90000)) mod 2^32."""

    mid: str
    participant: ParticipantId
    rtp_base: int | None


class Welcome(Message):
    """Answer to hello."""

    type: Literal["welcome"] = "welcome"
    participant: ParticipantId
    room: RoomState
    faders: FaderState


class Pong(Message):
    """Answer to ping."""

    type: Literal["pong"] = "pong"
    n: int


class Token(Message):
    """A fresh session token, good for `expires_in` seconds."""

    type: Literal["token"] = "token"
    token: str
    expires_in: float


class RoomChanged(Message):
    """The room's state after a change."""

    type: Literal["room"] = "room"
    room: RoomState


class FadersChanged(FaderState):
    """The listener's faders after a change."""

    type: Literal["faders"] = "faders"


class Faces(Message):
    """Faces of one participant in the picture captured at `t`, Unix seconds of the publisher's clock.

    `voices` are those that belong to no face. While no picture comes they are told without faces, at the sound's time.
    """

    type: Literal["faces"] = "faces"
    participant: ParticipantId
    t: float
    faces: list[FaceOverlay]
    voices: list[VoiceOverlay]


class Slots(Message):
    """Which video m-line carries whom; slots not listed are empty. `sound_base`: see `Mouth`, null without sound."""

    type: Literal["slots"] = "slots"
    slots: list[Slot]
    sound_base: int | None


class Error(Message):
    """A message was refused, or the connection is about to be closed; `request` says which question has no answer."""

    type: Literal["error"] = "error"
    code: str
    reason: str
    request: RequestId | None = None


ServerMessage = Annotated[
    Welcome
    | Pong
    | Token
    | RoomChanged
    | FadersChanged
    | Faces
    | Slots
    | FromService
    | Mouth
    | Error
    | ForHost
    | RecordingState
    | ForTalk
    | FromInsights,
    Field(discriminator="type"),
]
server_messages: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)
