"""`earshot tag`: sound or video files in, a line of JSON a file out that names what sounds in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.sounds.tags import UNKNOWN
from streamer.commands.batch import each
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.file_name import as_text
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.sound import sound

_STEP = SAMPLE_RATE
_BATCH = 16


class NamesSounds(Protocol):
    """What `models.sounds.runtime.SoundTagger` is here."""

    WINDOW: int

    def tags(self, pcm: F32) -> list[list[tuple[str, float]]]:
        """Name the sounds of each row (B, WINDOW)."""

    def classes(self, pcm: F32) -> list[list[tuple[str, float]]]:
        """Say how likely each of AudioSet's classes is in each row (B, WINDOW)."""


def windows(path: Path, info: MediaInfo, length: int) -> Iterator[F32]:
    """Yield the file's sound in overlapping stretches, one a second, the last one up to the end.

    Yields:
        (length,) float32 mono at 16 kHz; a shorter file gives one stretch, silent after its end.
    """
    held, given = np.zeros(0, np.float32), False
    for piece in sound(path, info, SAMPLE_RATE):
        held = np.concatenate([held, piece.pcm.mean(axis=0) * np.float32(info.boost)])
        while len(held) >= length + given * _STEP:
            held, given = held[given * _STEP :], True
            yield held[:length]
    if given and len(held) > length:
        yield held[-length:]
    elif not given and len(held):
        yield np.pad(held, (0, length - len(held)))


def tag(path: Path, tagger: NamesSounds, info: MediaInfo | None = None, top: int = 0) -> dict[str, object]:
    """Name what sounds in a file.

    Args:
        path: Any container and codec that PyAV reads.
        tagger: Names the sounds of a stretch.
        info: Of that file, if known already.
        top: How many of AudioSet's classes are wanted as well.

    Returns:
        `file`, `duration` in seconds or null, and `tags`: [name, highest probability in the file], most
        probable first; with `top` also `classes`, the same for that many classes, sure or not.

    Raises:
        UserError: the file cannot be read or holds no sound.
    """
    info = inspect(path) if info is None else info
    if info.audio is None:
        raise UserError(f"{path} has no sound")
    named: dict[str, float] = {}
    classes: dict[str, float] = {}
    for batch in _batches(windows(path, info, tagger.WINDOW)):
        _keep_best(named, tagger.tags(batch))
        if top:
            _keep_best(classes, tagger.classes(batch))
    if len(named) > 1:
        # Something in the file has a name.
        named.pop(UNKNOWN, None)
    found: dict[str, object] = {
        "file": as_text(path),
        "duration": info.duration and round(info.duration, 3),
        "tags": _ordered(named),
    }
    return found | ({"classes": _ordered(classes)[:top]} if top else {})


def _keep_best(best: dict[str, float], rows: list[list[tuple[str, float]]]) -> None:
    for row in rows:
        for name, probability in row:
            best[name] = max(best.get(name, 0.0), probability)


def _ordered(best: dict[str, float]) -> list[list[object]]:
    return [[name, round(p, 3)] for name, p in sorted(best.items(), key=lambda pair: -pair[1])]


def _batches(rows: Iterator[F32]) -> Iterator[F32]:
    held: list[F32] = []
    for row in rows:
        held.append(row)
        if len(held) == _BATCH:
            yield np.stack(held)
            held = []
    if held:
        yield np.stack(held)


def tag_command(
    files: Sequence[Path], tagger: NamesSounds | None = None, choice: Choice | None = None, top: int = 0
) -> int:
    """`tag` as a command: one line of JSON a file on stdout, and on stderr what is left out or mended.

    Args:
        files: at least one.
        tagger: to be used instead of the shipped one.
        choice: Which sound tracks are heard.
        top: How many of AudioSet's classes are wanted as well.

    Returns:
        Exit code, see `streamer.commands.batch.each`.

    Raises:
        UserError: see `tag`; of the only file.
    """

    def one(path: Path) -> None:
        nonlocal tagger
        info = inspect(path, choice)
        if tagger is None:
            from models.sounds.runtime import SoundTagger

            tagger = SoundTagger()
        print(json.dumps(tag(path, tagger, info, top)), flush=True)
        tell(path, info.notes)

    return each(files, one)
