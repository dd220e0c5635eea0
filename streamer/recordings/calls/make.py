"""All that `earshot process` makes of a recording, made of a call's journal: from what was known while it went on.

Nothing is listened to or looked at again. What people saw, who they said had said a line, and the names they gave are
what the results tell; and a call needs no models a second time.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from streamer.engine.types import FaceState
from streamer.media.av_errors import as_os_errors
from streamer.media.info import MediaInfo, PictureTrack, SoundTrack
from streamer.media.pictures import Shot
from streamer.media.treatment import Treatment
from streamer.recordings.annotations import Annotations
from streamer.recordings.calls.gallery import RATE, Gallery, Layout, face_state, layout
from streamer.recordings.calls.journal import Packet, Told, records
from streamer.recordings.calls.story import PICTURES, Story, read_story, turns_of_lines
from streamer.recordings.calls.tracks import write_call_tracks
from streamer.recordings.calls.voices import write_voices
from streamer.recordings.event_files import EventFiles
from streamer.recordings.exports.result import read_result
from streamer.recordings.exports.turns import Turns
from streamer.recordings.exports.write import OVERLAY, Wanted, named_cues, titles, write_exports
from streamer.recordings.fingerprint import fingerprint
from streamer.recordings.out_folder import MADE_BY
from streamer.recordings.overlay_video import OverlayWriter
from streamer.recordings.summary import Summary
from streamer.rtc.bitstream import picture_size
from streamer.rtc.blocks import CALL_RATE

RECENT = 0.3
"""Seconds for which a face stands where pages were told that it is."""

LONGEST = 0.25
"""Seconds for which one message tells who speaks."""

CUT_OFF = "the server was stopped while it recorded: the last seconds may be missing"


@as_os_errors()
def make(
    journal: Path,
    folder: Path,
    wanted: Wanted,
    overlay: bool,
    tell: Callable[[float], None],
) -> Summary:
    """Make everything.

    Args:
        journal: Of the call.
        folder: Where to.
        wanted: What is to be made; names in it go before those of the call.
        overlay: Whether to make an overlay video.
        tell: Hears how far it is, in seconds.

    Returns:
        What was made.

    Raises:
        UserError: Nothing is recorded in it.
        OSError: It cannot be written.
    """
    began = time.monotonic()
    story = read_story(journal)
    places = layout(story)
    info = _info(story, places)
    summary = Summary(folder, duration=story.end)
    summary.faces = sorted(number for number in story.speakers.values() if number > 0)
    summary.voices = sorted(-number for number in story.speakers.values() if number < 0)
    summary.notes = [] if story.whole else [CUT_OFF]
    _write_events(journal, folder, story, places, info, summary)
    write_voices(journal, story, folder)
    labels = story.labels()
    highest = max(summary.faces, default=0)
    numbers = {(n if n > 0 else highest - n): label for n, label in labels.items()} | dict(wanted.names)
    labels |= {n: numbers[n if n > 0 else highest - n] for n in labels}
    draw = partial(OverlayWriter, names=labels)
    if overlay and places is not None:
        _draw(journal, story, places, draw(folder / OVERLAY, info), tell)
    asked = Wanted(numbers, captions=wanted.captions, tracks=False, rate=wanted.rate)
    found = summary.faces, summary.voices
    people = write_exports(folder, journal, info, found, asked, summary.notes, story.end, draw)
    summary.voices = [person.number for person in people if person.id < 0]
    if wanted.tracks:
        result = read_result(folder)
        write_call_tracks(folder, journal, story, titles(result, folder), named_cues(result))
    summary.took = time.monotonic() - began
    return summary


def _info(story: Story, places: Layout | None) -> MediaInfo:
    """Return what the call would be as a file: one picture of all, and one sound."""
    sounds = SoundTrack(1, CALL_RATE, 1, 1, (), story.end, None, Treatment())
    heard = any(codec not in PICTURES for _, codec in story.tracks) or bool(story.speakers)
    codecs = sorted({codec.lower() for _, codec in story.tracks if codec in PICTURES})
    return MediaInfo(
        duration=story.end,
        pictures=None if places is None else PictureTrack(0, (), "own", RATE),
        sounds=(sounds,) if heard else (),
        width=places.width if places is not None else 0,
        height=places.height if places is not None else 0,
        frame_rate=RATE if places is not None else 0.0,
        audio_rate=CALL_RATE if heard else 0,
        channels=1 if heard else 0,
        audio_codec="opus" if heard else "",
        video_codec=", ".join(codecs),
    )


class _Seen:
    """Faces as pages were told of them, with their numbers and places in the results."""

    def __init__(self, story: Story, places: Layout | None) -> None:
        self._story, self._places = story, places
        self._aspects = {
            who: size[0] / size[1]
            for (who, codec), track in story.tracks.items()
            if codec in PICTURES and track.key and (size := picture_size(codec, track.key))
        }

    def faces(self, message: dict[str, Any]) -> list[FaceState]:
        """Return the faces of one message that are somebody."""
        who, made = message["participant"], []
        for face in message["faces"]:
            number = self._story.number(who, face["id"])
            if number is not None and self._places is not None and who in self._places.places:
                box = self._places.box(who, tuple(face["box"]), self._aspects.get(who, 4 / 3))
                made.append(face_state(face, number, box))
        return made


def _write_events(
    journal: Path, folder: Path, story: Story, places: Layout | None, info: MediaInfo, summary: Summary
) -> None:
    """Write `events.jsonl` as a run over a recording does."""
    files = EventFiles(folder)
    try:
        name = time.strftime("Call of %Y-%m-%d %H.%M", time.localtime(story.begun))
        source = {"file": name, "fingerprint": fingerprint(journal)}
        files.event(0.0, "start", made_by=MADE_BY, **source, **info.facts())
        if info.audio is not None:
            files.event(0.0, "audio", seconds_before=0.0)
        _write_seen(journal, story, _Seen(story, places), files)
        for line in story.lines:
            face = story.number(line.who, line.face)
            start, end = round(max(line.start, 0.0), 3), round(line.end, 3)
            words = [[text, round(max(since, 0.0), 3), round(until, 3)] for text, since, until in line.words]
            said = {"face": face, "text": line.text, "start": start, "end": end, "final": True, "words": words}
            files.event(start, "caption", **said)
        for t, text in story.notes:
            files.event(max(t, 0.0), "note", text=text)
        for note in summary.notes:
            files.event(story.end, "note", text=note)
        files.event(story.end, "end", faces=summary.faces, voices=summary.voices, notes=summary.notes)
        files.finish()
    except BaseException:
        files.abandon()
        raise


def _write_seen(journal: Path, story: Story, seen: _Seen, files: EventFiles) -> None:
    """Write faces, turns, sounds and descriptions."""
    turns: dict[str, Turns] = {}
    last: dict[str, float] = {}
    tags: dict[str, list[tuple[str, float]]] = {}
    for record in records(journal, Told):
        assert isinstance(record, Told)
        message = json.loads(record.text)
        who = message.get("participant", "")
        t = max(0.0, message.get("t", record.t) - story.begun)
        if message["type"] == "faces":
            for face in seen.faces(message):
                files.event(
                    t,
                    "face",
                    id=face.id,
                    box=[round(n, 5) for n in face.box],
                    speaking=round(face.speaking, 3),
                    voice=face.voice,
                    voice_known=face.voice_known,
                    lips_visible=face.lips_visible,
                    score=face.score,
                )
            speaking = {
                number: one["speaking"]
                for one in [*message["faces"], *message["voices"]]
                if (number := story.number(who, one["id"])) is not None
            }
            lasts = min(max(t - last.get(who, t - 0.04), 0.02), LONGEST)
            last[who] = t
            turns.setdefault(who, Turns()).step(t, lasts, speaking)
        elif message["type"] == "sound":
            tags[who] = [(name, p) for name, p in message["tags"]]
            loudest: dict[str, float] = {}
            for name, p in (tag for heard in tags.values() for tag in heard):
                loudest[name] = max(p, loudest.get(name, 0.0))
            files.event(t, "sound", tags=sorted(loudest.items(), key=lambda tag: -tag[1]))
        elif message["type"] == "scene":
            files.event(t, "scene", text=f"{story.names.get(who, '')}: {message['text']}")
    for mine in turns.values():
        for turn in mine.finish():
            files.event(turn.start, "turn", id=turn.id, end=round(turn.end, 3))
    for id, start, end in turns_of_lines(story):
        files.event(start, "turn", id=id, end=round(end, 3))


def _draw(journal: Path, story: Story, places: Layout, overlay: OverlayWriter, tell: Callable[[float], None]) -> None:
    """Draw the overlay: everybody side by side, with a box on each face."""
    faces = _Following(journal, story, places)
    try:
        for item in Gallery(journal, story, places).run():
            if isinstance(item, Shot):
                overlay.picture(item, faces.at(item.t), Annotations())
                tell(item.t)
            else:
                overlay.sound(item)
        overlay.close()
    except BaseException:
        overlay.abandon()
        raise


class _Following:
    """Where everybody's faces are, asked for with rising times."""

    def __init__(self, journal: Path, story: Story, places: Layout) -> None:
        self._records = records(journal, Told, Packet)
        self._story, self._seen = story, _Seen(story, places)
        self._read = float("-inf")
        self._told: dict[str, deque[tuple[float, list[FaceState]]]] = {}

    def at(self, t: float) -> list[FaceState]:
        """Return all faces at a time, seconds."""
        # A message comes after its picture: the engine has looked at it.
        while self._read < t + 1.0 and (record := next(self._records, None)) is not None:
            self._read = max(self._read, record.t - self._story.begun)
            if (
                isinstance(record, Told)
                and (message := json.loads(record.text))["type"] == "faces"
                and message["faces"]
            ):
                told = message["t"] - self._story.begun, self._seen.faces(message)
                self._told.setdefault(message["participant"], deque()).append(told)
        faces = []
        for mine in self._told.values():
            while len(mine) > 1 and mine[1][0] <= t:
                mine.popleft()
            if mine and t - RECENT <= mine[0][0] <= t + 1 / RATE:
                faces += mine[0][1]
        return faces
