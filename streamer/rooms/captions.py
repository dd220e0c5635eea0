"""What was said in a room: captions sent to everyone, and kept for the transcript and for who comes later."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from streamer.messages.insights import CaptionLine
from streamer.observer.types import Caption, Sounds
from streamer.rooms import broadcast
from streamer.rooms.participant import Participant
from streamer.rtc.timeline import now
from streamer.transcripts.sound_lines import LASTS, SoundLines
from streamer.transcripts.transcript import Transcript

REPEATED = 30
"""Latest lines that someone who joins is sent."""


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
        self._latest: dict[str, CaptionLine] = {}
        self._sounds: dict[str, SoundLines] = {}

    def follow(self, participant: Participant) -> None:
        """Begin to listen to a participant's sounds."""
        self._sounds[participant.id] = SoundLines()

    def forget(self, participant: Participant) -> None:
        """Listen to their sounds no more."""
        self._sounds.pop(participant.id, None)

    def welcome(self, participant: Participant) -> None:
        """Send someone who comes the latest lines."""
        for topic, line in self._latest.items():
            broadcast.send([participant], line, topic, passing=True, final=True)

    def add(self, participant: Participant, caption: Caption) -> bool:
        """Send a caption to everyone, and keep it if it will not change any more.

        Returns:
            Whether it is final and has words.
        """
        line = CaptionLine.of(caption, participant=participant.id)
        topic = f"caption {participant.id} {line.id}"
        broadcast.send(self._people(), line, topic, passing=True, final=line.final)
        if not line.final or not line.text:
            return False
        self._latest[topic] = line
        if len(self._latest) > REPEATED:
            del self._latest[next(iter(self._latest))]
        name = functools.partial(speaker_name, participant, line.face)
        self.transcript.add(name, line.start, line.end, line.text)
        return True

    def add_sounds(self, participant: Participant, sounds: Sounds) -> None:
        """Note sounds that begin in the transcript."""
        if (line := self._sounds[participant.id].step(sounds.t, sounds.tags)) is not None:
            self.transcript.add(lambda: participant.name, sounds.t, sounds.t + LASTS, line)


def speaker_name(participant: Participant, face: int | None) -> str:
    """Return how a voice is called now: by its face's name, or by the participant's."""
    if face is None:
        return participant.name
    return participant.face_names.get(face, f"{participant.name}, face {face}")
