"""What a journal tells in words: who was there and how they are called in the end, who said and wrote what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from streamer.errors import UserError
from streamer.recordings.calls.journal import Begun, Ended, Heard, Joined, Packet, Told, records
from streamer.recordings.exports.turns import SHORTEST
from streamer.transcripts.subtitle_text import one_line
from streamer.transcripts.words import WordTimes, timed

SEEN = 25
"""Messages with a face in them, about a second, from which on it is somebody, heard or not."""

CHAT = "[chat]"
CHAT_LASTS = 4.0
"""Seconds for which a line that was written stands in subtitles."""

PICTURES = ("VP8", "H264")

Speaker = tuple[str, int | None]
"""Participant, and number of the face or voice there; None for all their sound, where no voice was told apart."""


@dataclass
class Track:
    """Packets of one codec from one participant.

    Attributes:
        first: When the first one is, seconds from the beginning of the recording, as everywhere here.
        last: Likewise.
        stereo: Of Opus, whether any packet has two channels.
        key: First picture that decoding may start with.
    """

    first: float
    last: float
    stereo: bool = False
    key: bytes = b""


@dataclass
class Line:
    """A sentence, under who said it in the end."""

    who: str
    face: int | None
    start: float
    end: float
    text: str
    words: list[tuple[str, float, float]]


@dataclass
class Story:
    """One pass over a journal.

    Attributes:
        begun: Where its time begins, Unix seconds.
        end: Of what is in it.
        whole: Whether it was ended, and not cut off.
        names: Of participants, as they were called last, by id.
        speakers: Everybody who is seen or heard, and the number they have in the results: below 0 without a face.
        tracks: What was sent, by participant and codec.
        lines: What was said and written, in order of time.
        notes: What happened, with its time.
        face_names: Names that faces and voices were given, by participant and number there.
        joined: Number that a face or voice turned out to be, by participant and the number that went.
    """

    begun: float = 0.0
    end: float = 0.0
    whole: bool = False
    names: dict[str, str] = field(default_factory=dict)
    speakers: dict[Speaker, int] = field(default_factory=dict)
    tracks: dict[tuple[str, str], Track] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    notes: list[tuple[float, str]] = field(default_factory=list)
    face_names: dict[str, dict[int, str]] = field(default_factory=dict)
    joined: dict[tuple[str, int], int] = field(default_factory=dict)

    def same(self, who: str, id: int) -> int:
        """Return the number that stays of a face or voice that turned out to be another one."""
        while (stays := self.joined.get((who, id), id)) != id:
            id = stays
        return id

    def number(self, who: str, id: int | None) -> int | None:
        """Return whose a face, a voice or (None) sound without one is in the results; None for nobody's."""
        if id is not None:
            return self.speakers.get((who, self.same(who, id)))
        theirs = [number for (owner, _), number in self.speakers.items() if owner == who]
        return theirs[0] if len(theirs) == 1 else None

    def labels(self) -> dict[int, str]:
        """Return how everybody is called, by the number in the results."""
        alone = Counter(who for who, _ in self.speakers)
        return {number: self._label(who, id, alone[who] == 1) for (who, id), number in self.speakers.items()}

    def _label(self, who: str, id: int | None, alone: bool) -> str:
        name = self.names.get(who, "Somebody")
        if id is None or (alone and id not in self.face_names.get(who, {})):
            return name
        kind = "face" if id > 0 else "voice"
        return self.face_names.get(who, {}).get(id, f"{name}, {kind} {abs(id)}")


class _Reader:
    """Takes record after record."""

    def __init__(self) -> None:
        self.story = Story()
        self._seen: Counter[Speaker] = Counter()
        self._first: dict[Speaker, float] = {}
        self._voiced: set[str] = set()
        self._words = WordTimes()
        self._numbers: dict[tuple[str, int], int] = {}
        self._lines: dict[tuple[str, int], Line] = {}
        self._written: list[Line] = []
        self._here: dict[str, str] = {}
        self._hands: set[str] = set()

    def take(self, record: object) -> None:
        story = self.story
        if isinstance(record, Packet):
            self._packet(record)
        elif isinstance(record, Heard):
            t = record.t - story.begun
            story.end = max(story.end, t + 0.02)
            self._first.setdefault((record.who, None), t)
            for id in record.voices:
                self._first.setdefault((record.who, id), t)
                self._seen[record.who, id] += SEEN
        elif isinstance(record, Joined):
            story.joined[record.who, record.gone] = record.stays
            if story.same(record.who, record.gone) == record.gone:
                # A circle: the later word counts.
                story.joined.pop((record.who, record.stays), None)
        elif isinstance(record, Told):
            self._told(record.t - story.begun, json.loads(record.text))
        elif isinstance(record, Ended):
            story.whole = True
            story.end = max(story.end, record.t - story.begun)

    def _packet(self, packet: Packet) -> None:
        t = packet.t - self.story.begun
        track = self.story.tracks.setdefault((packet.who, packet.codec), Track(t, t))
        track.last = max(track.last, t)
        track.stereo |= packet.codec.lower() == "opus" and bool(packet.data) and bool(packet.data[0] & 4)
        if packet.codec in PICTURES and packet.key and not track.key:
            track.key, track.first = packet.data, t
        self.story.end = max(self.story.end, t)

    def _told(self, t: float, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "room":
            self._room(t, message["room"])
        elif kind == "faces":
            for face in message["faces"]:
                key = message["participant"], face["id"]
                self._seen[key] += 1
                self._first.setdefault(key, message["t"] - self.story.begun)
        elif kind == "caption":
            self._caption(message)
        elif kind == "chat":
            at, text = message["t"] - self.story.begun, f"{CHAT} {one_line(message['text'])}"
            self._written.append(Line(message["participant"], None, at, at + CHAT_LASTS, text, []))
        elif kind == "reaction":
            self.story.notes.append((t, f"{self.story.names.get(message['participant'], '')}: {message['mark']}"))

    def _room(self, t: float, room: dict[str, Any]) -> None:
        here = {one["id"]: one["name"] for one in room["participants"]}
        for one in room["participants"]:
            self.story.names[one["id"]] = one["name"]
            self.story.face_names[one["id"]] = {int(face): name for face, name in one["faces"].items()}
        self.story.notes += [(t, f"{name} is here") for id, name in here.items() if id not in self._here]
        self.story.notes += [(t, f"{name} has left") for id, name in self._here.items() if id not in here]
        hands = {id for id in room["hands"] if id in here}
        self.story.notes += [(t, f"{here[id]} raised a hand") for id in sorted(hands - self._hands)]
        self._here, self._hands = here, hands

    def _caption(self, message: dict[str, Any]) -> None:
        key = message["participant"], message["id"]
        number = self._numbers.setdefault(key, len(self._numbers))
        text, start, end = one_line(message["text"]), message["start"], message["end"]
        if (known := self._lines.get(key)) is not None:
            # Its words stay; who said them may have been put right.
            known.face = message["face"]
        elif not message["final"]:
            self._words.reading(number, text, end - self.story.begun)
        elif text:
            start, end = start - self.story.begun, end - self.story.begun
            words = [(word.text, word.start, word.end) for word in self._words.finish(number, text, start, end)]
            self._lines[key] = Line(message["participant"], message["face"], start, end, text, words)

    def finish(self) -> Story:
        story = self.story
        first: dict[Speaker, float] = {}
        seen: Counter[Speaker] = Counter()
        for (who, id), t in self._first.items():
            if id is not None:
                same = who, story.same(who, id)
                first[same] = min(t, first.get(same, inf))
                seen[same] += self._seen[who, id]
        kept = [speaker for speaker in sorted(first, key=first.__getitem__) if seen[speaker] >= SEEN]
        told_apart = {who for who, _ in kept}
        kept += [(who, id) for who, id in self._first if id is None and who not in told_apart]
        faces = [speaker for speaker in kept if (speaker[1] or 0) > 0]
        voices = [speaker for speaker in kept if (speaker[1] or 0) <= 0]
        story.speakers = {speaker: n for n, speaker in enumerate(faces, 1)}
        story.speakers |= {speaker: -n for n, speaker in enumerate(voices, 1)}
        for line in self._written:
            if story.number(line.who, None) is None:
                # Nobody's voice bears their name.
                line.text = f"{CHAT} {story.names.get(line.who, '')}: {line.text[len(CHAT) + 1 :]}"
            line.words = [(word.text, word.start, word.end) for word in timed(line.text, line.start, line.end)]
        lines = [*self._lines.values(), *self._written]
        story.lines = sorted((line for line in lines if line.end > 0), key=lambda line: line.start)
        story.notes.sort(key=lambda note: note[0])
        return story


def read_story(journal: Path) -> Story:
    """Read a journal.

    Raises:
        UserError: Nothing is recorded in it.
    """
    reader = _Reader()
    began = False
    for record in records(journal):
        if isinstance(record, Begun):
            reader.story.begun, began = record.t, True
        elif began:
            reader.take(record)
    story = reader.finish()
    if not began or not (story.tracks or story.speakers):
        raise UserError(f"{journal} is the journal of a call in which nobody was recorded")
    return story


def turns_of_lines(story: Story) -> Iterator[tuple[int, float, float]]:
    """Yield number, start and end of what was said by those of whom nobody measured when they speak."""
    for line in story.lines:
        mine = line.face is None and (line.who, None) in story.speakers and not line.text.startswith(CHAT)
        if mine and line.end - line.start >= SHORTEST:
            yield story.speakers[line.who, None], max(0.0, line.start), line.end
