"""`earshot transcribe`: the words of a recording as WebVTT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.common.audio import SAMPLE_RATE
from models.speech.transcriber import has_second_reader, open_second_reader, open_transcriber
from models.speech.types import Line, Transcriber
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.sound import sound
from streamer.transcripts.transcript import Transcript


def transcribe(path: Path, transcriber: Transcriber, info: MediaInfo | None = None) -> Iterator[Line]:
    """Find the sentences of a recording, whoever says them.

    Args:
        path: Any container and codec that PyAV reads.
        transcriber: Whose work it is.
        info: Of that file, if known already.

    Yields:
        Final lines; times are seconds from the file's start.

    Raises:
        UserError: The file cannot be used, or holds no sound.
    """
    info = inspect(path) if info is None else info
    if info.audio is None:
        raise UserError(f"{path} holds no sound")
    stream = transcriber.open()
    for piece in sound(path, info, SAMPLE_RATE):
        stream.hear(piece.t, piece.pcm.mean(axis=0) * np.float32(info.boost))
        yield from stream.lines(partials=False)
    yield from stream.close()


def named_transcriber(name: str) -> Transcriber:
    """Open the transcriber of a name for recordings: sentences are read twice where the second reader is installed.

    Raises:
        UserError: There is none of that name, it is not installed, or cannot be downloaded.
    """
    try:
        return open_transcriber(name, open_second_reader() if has_second_reader(name) else None)
    except (ValueError, OSError, ImportError) as error:
        # A model that cannot be downloaded is an OSError of many lines.
        raise UserError(" ".join(str(error).split())) from error


def transcribe_command(input: Path, *, model: str = "moonshine", choice: Choice | None = None) -> int:
    """Print the words of a recording as WebVTT, and on stderr what of it is left out or was mended.

    Args:
        input: The recording.
        model: See `models.speech.transcriber.open_transcriber`.
        choice: Which sound tracks are heard.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `transcribe` and `named_transcriber`.
    """
    info = inspect(input, choice)
    transcript = Transcript(begin=0.0, most=None)
    for line in transcribe(input, named_transcriber(model), info):
        transcript.add("", line.start, line.end, line.text)
    print(transcript.vtt(), end="")
    tell(input, info.notes)
    return 0
