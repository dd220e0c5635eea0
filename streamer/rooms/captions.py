"""What was said in a room: captions sent to everyone, and kept for the transcript and for who comes later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from streamer.clock import now
from streamer.messages.insights import CaptionLine
from streamer.observer.types import Caption, Sounds
from streamer.rooms import broadcast
from streamer.rooms.participant import NameOf, Participant
from streamer.transcripts.sound_lines import LASTS, SoundLines
from streamer.transcripts.transcript import MOST, Transcript

REPEATED = 30
"""Latest lines that someone who joins is sent."""


@dataclass(slots=True)
class SaidLine:
    """A finished line, whose speaker may be put right; called, it gives the name of who said it.

    Attributes:
        participant: In whose sound.
        line: As it is sent.
        at: When it was finished, monotonic seconds.
    """

    participant: Participant
    line: CaptionLine
    at: float

    def __call__(self) -> str:
        """Return how who said it is called now."""
        return speaker_name(self.participant, self.line.face)


class Captions:
    """The captions of all participants; what was said stays when who said it leaves.

    Args:
        people: gives everyone in the room.

    Attributes:
        transcript: every finished line, and sounds where they begin.
    """

    def __init__(self, people: Callable[[], Iterable[Participant]]) -> None:
        self.transcript = Transcript(begin=now())
        self._people = people
        self._said: dict[tuple[str, int], SaidLine] = {}
        """Finished lines by participant and line, as many as the transcript keeps, the oldest first."""
        self._latest: dict[tuple[str, int], SaidLine] = {}
        """Those that are new or were given to another speaker last."""
        self._sounds: dict[str, SoundLines] = {}

    def follow(self, participant: Participant) -> None:
        """Begin to listen to a participant's sounds."""
        self._sounds[participant.id] = SoundLines()

    def forget(self, participant: Participant) -> None:
        """Listen to their sounds no more."""
        self._sounds.pop(participant.id, None)

    def welcome(self, participant: Participant) -> None:
        """Send someone who comes the latest lines, of those that are for them."""
        for said in self._latest.values():
            _send(_those_who_see([participant], said), said.line)

    def add(self, participant: Participant, caption: Caption) -> SaidLine | None:
        """Send a caption to everyone, and keep it if its words will not change any more.

        Returns:
            The line, if it is final and has words.
        """
        line = CaptionLine.of(caption, participant=participant.id)
        _send(self._people(), line)
        if not line.final or not line.text:
            return None
        said = SaidLine(participant, line, time.monotonic())
        self._said[participant.id, line.id] = said
        if len(self._said) > MOST:
            del self._said[next(iter(self._said))]
        self._repeat(said)
        self.transcript.add(said, line.start, line.end, line.text, added=said.at)
        return said

    def set_speaker(self, participant: str, line: int, face: int | None, by: Participant | None = None) -> None:
        """Give a finished line to another speaker of its participant, tell everyone, and learn from it.

        Its words stay.

        Args:
            participant: in whose sound it was said.
            line: its number.
            face: the speaker.
            by: who says so; they have to see the line themselves.

        Raises:
            KeyError: there is no such line, or none any more.
        """
        said = self._said[participant, line]
        if by is not None and by.sees_from > said.at:
            raise KeyError(line)
        if said.line.face != face:
            said.line = said.line.model_copy(update={"face": face})
            self._repeat(said)
            _send(_those_who_see(self._people(), said), said.line)
            if said.participant.agent is not None:
                said.participant.agent.told(said.line.start, said.line.end, face)

    def join(self, participant: Participant, gone: int, stays: int) -> None:
        """Put all lines of one speaker of a participant under another, who turned out to be the same person."""
        for said in self._said.values():
            if said.participant is participant and said.line.face == gone:
                said.line = said.line.model_copy(update={"face": stays})
                _send(_those_who_see(self._people(), said), said.line)

    def lines(self, since: float = float("-inf")) -> list[SaidLine]:
        """Return the lines that were finished since then, monotonic seconds, and under whose name they are now."""
        return [said for said in self._said.values() if said.at >= since]

    def _repeat(self, said: SaidLine) -> None:
        key = (said.line.participant, said.line.id)
        self._latest.pop(key, None)
        self._latest[key] = said
        if len(self._latest) > REPEATED:
            del self._latest[next(iter(self._latest))]

    @property
    def latest(self) -> list[SaidLine]:
        """Those lines that someone who joins is sent, the one that is new or was changed last at the end."""
        return list(self._latest.values())

    def recall(self, said: Iterable[SaidLine], latest: Iterable[SaidLine]) -> None:
        """Have the lines of before, but for the transcript; call it before the first is added."""
        self._said = {(one.line.participant, one.line.id): one for one in said}
        for one in latest:
            self._repeat(one)

    def next_line(self, participant: Participant) -> int:
        """Return a number from which on no finished line of a participant has one."""
        return 1 + max((id for who, id in self._said if who == participant.id), default=-1)

    def add_sounds(self, participant: Participant, sounds: Sounds) -> None:
        """Note sounds that begin in the transcript."""
        if (line := self._sounds[participant.id].step(sounds.t, sounds.tags)) is not None:
            self.transcript.add(NameOf(participant), sounds.t, sounds.t + LASTS, line, sound=True)


def speaker_name(participant: Participant, face: int | None) -> str:
    """Return how a speaker is called now: by the name of the face or voice, or by the participant's."""
    if face is None:
        return participant.name
    kind = "face" if face >= 0 else "voice"
    return participant.face_names.get(face, f"{participant.name}, {kind} {abs(face)}")


def _those_who_see(people: Iterable[Participant], said: SaidLine) -> Iterable[Participant]:
    """Leave out those who came later, and are not shown what was said before."""
    return (person for person in people if person.sees_from <= said.at)


def _send(people: Iterable[Participant], line: CaptionLine) -> None:
    broadcast.send(people, line, f"caption {line.participant} {line.id}", passing=True, final=line.final)
