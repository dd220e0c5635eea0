"""What the people in a room are told of it: who is here, whose picture is where, who waits."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.engine.client import EngineClient
from streamer.messages import hosting, protocol
from streamer.messages.base import Message
from streamer.messages.service import Notice, Status
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant
from streamer.rooms.rules import Rules


class Notices:
    """Writes and sends the states of one room.

    Args:
        room_id: the room's id.
        participants: everyone in it, by id.
        waiting: those whom the host has not let in yet.
        rules: what the host settled.
        engine: models that separate voices.
        standing: what everyone who comes is told of the server, by topic.
    """

    def __init__(
        self,
        room_id: str,
        participants: Mapping[str, Participant],
        waiting: Mapping[str, Participant],
        rules: Rules,
        engine: EngineClient,
        standing: Mapping[str, Notice],
    ) -> None:
        self._room_id = room_id
        self._standing = standing
        self._participants, self._waiting = participants, waiting
        self._rules, self._engine = rules, engine

    def state(self) -> protocol.RoomState:
        """Return who is here."""
        return broadcast.room_state(self._room_id, self._participants.values(), self._engine.ready, self._rules)

    def status(self) -> Status:
        """Return whether every voice is separated now, and if not, why."""
        return broadcast.status(self._participants.values(), self._engine.ready)

    def welcome(self, participant: Participant) -> protocol.Welcome:
        """Return the answer to a hello."""
        faders = participant.fader_state()
        return protocol.Welcome(participant=participant.id, room=self.state(), faders=faders)

    def send_state(self) -> None:
        """Send everyone the room's state and whether voices are separated."""
        people = self._participants.values()
        if any(participant.outbox is not None for participant in people):
            broadcast.send(people, protocol.RoomChanged(room=self.state()), "room")
            broadcast.send(people, self.status(), "status")

    def send_standing(self, participant: Participant) -> None:
        """Say to someone who comes what became of the server before."""
        for topic, notice in self._standing.items():
            broadcast.send([participant], notice, topic)

    def send_slots(self, participant: Participant) -> None:
        """Say whose picture each of a participant's video m-lines carries."""
        watcher = participant.watcher
        slots, base = (watcher.slots(), watcher.sound_base) if watcher is not None else ([], None)
        broadcast.send([participant], protocol.Slots(slots=slots, sound_base=base), "slots")

    def send_waiting(self) -> None:
        """Say to hosts who waits."""
        waiting = [hosting.Newcomer(id=p.id, name=p.name) for p in self._waiting.values() if p.outbox is not None]
        self.tell_hosts(hosting.WaitingList(waiting=waiting), "waiting_list")

    def tell_hosts(self, message: Message, topic: str) -> None:
        """Send a message to the hosts alone."""
        broadcast.send([person for person in self._participants.values() if person.host], message, topic)
