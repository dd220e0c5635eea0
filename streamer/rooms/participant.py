"""A participant: who they are, what they set, and what of theirs is running."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from streamer.auth import Role
from streamer.clock import Deadline
from streamer.messages import protocol
from streamer.messages.service import EchoHeard
from streamer.mixing.echo import EchoWatch
from streamer.mixing.faders import Faders, Strip
from streamer.rooms.agent import Agent
from streamer.rooms.errors import TooMany
from streamer.rooms.outbox import Outbox
from streamer.rooms.own_portrait import OwnPortrait
from streamer.rooms.publisher import Publisher
from streamer.rooms.session import Session
from streamer.rooms.watcher import Watcher

MAX_FACE_NAMES = 64
"""Names of faces and voices that one participant keeps."""


class Participant:
    """Someone in a room. The room starts and ends what is theirs.

    Args:
        name: as the others see it.
        role: publish or watch.
        guest_of: nonce of the invite that a bare WHIP or WHEP client came with; None for those who joined.
        host: whether they are the room's host.
        screen_of: id of whoever shares it, if this is a screen.

    Attributes:
        id: made here, short, not to be guessed from others.
        nonce: ties resume tokens to this stay.
        separated: whether their voices are being separated now.
        reason: if not, why.
        seated: whether they have one of the places of those who take part: they send, or did.
        muted: whether the host muted them for everyone.
        suppressed: whether noise is taken out of what they send.
        echo: compares what they send with what they are sent.
        widths: at which width they show others' pictures, 0 for not at all; those not in it at any.
        hand: when they raised their hand, monotonic seconds; None while it is down.
        portrait: what stands for them while their camera is off; None unless they asked for one.
        sees_from: monotonic seconds from which on they are told what was said and seen.
        had_control: whether a control socket was ever open.
        memory: what was known of their faces and voices in another process, until they are seen and heard here.
    """

    def __init__(
        self,
        name: str,
        role: Role,
        guest_of: str | None = None,
        host: bool = False,
        screen_of: str | None = None,
    ) -> None:
        self.id = "p" + secrets.token_hex(4)
        self.name = name
        self.role = role
        self.guest_of = guest_of
        self.host = host
        self.screen_of = screen_of
        self.nonce = secrets.token_hex(8)
        self.face_names: dict[int, str] = {}
        self.faders = Faders()
        self.publisher: Publisher | None = None
        self.watcher: Watcher | None = None
        self.agent: Agent | None = None
        self.outbox: Outbox | None = None
        self.had_control = False
        self.seated = False
        self.muted = False
        self.suppressed = False
        self.echo = EchoWatch(self._warn_of_echo)
        self.widths: dict[str, int] = {}
        self.hand: float | None = None
        self.portrait: OwnPortrait | None = None
        self.sees_from = float("-inf")
        self.memory: bytes | None = None
        self.separated = False
        self.reason = "listening for the first second"
        self._waiting: Deadline | None = None

    @property
    def sessions(self) -> list[Session]:
        """Their running media sessions."""
        return [session for session in (self.publisher, self.watcher) if session is not None]

    @property
    def connected(self) -> bool:
        """Whether they are heard of: by control socket, or for those who never had one, by media."""
        if self.outbox is not None:
            return True
        return not self.had_control and any(session.connected for session in self.sessions)

    def wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` after some seconds of being awake, unless `stop_waiting` comes first; starts anew if waiting."""
        self.stop_waiting()
        self._waiting = Deadline(seconds, then)

    def stop_waiting(self) -> None:
        """Forget what `wait` wanted."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def close_control(self, code: int) -> None:
        """Close their control socket, if there is one, once it has sent what waits."""
        if self.outbox is not None:
            self.outbox.close(code)
            self.outbox = None

    def rename(self, face: int | None, name: str) -> None:
        """Give themselves, or a face or a voice, a name; of more than 64 faces' the one given first is forgotten."""
        if face is None:
            self.name = name
            return
        self.face_names.pop(face, None)
        self.face_names[face] = name
        if len(self.face_names) > MAX_FACE_NAMES:
            # Faces that have gone for good keep their numbers: nobody else would ever make room.
            del self.face_names[next(iter(self.face_names))]

    def suppress(self, on: bool) -> None:
        """Take the noise out of what they send, or no longer."""
        self.suppressed = on
        if self.agent is not None:
            self.agent.suppress(on)

    def set_gain(self, participant: str, face: Strip, gain: float) -> None:
        """Move one of this listener's faders.

        Raises:
            TooMany: more faders than a listener can keep.
        """
        try:
            self.faders.set_gain(participant, face, gain)
        except ValueError as error:
            raise TooMany(str(error)) from error

    def forget(self, participant: str) -> None:
        """Drop the faders of someone who is gone for good, and say so if there were any."""
        self.widths.pop(participant, None)
        before = self.faders.state()
        self.faders.forget(participant)
        self._tell_faders(before)

    def join_faders(self, participant: str, gone: int, stays: int) -> None:
        """Hear one face of somebody as another was heard that it turned out to be, and say so if that changed any."""
        before = self.faders.state()
        self.faders.join(participant, gone, stays)
        self._tell_faders(before)

    def _tell_faders(self, before: dict[str, object]) -> None:
        if self.outbox is not None and self.faders.state() != before:
            self.outbox.put(self.faders_message(), "faders")

    def _warn_of_echo(self) -> None:
        if self.outbox is not None:
            self.outbox.put(EchoHeard(), "echo")

    def fader_state(self) -> protocol.FaderState:
        """Return all faders as the page is sent them."""
        return protocol.FaderState.model_validate(self.faders.state())

    def faders_message(self) -> protocol.FadersChanged:
        """Return all faders as a message."""
        return protocol.FadersChanged.model_validate(self.faders.state())

    def state(self) -> protocol.ParticipantState:
        """Return what the others are sent."""
        publisher = self.publisher if self.publisher is not None and self.publisher.connected else None
        return protocol.ParticipantState(
            id=self.id,
            name=self.name,
            publishing=publisher is not None,
            audio=publisher is not None and publisher.has_audio,
            video=publisher is not None and publisher.has_video,
            connected=self.connected,
            faces={str(face): name for face, name in self.face_names.items()},
            host=self.host,
            muted=self.muted,
            screen_of=self.screen_of,
            portrait=self.portrait.state() if self.portrait is not None else None,
        )


@dataclass(frozen=True, slots=True)
class NameOf:
    """Gives how a participant is called at the time."""

    participant: Participant

    def __call__(self) -> str:
        """Return it."""
        return self.participant.name
