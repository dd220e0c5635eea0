"""A room: who is here, who hears and sees whom, and what each of them is told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import av

from streamer.auth import Denied, Role
from streamer.engine.client import EngineClient
from streamer.engine.types import FaceState
from streamer.limits import Limiter
from streamer.messages import protocol
from streamer.mixing.listen_track import VoiceBlock
from streamer.observer.client import ObserverClient
from streamer.rooms import broadcast
from streamer.rooms.agent import Agent
from streamer.rooms.insights import Chronicle
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.publisher import Publisher
from streamer.rooms.session import Session
from streamer.rooms.watcher import Watcher
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.peer import Peer, PeerCounts
from streamer.settings import Settings

log = logging.getLogger("earshot.room")

CLOSED_FOR_ALL, REMOVED = 1001, 4410

TALKING = 0.5
"""Probability from which a face counts as talking."""


RENAMES_A_SECOND, RENAMES_AT_ONCE = 1.0, 16.0
"""For each participant: everybody is sent the whole room's state with each."""


class Full(Exception):
    """There is no place; the message says for what."""


class Room:
    """Up to eight who publish and some who only watch.

    Args:
        room_id: its id.
        settings: limits and times.
        engine: models that the agents use.
        observer: models that look and listen.
        counts: counters of all peer connections.

    Attributes:
        renames: how often each participant may rename.
    """

    def __init__(
        self, room_id: str, settings: Settings, engine: EngineClient, observer: ObserverClient, counts: PeerCounts
    ) -> None:
        self.id = room_id
        self.participants: dict[str, Participant] = {}
        self.empty_since = time.monotonic()
        self._settings = settings
        self._engine = engine
        self._observer = observer
        self.chronicle = Chronicle(self.participants.values, observer)
        self._counts = counts
        self.renames = Limiter(RENAMES_A_SECOND, RENAMES_AT_ONCE)
        self._guests = 0
        self._closing: set[asyncio.Task[None]] = set()

    # Coming and going.

    def join(self, name: str | None, role: Role, guest_of: str | None = None) -> Participant:
        """Let someone in.

        Args:
            name: as they call themselves; None makes "Guest 1", "Guest 2", ….
            role: publish or watch.
            guest_of: nonce of the invite, for a client that has no more than that.

        Returns:
            The new participant.

        Raises:
            Full: all places of the role are taken.
        """
        taken = sum(participant.role == role for participant in self.participants.values())
        most = self._settings.max_publishers if role == "publish" else self._settings.max_watchers
        if taken >= most:
            raise Full(f"The room is full: {most} {'take part' if role == 'publish' else 'watch'} already.")
        if name is None:
            self._guests += 1
            name = f"Guest {self._guests}"
        participant = Participant(name, role, guest_of)
        self.participants[participant.id] = participant
        self._expect(participant)
        self.tell_room()
        return participant

    def leave(self, participant: Participant) -> None:
        """Remove someone now, with everything that is theirs."""
        if self.participants.pop(participant.id, None) is None:
            return
        participant.stop_waiting()
        for session in (participant.publisher, participant.watcher):
            if session is not None:
                self._close_later(session)
        participant.publisher = participant.watcher = None
        if participant.agent is not None:
            participant.agent.close()
            participant.agent = None
        self.chronicle.forget(participant)
        if participant.outbox is not None:
            participant.outbox.close(REMOVED)
            participant.outbox = None
        for other in self.participants.values():
            other.forget(participant.id)
        if not self.participants:
            self.empty_since = time.monotonic()
        self._rearrange()

    def attach(self, participant: Participant, outbox: Outbox, replaced: int) -> None:
        """Connect and welcome a control socket; the one before is closed with the code `replaced`."""
        if participant.outbox is not None:
            participant.outbox.close(replaced)
        participant.outbox = outbox
        participant.had_control = True
        participant.stop_waiting()
        outbox.put(self.welcome(participant), "welcome")
        self._tell_slots(participant)
        self.tell_room()
        self.chronicle.welcome(participant)

    def detach(self, participant: Participant, outbox: Outbox) -> None:
        """Note that a control socket is gone; the participant is kept for a while."""
        if participant.outbox is outbox:
            participant.outbox = None
            if participant.id in self.participants:
                self._expect(participant)
                self.tell_room()

    def resume(self, participant: Participant) -> None:
        """Give someone who came back the whole grace again to connect."""
        if participant.outbox is None:
            self._expect(participant)

    def _expect(self, participant: Participant) -> None:
        """Remove the participant unless they are heard of within the grace."""
        participant.wait(self._settings.resume_grace, lambda: self._expired(participant))

    def _expired(self, participant: Participant) -> None:
        if participant.outbox is None and (participant.had_control or not participant.sessions):
            self.leave(participant)

    # Media sessions.

    async def publish(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Receive a participant; see `whip.publish`."""

        def on_audio(block: AudioBlock) -> None:
            if participant.publisher is session and participant.agent is not None:
                participant.agent.audio(block)

        def on_video(t: float, frame: av.VideoFrame) -> None:
            if participant.publisher is session and participant.agent is not None:
                participant.agent.video(t, frame)

        peer = self._peer(participant, lambda: self._ended(session))
        session = Publisher(participant, peer, on_audio, on_video)
        answer = await self._open(session, offer)
        displaced, participant.publisher = participant.publisher, session
        if participant.agent is None:
            # It outlives the session: after a reconnect, faces and voices are still known.
            participant.agent = Agent(
                participant.id,
                self._engine,
                self._observer,
                lambda block: self._voice(participant, block),
                lambda t, faces: self._faces(participant, t, faces),
                lambda separated, reason: self._separation(participant, separated, reason),
            )
            self.chronicle.follow(participant)
        # An agent that was there before says only what changes.
        participant.separated = participant.agent.separated
        if displaced is not None:
            self._close_later(displaced)
        self._rearrange()
        return session, answer

    async def watch(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Send to a participant; see `whep.watch`."""
        peer = self._peer(participant, lambda: self._ended(session))
        session = Watcher(participant, peer, lambda: self._tell_slots(participant))
        answer = await self._open(session, offer)
        displaced, participant.watcher = participant.watcher, session
        if displaced is not None:
            self._close_later(displaced)
        self._rearrange()
        return session, answer

    def session(self, session_id: str) -> Session | None:
        """Find a running session."""
        for participant in self.participants.values():
            for session in participant.sessions:
                if session.id == session_id:
                    return session
        return None

    async def end_session(self, session: Session) -> None:
        """End a session at its client's wish and wait until it is closed."""
        self._ended(session)
        participant = session.participant
        if not participant.had_control and not participant.sessions:
            # They never had more than this, and said goodbye: nobody comes back.
            self.leave(participant)
        await session.close()

    async def close(self) -> None:
        """Remove everyone and wait until every connection is closed."""
        for participant in list(self.participants.values()):
            if participant.outbox is not None:
                participant.outbox.close(CLOSED_FOR_ALL)
            self.leave(participant)
        self.chronicle.close()
        if self._closing:
            await asyncio.wait(self._closing)

    def _peer(self, participant: Participant, on_closed: Callable[[], None]) -> Peer:
        if self._counts.open >= self._settings.max_peers:
            self._leave_if_idle_guest(participant)
            raise Full(f"The server has {self._settings.max_peers} connections, and takes no more.")
        return Peer(self._settings, self._counts, on_connected=self._rearrange, on_closed=on_closed)

    async def _open(self, session: Session, offer: str) -> str:
        participant = session.participant
        try:
            answer = await session.open(offer)
        except BaseException:
            self._leave_if_idle_guest(participant)
            raise
        if participant.id not in self.participants:
            await session.close()
            raise Denied(401, "You have left the room: join again.")
        return answer

    def _ended(self, session: Session) -> None:
        """Forget a session whose connection has ended, or is about to."""
        participant = session.participant
        if participant.publisher is session:
            participant.publisher = None
            participant.separated = False
        elif participant.watcher is session:
            participant.watcher = None
        else:
            return
        self._close_later(session)
        self._leave_if_idle_guest(participant)
        if participant.outbox is None and not participant.sessions and participant.id in self.participants:
            self._expect(participant)
        self._rearrange()

    def _leave_if_idle_guest(self, participant: Participant) -> None:
        """A guest has no more than the connection: without it there is nobody to come back."""
        if participant.guest_of is not None and not participant.sessions:
            self.leave(participant)

    def _close_later(self, session: Session) -> None:
        task = asyncio.create_task(session.close(), name=f"close {session.kind} of {session.participant.id}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # Who gets what.

    def _voice(self, participant: Participant, block: VoiceBlock) -> None:
        for other in self.participants.values():
            if other is not participant and other.watcher is not None:
                other.watcher.listen.feed(participant.id, block)

    def _faces(self, participant: Participant, t: float, faces: list[FaceState]) -> None:
        if any(face.speaking > TALKING for face in faces):
            self.chronicle.announcer.somebody_talks()
        message = broadcast.faces_message(participant, t, faces)
        broadcast.tell(self.participants.values(), message, f"faces {participant.id}")

    def _separation(self, participant: Participant, separated: bool, reason: str) -> None:
        participant.separated, participant.reason = separated, reason
        self.tell_room()

    def _rearrange(self) -> None:
        """Give every watcher the pictures there are now, and tell everyone."""
        sources = {
            participant.id: participant.publisher.source
            for participant in self.participants.values()
            if participant.publisher is not None and participant.publisher.has_video and participant.publisher.connected
        }
        for participant in self.participants.values():
            if participant.watcher is not None:
                others = {who: source for who, source in sources.items() if who != participant.id}
                participant.watcher.assign(others)
            self._tell_slots(participant)
        self.tell_room()

    # What they are told.

    def state(self) -> protocol.RoomState:
        """Return who is here."""
        return broadcast.room_state(self.id, self.participants.values(), self._engine.ready)

    def status(self) -> protocol.Status:
        """Return whether every voice is separated now, and if not, why."""
        return broadcast.status(self.participants.values(), self._engine.ready)

    def welcome(self, participant: Participant) -> protocol.Welcome:
        """Return the answer to a hello."""
        faders = participant.fader_state()
        return protocol.Welcome(participant=participant.id, room=self.state(), faders=faders)

    def slots(self, participant: Participant) -> list[protocol.Slot]:
        """Return whose picture each of a participant's video m-lines carries."""
        return participant.watcher.slots() if participant.watcher is not None else []

    def rename(self, participant_id: str, face: int | None, name: str) -> None:
        """Name a participant, or one of their faces.

        Raises:
            KeyError: there is no such participant.
        """
        participant = self.participants[participant_id]
        if face is None:
            participant.name = name
        else:
            participant.name_face(face, name)
        self.tell_room()

    def tell_room(self) -> None:
        """Send everyone the room's state and whether voices are separated."""
        people = self.participants.values()
        if any(participant.outbox is not None for participant in people):
            broadcast.tell(people, protocol.RoomChanged(room=self.state()), "room")
            broadcast.tell(people, self.status(), "status")

    def _tell_slots(self, participant: Participant) -> None:
        broadcast.tell([participant], protocol.Slots(slots=self.slots(participant)), "slots")
