"""What the host of a room does: lets in, removes, mutes, replaces the links, settles the rules, ends the call."""

from __future__ import annotations

import logging

from streamer.messages import hosting, protocol
from streamer.rooms import broadcast
from streamer.rooms.admission import ENDED_BY_HOST, NOT_LET_IN, REMOVED_BY_HOST
from streamer.rooms.errors import Forbidden
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rtc.endings import REMOVED

BY_HOST = 4403
"""What the control socket of somebody is closed with whom the host removed, or did not let in."""


class Host:
    """One host's authority over a room; whether somebody is the host is checked with every act.

    Args:
        room: where.
        me: who acts.
    """

    def __init__(self, room: Room, me: Participant) -> None:
        self._room, self._me = room, me

    def set_rules(self, rules: hosting.RoomRules) -> None:
        """Lock or unlock the room, have newcomers wait or not, and settle what they see of the past.

        Raises:
            Forbidden: not the host.
        """
        self._check()
        mine = self._room.rules
        mine.locked, mine.waiting_room, mine.past = rules.locked, rules.waiting_room, rules.past
        self._room.notices.send_state()

    def remove(self, participant_id: str) -> None:
        """End somebody's stay now; what they hold does not let them back.

        Raises:
            Forbidden: not the host, or they are a host.
            KeyError: there is nobody of that id.
        """
        self._check()
        participant = self._room.participants[participant_id]
        if participant.host:
            raise Forbidden("A host cannot be removed.")
        self._end(participant, REMOVED_BY_HOST)

    def mute(self, participant_id: str, muted: bool) -> None:
        """Mute somebody for everyone. They unmute themselves; the host does it for screens and those who have no page.

        Raises:
            Forbidden: not the host; or somebody else's microphone would be opened.
            KeyError: there is nobody of that id.
        """
        participant = self._room.participants[participant_id]
        if participant is not self._me:
            self._check()
            if not muted and participant.guest_of is None and participant.screen_of is None:
                raise Forbidden("Only they themselves can unmute a participant.")
        participant.muted = muted
        self._room.notices.send_state()

    def admit(self, participant_id: str, admitted: bool) -> None:
        """Let somebody in who waits, or not.

        Raises:
            Forbidden: not the host.
            KeyError: nobody of that id waits.
            Full: all places are taken.
        """
        self._check()
        participant = self._room.admission.waiting[participant_id]
        if admitted:
            self._room.admit(participant)
        else:
            self._end(participant, NOT_LET_IN)

    def replace_links(self) -> None:
        """Make all links worth nothing but the hosts' own; who is in stays.

        Raises:
            Forbidden: not the host.
        """
        self._check()
        self._room.rules.links += 1
        self._room.notices.send_state()

    def record(self, on: bool) -> None:
        """Record the call, once everybody has been told, or no longer.

        Raises:
            Forbidden: not the host, or this server does not record.
        """
        self._check()
        if on:
            self._room.recording.start()
        else:
            self._room.recording.stop()

    def end_call(self) -> None:
        """End everybody's stay, one's own too; with the links as they were, nobody begins the call anew.

        Raises:
            Forbidden: not the host.
        """
        self._check()
        self._room.rules.links += 1
        everyone = [*self._room.admission.waiting.values(), *self._room.participants.values()]
        for participant in everyone:
            self._end(participant, ENDED_BY_HOST)

    def _check(self) -> None:
        if not self._me.host:
            raise Forbidden("Only the host can do that.")

    def _end(self, participant: Participant, reason: str) -> None:
        self._room.admission.end(participant, reason)
        for session in participant.sessions:
            session.peer.begin_close(REMOVED, logging.INFO)
        broadcast.send([participant], protocol.Error(code="removed", reason=reason), "error removed")
        participant.close_control(BY_HOST)
        self._room.leave(participant)
