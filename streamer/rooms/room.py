"""A room: who comes, stays and goes, and what each of them is sent."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from streamer.auth import Role
from streamer.engine.client import EngineClient
from streamer.engine.types import FaceState, SpeakerState
from streamer.limits import RateLimiter
from streamer.messages import protocol
from streamer.mixing.listen_track import VoiceBlock
from streamer.observer.client import ObserverClient
from streamer.rooms import broadcast
from streamer.rooms.agent import Agent
from streamer.rooms.errors import Full
from streamer.rooms.insights import Insights
from streamer.rooms.outbox import Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.routing import route_pictures, route_voice
from streamer.rooms.session import Session
from streamer.rooms.sessions import Sessions
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings

CLOSED_FOR_ALL, REMOVED = 1001, 4410
"""What control sockets are closed with when the room ends, and when their participant is removed."""

TALKING = 0.5
"""Probability from which a speaker counts as talking."""

RENAMES_A_SECOND, RENAMES_AT_ONCE = 1.0, 16.0
"""For each participant, lines given to another speaker counted in: everybody is told of each."""


class Room:
    """Up to eight who publish and some who only watch.

    Args:
        room_id: its id.
        settings: limits and times.
        engine: models that the agents use.
        observer: models that look and listen.
        counts: counters of all peer connections.

    Attributes:
        participants: everyone in the room, by id.
        empty_since: when the last one left, monotonic seconds.
        sessions: their media sessions.
        insights: what is heard, seen and said.
        renames: how often each participant may rename, or say who said a line.
    """

    def __init__(
        self, room_id: str, settings: Settings, engine: EngineClient, observer: ObserverClient, counts: PeerCounts
    ) -> None:
        self.id = room_id
        self.participants: dict[str, Participant] = {}
        self.empty_since = time.monotonic()
        self.sessions = Sessions(
            self.participants, settings, counts, self._rearrange, self._session_ended, self._send_slots
        )
        self.insights = Insights(self.participants.values, observer)
        self.renames = RateLimiter(RENAMES_A_SECOND, RENAMES_AT_ONCE)
        self._settings = settings
        self._engine = engine
        self._observer = observer
        self._guests = 0

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
        present = sum(participant.role == role for participant in self.participants.values())
        most = self._settings.max_publishers if role == "publish" else self._settings.max_watchers
        if present >= most:
            raise Full(f"The room is full: {most} {'take part' if role == 'publish' else 'watch'} already.")
        if name is None:
            self._guests += 1
            name = f"Guest {self._guests}"
        participant = Participant(name, role, guest_of)
        self.participants[participant.id] = participant
        self._expect(participant)
        self.send_state()
        return participant

    def leave(self, participant: Participant) -> None:
        """Remove someone now, with everything that is theirs."""
        if self.participants.pop(participant.id, None) is None:
            return
        participant.stop_waiting()
        self.sessions.remove(participant)
        if participant.agent is not None:
            participant.agent.close()
            participant.agent = None
        self.insights.forget(participant)
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
        self._send_slots(participant)
        self.send_state()
        self.insights.welcome(participant)

    def detach(self, participant: Participant, outbox: Outbox, silent: float = 0.0) -> None:
        """Note that a control socket is gone; the participant is kept for a while.

        Args:
            participant: whose it was.
            outbox: of the socket.
            silent: seconds for which nothing had come by it: who has no media either was gone that long ago.
        """
        if participant.outbox is outbox:
            participant.outbox = None
            if participant.id in self.participants:
                self._expect(participant, 0.0 if participant.sessions else silent)
                self.send_state()

    def resume(self, participant: Participant) -> None:
        """Give someone who came back the whole grace again to connect."""
        if participant.outbox is None:
            self._expect(participant)

    def rename(self, participant_id: str, face: int | None, name: str) -> None:
        """Name a participant, or one of their faces, or a voice that belongs to no face.

        Raises:
            KeyError: there is no such participant.
        """
        participant = self.participants[participant_id]
        if face is None:
            participant.name = name
        else:
            participant.name_face(face, name)
        self.send_state()

    async def close(self) -> None:
        """Remove everyone and wait until every connection is closed."""
        for participant in list(self.participants.values()):
            if participant.outbox is not None:
                participant.outbox.close(CLOSED_FOR_ALL)
            self.leave(participant)
        self.insights.close()
        await self.sessions.wait_closed()

    def _expect(self, participant: Participant, since: float = 0.0) -> None:
        """Remove the participant unless they are heard of within the grace, which began some seconds ago."""
        participant.wait(max(self._settings.resume_grace - since, 0.0), lambda: self._expired(participant))

    def _expired(self, participant: Participant) -> None:
        if participant.outbox is None and (participant.had_control or not participant.sessions):
            self.leave(participant)

    def _leave_if_idle_guest(self, participant: Participant) -> None:
        """Remove a guest without a connection: they have no more than that, and nobody comes back."""
        if participant.guest_of is not None and not participant.sessions:
            self.leave(participant)

    # Media.

    async def publish(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Begin to receive a participant; see `Sessions.publish`."""
        session, answer = await self._opened(participant, self.sessions.publish(participant, offer))
        if participant.agent is None:
            # It outlives the session: after a reconnect, faces and voices are still known.
            participant.agent = Agent(
                participant.id,
                self._engine,
                self._observer,
                lambda block: self._voice(participant, block),
                lambda t, faces, others: self._faces(participant, t, faces, others),
                lambda separated, reason: self._separation(participant, separated, reason),
            )
            self.insights.follow(participant)
        # An agent that was there before says only what changes.
        participant.separated = participant.agent.separated
        self._rearrange()
        return session, answer

    async def watch(self, participant: Participant, offer: str) -> tuple[Session, str]:
        """Begin to send a participant the others; see `Sessions.watch`."""
        opened = await self._opened(participant, self.sessions.watch(participant, offer))
        self._rearrange()
        return opened

    async def end_session(self, participant: Participant, session: Session) -> None:
        """End a session at its client's wish and wait until it is closed."""
        self.sessions.end(session)
        if not participant.had_control and not participant.sessions:
            # They never had more than this, and said goodbye: nobody comes back.
            self.leave(participant)
        await session.close()

    async def _opened(self, participant: Participant, opening: Awaitable[tuple[Session, str]]) -> tuple[Session, str]:
        try:
            return await opening
        except BaseException:
            self._leave_if_idle_guest(participant)
            raise

    def _session_ended(self, participant: Participant, session: Session) -> None:
        self._leave_if_idle_guest(participant)
        if participant.outbox is None and not participant.sessions and participant.id in self.participants:
            if session.peer.vanished:
                # Neither media nor control socket: they have had their time to come back.
                self.leave(participant)
            else:
                self._expect(participant)
        self._rearrange()

    def _voice(self, participant: Participant, block: VoiceBlock) -> None:
        route_voice(self.participants, participant, block)

    def _faces(self, participant: Participant, t: float, faces: list[FaceState], others: list[SpeakerState]) -> None:
        if any(face.speaking > TALKING for face in faces) or any(other.speaking > TALKING for other in others):
            self.insights.announcer.somebody_talks()
        message = broadcast.faces_message(participant, t, faces, others)
        broadcast.send(self.participants.values(), message, f"faces {participant.id}")

    def _separation(self, participant: Participant, separated: bool, reason: str) -> None:
        participant.separated, participant.reason = separated, reason
        self.send_state()

    def _rearrange(self) -> None:
        """Give every watcher the pictures there are now, and say so to everyone."""
        route_pictures(self.participants)
        for participant in self.participants.values():
            self._send_slots(participant)
        self.send_state()

    # What they are sent.

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

    def send_state(self) -> None:
        """Send everyone the room's state and whether voices are separated."""
        people = self.participants.values()
        if any(participant.outbox is not None for participant in people):
            broadcast.send(people, protocol.RoomChanged(room=self.state()), "room")
            broadcast.send(people, self.status(), "status")

    def _send_slots(self, participant: Participant) -> None:
        """Say whose picture each of a participant's video m-lines carries."""
        slots = participant.watcher.slots() if participant.watcher is not None else []
        broadcast.send([participant], protocol.Slots(slots=slots), "slots")
