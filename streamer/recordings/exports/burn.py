"""An overlay drawn from a result's events once more, with subtitles in the picture: they are known at the end only."""

from __future__ import annotations

from base64 import b64decode
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from streamer.engine.types import FaceState
from streamer.media.info import MediaInfo
from streamer.media.pictures import shots
from streamer.media.sound import sound
from streamer.observer.types import Localization
from streamer.recordings.annotations import Annotations
from streamer.recordings.exports.event_log import events
from streamer.recordings.overlay_video import OverlayWriter
from streamer.transcripts.subtitles import Cue

SAME = 1e-4
"""Seconds by which times may differ for having been rounded."""

STAYS = 0.06
"""Seconds that a face is drawn after a picture in which it was found: those between are not looked at."""


def draw_again(recording: Path, info: MediaInfo, log: Path, cues: Iterable[Cue], overlay: OverlayWriter) -> None:
    """Draw an overlay without looking or listening again.

    Args:
        recording: The pictures, and the sound.
        info: Of it.
        log: What was found, in order of time.
        cues: The subtitles, in order of time, by person.
        overlay: What draws; it is closed at the end.
    """
    found = _Found(events(log), deque(cues))
    pieces = sound(recording, info)
    piece = next(pieces, None)
    try:
        for shot in shots(recording, info):
            while piece is not None and piece.t <= shot.t:
                overlay.sound(piece)
                piece = next(pieces, None)
            faces, annotations = found.at(shot.t)
            overlay.picture(shot, faces, annotations)
        while piece is not None:
            overlay.sound(piece)
            piece = next(pieces, None)
        overlay.close()
    except BaseException:
        overlay.abandon()
        raise


class _Found:
    """What is to be drawn as time goes on."""

    def __init__(self, log: Iterator[dict[str, Any]], cues: deque[Cue]) -> None:
        self._log, self._cues = log, cues
        self._next = next(log, None)
        self._looked = -inf
        self._faces: list[FaceState] = []
        self._standing: list[Cue] = []
        self._ids: dict[int, int] = {}
        self._known: dict[int, float] = {}
        self._annotations = Annotations()

    def at(self, t: float) -> tuple[list[FaceState], Annotations]:
        while self._next is not None and self._next["t"] <= t + SAME:
            self._take(self._next)
            self._next = next(self._log, None)
        if t - self._looked > STAYS:
            self._faces = []
        self._standing = [cue for cue in self._standing if cue.end > t * 1000]
        while self._cues and self._cues[0].start <= t * 1000:
            self._standing.append(self._cues.popleft())
        captions: dict[int | None, tuple[str, ...]] = {}
        for cue in self._standing:
            captions[self._id(cue)] = (*captions.get(self._id(cue), ()), *cue.lines)
        return self._faces, replace(self._annotations, captions=captions)

    def _id(self, cue: Cue) -> int | None:
        """Return the face that says a subtitle; a number of its own for what has none."""
        return self._ids.get(cue.speaker, -cue.speaker) if isinstance(cue.speaker, int) else None

    def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "speakers":
                self._ids = {person["number"]: person["id"] for person in event["speakers"]}
            case "face":
                if event["t"] > self._looked:
                    self._faces, self._looked = [], event["t"]
                self._faces = [*self._faces, _face(event, self._known.get(event["id"], 0.0))]
            case "voice":
                self._known[event["id"]] = event["confidence"]
            case "localization":
                self._annotations = replace(self._annotations, place=_place(event))
            case "sound":
                self._annotations = replace(self._annotations, tags=tuple(name for name, _ in event["tags"]))
            case "scene":
                self._annotations = replace(self._annotations, description=event["text"])


def _face(event: dict[str, Any], known: float) -> FaceState:
    x, y, w, h = event["box"]
    return FaceState(
        event["id"],
        (x, y, w, h),
        event["score"],
        event["lips_visible"],
        event["speaking"],
        event["voice"],
        known,
        None,
    )


def _place(event: dict[str, Any]) -> Localization:
    peak = None if event["peak"] is None else (event["peak"][0], event["peak"][1])
    return Localization(event["t"], event["score"], peak, None, b64decode(event["heat"]))
