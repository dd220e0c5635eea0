"""A recording as the engine takes it: pictures thinned out, sound in blocks, and a first pass over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from av.video.reformatter import VideoReformatter

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
from models.faces.tracker import Face
from models.vision.image_encoder import SIZE
from streamer.engine.survey import Known
from streamer.engine.types import BLOCK
from streamer.media.info import MediaInfo
from streamer.media.pictures import Shot, shots
from streamer.media.sound import Piece, sound
from streamer.recordings.read_ahead import ReadAhead

WIDEST = 1280
"""Pixels across the picture in which faces are looked for."""

LOOKS = 25.5
"""Most pictures a second in which faces are looked for; the overlay shows every picture."""

AHEAD = 8
"""Pictures by which each step of the work on them is ahead of the next, each on a thread of its own."""

Item = TypeVar("Item")

BLOCK_SECONDS = BLOCK / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Look:
    """A picture, and what was found in it.

    Attributes:
        shot: The picture.
        rgb: Of it, as long as faces are to be looked for in it; see `WIDEST`.
        small: Of it for the observer, squashed as in a call (`streamer.observer.client`), if that is wanted.
        looked: Whether it was looked at.
        found: Faces in it.
        cut: Whether it begins a new shot.
    """

    shot: Shot
    rgb: U8 | None = None
    small: U8 | None = None
    looked: bool = False
    found: list[Face] = field(default_factory=list)
    cut: bool = False


Find = Callable[[float, U8], tuple[list[Face], bool]]
"""Finds the faces of the next picture, given its time, and whether it begins a new shot."""


class SurveyLike(Protocol):
    """The part of `streamer.engine.survey.Survey` that is used here."""

    def find(self, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find faces in a picture."""

    def see(self, t: float, found: list[Face], cut: bool) -> None:
        """Take in the faces of a picture."""

    def hear(self, t: float, pcm: F32) -> None:
        """Take in sound."""

    def finish(self) -> Known:
        """Return what was found."""


def surveyed(path: Path, info: MediaInfo, survey: SurveyLike, tell: Callable[[float], None]) -> Known:
    """Go through a recording once, to learn who is there and how they sound.

    Args:
        path: The recording.
        info: Of it.
        survey: Listens and looks.
        tell: Hears how far it is, in seconds.
    """
    decoded = ReadAhead(looks(shots(path, info), info.video is not None), AHEAD)
    pictures = ReadAhead(found(decoded, survey.find), AHEAD)
    pieces = ReadAhead(blocks(sound(path, info, SAMPLE_RATE)), 16)
    try:
        picture = next(pictures, None)
        for t, block, _ in pieces:
            while picture is not None and picture.shot.t <= t + BLOCK_SECONDS:
                picture = _see(survey, picture, pictures)
            survey.hear(t, block * np.float32(info.boost))
            tell(t)
        while picture is not None:
            tell(picture.shot.t)
            picture = _see(survey, picture, pictures)
        return survey.finish()
    finally:
        pictures.close()
        decoded.close()
        pieces.close()


def _see(survey: SurveyLike, picture: Look, pictures: ReadAhead[Look]) -> Look | None:
    if picture.looked:
        survey.see(picture.shot.t, picture.found, picture.cut)
    return next(pictures, None)


def looks(pictures: Iterator[Shot], wanted: bool, small: bool = False) -> Iterator[Look]:
    """Yield every picture, and as RGB those in which faces shall be looked for; for the observer too, if `small`."""
    last, reformatter = -inf, VideoReformatter()
    for shot in pictures:
        look = wanted and shot.t - last > 1 / LOOKS
        if not look:
            yield Look(shot)
            continue
        last = shot.t
        yield Look(shot, shot.rgb(WIDEST), shot.squashed(SIZE, reformatter) if small else None, looked=True)


def found(pictures: Iterator[Look], find: Find) -> Iterator[Look]:
    """Look for faces."""
    for look in pictures:
        if look.rgb is None:
            yield look
            continue
        faces, cut = find(look.shot.t, look.rgb)
        yield replace(look, rgb=None, found=faces, cut=cut)


def blocks(pieces: Iterator[Piece]) -> Iterator[tuple[float, F32, int]]:
    """Yield mono blocks of 320 samples with their times; the last is padded, the number tells its true samples."""
    begin: float | None = None
    made = 0
    held = np.zeros(0, np.float32)
    for piece in pieces:
        begin = piece.t if begin is None else begin
        held = np.concatenate([held, piece.pcm.mean(axis=0)])
        while len(held) >= BLOCK:
            yield begin + made / SAMPLE_RATE, held[:BLOCK], BLOCK
            held = held[BLOCK:]
            made += BLOCK
    if len(held) and begin is not None:
        yield begin + made / SAMPLE_RATE, np.pad(held, (0, BLOCK - len(held))), len(held)


def with_last(items: Iterator[Item]) -> Iterator[tuple[Item, bool]]:
    """Yield items, and whether each is the last."""
    held = next(items, None)
    while held is not None:
        following = next(items, None)
        yield held, following is None
        held = following
