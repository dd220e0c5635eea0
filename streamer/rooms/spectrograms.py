"""Who looks at whose spectrogram: nothing is computed that nobody looks at, and columns go only to who does."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamer.messages.insights import SpectrogramColumns
from streamer.observer.client import ObserverClient
from streamer.observer.types import Columns
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant


class Spectrograms:
    """Each participant looks at one spectrogram at most.

    Args:
        people: gives everyone in the room.
        observer: computes them.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]], observer: ObserverClient) -> None:
        self._people, self._observer = people, observer
        self._shown: dict[str, tuple[str, int | None]] = {}
        """What each one looks at: a participant, and a face or (None) the mixture."""

    def show(self, viewer: Participant, participant: str | None, face: int | None) -> None:
        """Show someone the spectrogram of a participant's mixture (face None) or of a voice; participant None: none."""
        before = self._shown.pop(viewer.id, None)
        if participant is not None:
            self._shown[viewer.id] = (participant, face)
        for shown in {participant, before[0] if before else None}:
            if shown is not None:
                self.request(shown)

    def request(self, participant: str) -> None:
        """Have the observer compute what is looked at of a participant, and no more."""
        faces = {face for who, face in self._shown.values() if who == participant}
        self._observer.show_spectrograms(participant, faces)

    def send(self, participant: Participant, columns: Columns) -> None:
        """Send columns to those who look at them."""
        wanted = (participant.id, columns.face)
        viewers = [person for person in self._people() if self._shown.get(person.id) == wanted]
        if viewers:
            topic = f"spectrogram {participant.id} {columns.face} {columns.t:.2f}"
            broadcast.send(viewers, SpectrogramColumns.of(columns, participant=participant.id), topic, passing=True)
