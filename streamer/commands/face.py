"""`earshot face`: a face for each voice, as a marked picture and a line of JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE
from models.speech2face.drawn import MOST, DrawnFace, Unusable
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.file_name import as_text
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.made_face import made_png, marked
from streamer.media.sound import sound

SOME_UNUSABLE = 2
"""Exit code when there was no one voice in some file."""


class DrawsFaces(Protocol):
    """What `models.speech2face.runtime.FaceMaker` is here."""

    def draw(self, pcm: F32) -> DrawnFace:
        """Draw a face for a voice (N,) at 16 kHz."""


def heard(path: Path, info: MediaInfo) -> F32:
    """Return the first minute of a file's sound, mono at 16 kHz."""
    pieces, left = [], round(MOST * SAMPLE_RATE)
    for piece in sound(path, info, SAMPLE_RATE):
        pieces.append(piece.pcm.mean(axis=0)[:left] * np.float32(info.boost))
        left -= len(pieces[-1])
        if left <= 0:
            break
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def pictures_of(files: Sequence[Path], out: Path) -> list[Path]:
    """Return where each file's picture goes: its name, with what tells files of one name apart."""
    stems, used, placed = Counter(path.stem for path in files), Counter[str](), []
    for path in files:
        name = path.stem if stems[path.stem] == 1 else path.name
        used[name] += 1
        placed.append(out / f"{name}{f'-{used[name]}' if used[name] > 1 else ''}-face.png")
    return placed


def face(path: Path, picture: Path, maker: DrawsFaces, info: MediaInfo) -> dict[str, object]:
    """Draw the face for a file's voice.

    Args:
        path: Any container and codec that PyAV reads.
        picture: Where the PNG is written.
        maker: Draws.
        info: Of the file.

    Returns:
        `file`, `picture`, `embedding`: 128 numbers of the face embedding, `gender` and `age` as probabilities.

    Raises:
        UserError: there is no one voice in it, or the picture cannot be written.
    """
    if info.audio is None:
        raise UserError(f"{path} has no sound")
    try:
        drawn = maker.draw(heard(path, info))
    except Unusable as error:
        raise UserError(f"{path}: no face: {error}") from error
    try:
        picture.write_bytes(made_png(marked(drawn.picture)))
    except OSError as error:
        raise UserError(f"cannot write {picture}: {error.strerror or error}") from error
    return {
        "file": as_text(path),
        "picture": as_text(picture),
        "embedding": [round(float(x), 5) for x in drawn.embedding],
        "gender": _rounded(drawn.gender),
        "age": _rounded(drawn.age),
    }


def _rounded(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(p, 3) for name, p in probabilities.items()}


def face_command(
    files: Sequence[Path],
    out: Path,
    *,
    force: bool = False,
    choice: Choice | None = None,
    make: Callable[[], DrawsFaces] | None = None,
) -> int:
    """`face` as a command: a PNG and a line of JSON a file; on stderr a line for each that has no face.

    Args:
        files: At least one.
        out: Folder of the pictures; made if need be.
        force: Whether to replace pictures that are there.
        choice: Which sound tracks are heard.
        make: Makes what draws; the shipped network by default.

    Returns:
        Exit code: 0, or 2 if some file could not be used.

    Raises:
        UserError: the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    maker, unusable = None, 0
    for path, picture in zip(files, pictures_of(files, out), strict=True):
        try:
            if picture.exists() and not force:
                raise UserError(f"{picture} is there already; --force replaces it")
            info = inspect(path, choice)
            # Not before there is a recording: most mistakes are in the only name, or in all.
            maker = maker or (make or _shipped)()
            print(json.dumps(face(path, picture, maker, info)), flush=True)
            tell(path, info.notes)
        except UserError as error:
            unusable += 1
            print(f"earshot: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
    return SOME_UNUSABLE if unusable else 0


def _shipped() -> DrawsFaces:
    import torch

    from models.speech2face.runtime import FaceMaker

    torch.set_num_threads(1)
    return FaceMaker()
