"""How many may be in a room, each kind counted apart: who sends, who watches, and who has come and sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from streamer.auth import Role
from streamer.rooms.errors import Full, SeatsTaken
from streamer.rooms.participant import Participant
from streamer.settings import Settings


class Places:
    """The places of one room.

    A seat, of which there are eight, is taken by who sends sound or picture, not by who only joined: joins cost
    nothing, and eight of them would shut everybody else out.

    Args:
        participants: everyone in the room.
        settings: how many of each kind.
        leave: removes someone.
    """

    def __init__(
        self, participants: Mapping[str, Participant], settings: Settings, leave: Callable[[Participant], None]
    ) -> None:
        self._participants, self._settings, self._leave = participants, settings, leave

    def make(self, role: Role) -> None:
        """Make sure that one more can come in; of those who have no media at all the one who came first makes room.

        Args:
            role: what they may do.

        Raises:
            Full: there is no place.
        """
        people = self._participants.values()
        if role == "watch":
            if sum(person.role == "watch" for person in people) >= self._settings.max_watchers:
                raise Full(f"The room is full: {self._settings.max_watchers} watch already.")
            return
        if self._seated() >= self._settings.max_publishers:
            raise Full(self._taken())
        idle = [
            person for person in people if person.role == "publish" and not person.seated and person.screen_of is None
        ]
        if len(idle) >= self._settings.max_idle:
            empty = next((person for person in idle if not person.sessions), None)
            if empty is None:
                raise Full(f"The room is full: {len(idle)} are here and send nothing.")
            self._leave(empty)

    def seat(self, participant: Participant) -> None:
        """Give a seat to someone who is about to send, if they have none; they keep it until they leave.

        A screen takes none: of those there is one in a room.

        Raises:
            SeatsTaken: all are taken.
        """
        if participant.screen_of is not None:
            return
        if not participant.seated and self._seated() >= self._settings.max_publishers:
            raise SeatsTaken(self._taken())
        participant.seated = True

    def _seated(self) -> int:
        return sum(person.seated for person in self._participants.values())

    def _taken(self) -> str:
        return f"The room is full: {self._settings.max_publishers} take part already."
