"""A room: who comes, stays and goes, and what each of them is sent."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping

from streamer.auth import Role
from streamer.engine.client import EngineClient
from streamer.messages import hosting
from streamer.messages.service import Notice
from streamer.mixing.desk import Desk
from streamer.observer.client import ObserverClient
from streamer.portraits.client import PortraitClient
from streamer.rooms import screens
from streamer.rooms.admission import Admission
from streamer.rooms.agents import Agents
from streamer.rooms.errors import TooMany
from streamer.rooms.gestures import Gestures
from streamer.rooms.insights import Insights
from streamer.rooms.notices import Notices
from streamer.rooms.outbox import Outbox
from streamer.rooms.paces import Paces
from streamer.rooms.participant import Participant
from streamer.rooms.places import Places
from streamer.rooms.portraits import Portraits
from streamer.rooms.recording import Recording
from streamer.rooms.routing import route_pictures
from streamer.rooms.rules import Rules
from streamer.rooms.session import Session
from streamer.rooms.sessions import Sessions
from streamer.rooms.shelf import Shelf
from streamer.rtc.peer import PeerCounts
from streamer.settings import Settings

CLOSED_FOR_ALL, REMOVED = 1001, 4410
"""What control sockets are closed with when the room ends, and when their participant is removed."""


class Room:
    """Up to eight who publish and some who only watch.

    Args:
        room_id: its id.
        settings: limits and times.
        engine: models that the agents use.
        observer: models that look and listen.
        counts: counters of all peer connections.
        rules: of a room that was forgotten meanwhile; None makes those of a new room.
        standing: what everyone who comes is told of the server, by topic; None for nothing.
        shelf: where recordings of calls go; None for one of its own, which the settings name.
        portraits: models that make portraits and move them.

    Attributes:
        participants: everyone in the room, by id.
        rules: what its host settled.
        admission: the door; those who wait at it are not in the room.
        notices: what everybody is told of the room.
        empty_since: when the last one left, monotonic seconds.
        desk: what mixes their sound for those who watch.
        sessions: their media sessions.
        insights: what is heard, seen, said and written.
        gestures: reactions and raised hands.
        portraits: of those who want one.
        paces: how often each participant may do what costs everybody something.
        recording: of the call.
        guests: how many were given a name here.
    """

    def __init__(
        self,
        room_id: str,
        settings: Settings,
        engine: EngineClient,
        observer: ObserverClient,
        counts: PeerCounts,
        rules: Rules | None = None,
        standing: Mapping[str, Notice] | None = None,
        shelf: Shelf | None = None,
        portraits: PortraitClient | None = None,
    ) -> None:
        self.id = room_id
        self.participants: dict[str, Participant] = {}
        self.rules = rules if rules is not None else Rules.of(settings)
        self.admission = Admission(self.rules, settings)
        waiting, told = self.admission.waiting, standing if standing is not None else {}
        self.notices = Notices(room_id, self.participants, waiting, self.rules, engine, told)
        self._places = Places(self.participants, settings, self.leave)
        self.empty_since = time.monotonic()
        self.desk = Desk()
        people, send_slots = self.participants, self.notices.send_slots
        self.sessions = Sessions(people, self.desk, settings, counts, self._rearrange, self._session_ended, send_slots)
        self.recording = Recording(room_id, people, shelf or Shelf(settings), self.notices.state)
        self.insights = Insights(self.recording.audience, observer)
        self.gestures = Gestures()
        self.paces = Paces()
        self._settings = settings
        maker, requests = portraits or PortraitClient(), self.insights.requests
        self.portraits = Portraits(people.values, maker, self.desk, self.notices, requests)
        self._agents = Agents(engine, observer, self.desk, self.insights, self.notices, self.portraits, settings.engine)
        self.guests = 0

    # Coming and going.

    @property
    def empty(self) -> bool:
        """Whether nobody is here, nor waits."""
        return not self.participants and not self.admission.waiting

    def join(
        self,
        name: str | None,
        role: Role,
        guest_of: str | None = None,
        host: bool = False,
        returning: str | None = None,
    ) -> Participant:
        """Let someone in, or have them wait for the host.

        Args:
            name: as they call themselves; None makes "Guest 1", "Guest 2", ….
            role: publish or watch.
            guest_of: nonce of the invite, for a client that has no more than that.
            host: whether they are the room's host.
            returning: nonce of their stay before, for somebody who was let in and never left.

        Returns:
            The new participant.

        Raises:
            Full: all places of the role are taken, or too many wait.
            Denied: 403, the host has locked the room.
        """
        if name is None:
            self.guests += 1
            name = f"Guest {self.guests}"
        participant = Participant(name, role, guest_of, host)
        if self.admission.check(participant, returning):
            self.admission.waiting[participant.id] = participant
            self._expect(participant)
            return participant
        self._places.make(role)
        self._enter(participant, returning)
        return participant

    def admit(self, participant: Participant) -> None:
        """Let in somebody who waits.

        Raises:
            Full: all places are taken; they go on waiting.
        """
        self._places.make(participant.role)
        # Nothing is told them of the room before they are welcomed to it.
        outbox, participant.outbox = participant.outbox, None
        self._enter(participant)
        if outbox is not None:
            self.attach(participant, outbox, REMOVED)
        self.notices.send_waiting()

    def _enter(self, participant: Participant, returning: str | None = None) -> None:
        self.admission.let_in(participant, returning)
        self.participants[participant.id] = participant
        self._expect(participant)
        self.notices.send_state()

    def find(self, participant_id: str) -> Participant | None:
        """Return somebody who is here, or waits."""
        return self.participants.get(participant_id) or self.admission.waiting.get(participant_id)

    def leave(self, participant: Participant) -> None:
        """Remove someone now, with everything that is theirs."""
        if self.admission.waiting.pop(participant.id, None) is not None:
            participant.stop_waiting()
            participant.close_control(REMOVED)
            self.notices.send_waiting()
            return
        if self.participants.pop(participant.id, None) is None:
            return
        if (screen := screens.find(self.participants.values(), participant)) is not None:
            self.leave(screen)
        participant.stop_waiting()
        self.sessions.remove(participant)
        self._agents.end(participant)
        participant.close_control(REMOVED)
        self.desk.remove(participant.id)
        for other in self.participants.values():
            other.forget(participant.id)
        self.recording.left()
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
        if participant.id in self.admission.waiting:
            outbox.put(hosting.Waiting(), "welcome")
            self.notices.send_waiting()
            return
        outbox.put(self.notices.welcome(participant), "welcome")
        self.notices.send_slots(participant)
        self.notices.send_state()
        self.notices.send_standing(participant)
        self.recording.welcome(participant)
        self.insights.welcome(participant)
        if participant.host:
            self.notices.send_waiting()

    def detach(self, participant: Participant, outbox: Outbox, silent: float = 0.0) -> None:
        """Note that a control socket is gone; the participant is kept for a while.

        Args:
            participant: whose it was.
            outbox: of the socket.
            silent: seconds for which nothing had come by it: who has no media either was gone that long ago.
        """
        if participant.outbox is outbox:
            participant.outbox = None
            if self.find(participant.id) is not None:
                self._expect(participant, 0.0 if participant.sessions else silent)
                self.notices.send_state()
                self.notices.send_waiting()

    def resume(self, participant: Participant) -> None:
        """Give someone who came back the whole grace again to connect."""
        if participant.outbox is None:
            self._expect(participant)

    def expect_everybody(self) -> None:
        """Give everyone the grace, as after a cut: they were here in another process."""
        for participant in [*self.participants.values(), *self.admission.waiting.values()]:
            self._expect(participant)

    def rename(self, participant_id: str, face: int | None, name: str) -> None:
        """Name a participant, or one of their faces, or a voice that belongs to no face.

        Raises:
            KeyError: there is no such participant.
        """
        participant = self.participants[participant_id]
        participant.rename(face, name)
        screen = screens.find(self.participants.values(), participant)
        if face is None and screen is not None:
            screen.name = screens.name(participant)
        self.notices.send_state()

    async def close(self) -> None:
        """Remove everyone and wait until every connection is closed."""
        for participant in [*self.participants.values(), *self.admission.waiting.values()]:
            if participant.outbox is not None:
                participant.outbox.close(CLOSED_FOR_ALL)
            self.leave(participant)
        self.insights.close()
        await self.recording.close()
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
        seated = participant.seated
        self._places.seat(participant)
        try:
            session, answer = await self._opened(participant, self.sessions.publish(participant, offer))
        except BaseException:
            participant.seated = seated
            raise
        self._agents.begin(participant)
        self.recording.follow(participant)
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
        participant.seated = participant.publisher is not None
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
        if participant.screen_of is not None:
            self.leave(participant)
        if session.kind == "whip" and not session.peer.was_connected:
            # An offer alone keeps nobody else out.
            participant.seated = False
        if participant.outbox is None and not participant.sessions and participant.id in self.participants:
            if session.peer.vanished:
                # Neither media nor control socket: they have had their time to come back.
                self.leave(participant)
            else:
                self._expect(participant)
        self._rearrange()

    def set_view(self, participant: Participant, widths: Mapping[str, int]) -> None:
        """Send a participant only the pictures they show, and tell those who send them how large that is.

        Args:
            participant: who watches.
            widths: of each picture, points of the screen; 0: not shown, not in it: shown at any.

        Raises:
            TooMany: too many changes at once.
        """
        if wait := self.paces.views.take(participant.id):
            raise TooMany(f"Too many changes of what is shown: wait {wait} s.")
        participant.widths = {who: width for who, width in widths.items() if who in self.participants}
        route_pictures(self.participants)
        self.notices.send_slots(participant)

    def _rearrange(self) -> None:
        """Give every watcher the pictures there are now, and say so to everyone."""
        route_pictures(self.participants)
        for participant in self.participants.values():
            self.notices.send_slots(participant)
        self.notices.send_state()
