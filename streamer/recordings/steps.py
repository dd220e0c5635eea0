"""A recording as the engine takes it: pictures thinned out, sound in blocks, and a first pass over both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from typing import Protocol

import numpy as np

from models.common.arrays import F32, U8
from models.common.audio import SAMPLE_RATE
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

BLOCK_SECONDS = BLOCK / SAMPLE_RATE


class SurveyLike(Protocol):
    """The part of `streamer.engine.survey.Survey` that is used here."""

    def see(self, t: float, rgb: U8) -> None:
        """Find faces in a picture."""

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
    pictures = ReadAhead(looks(shots(path, info), info.video is not None), 4)
    pieces = ReadAhead(blocks(sound(path, info, SAMPLE_RATE)), 16)
    try:
        picture = next(pictures, None)
        for t, block, _ in pieces:
            while picture is not None and picture[0].t <= t + BLOCK_SECONDS:
                picture = _see(survey, picture, pictures)
            survey.hear(t, block * np.float32(info.boost))
            tell(t)
        while picture is not None:
            tell(picture[0].t)
            picture = _see(survey, picture, pictures)
        return survey.finish()
    finally:
        pictures.close()
        pieces.close()


def _see(
    survey: SurveyLike, picture: tuple[Shot, U8 | None], pictures: ReadAhead[tuple[Shot, U8 | None]]
) -> tuple[Shot, U8 | None] | None:
    shot, rgb = picture
    if rgb is not None:
        survey.see(shot.t, rgb)
    return next(pictures, None)


def looks(pictures: Iterator[Shot], wanted: bool) -> Iterator[tuple[Shot, U8 | None]]:
    """Yield every picture, and as RGB those in which faces shall be looked for."""
    last = -inf
    for shot in pictures:
        look = wanted and shot.t - last > 1 / LOOKS
        if look:
            last = shot.t
        yield shot, shot.rgb(WIDEST) if look else None


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
