"""`earshot transcribe`: the words of a recording, as subtitles, text or JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from models.common.audio import SAMPLE_RATE
from models.common.kept import Kept
from models.speech.languages import AUTO
from models.speech.transcriber import has_second_reader, open_second_reader, open_transcriber
from models.speech.types import Line, Transcriber
from models.speech.unwritten import Unwritten
from streamer.commands.batch import each, result_folders
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.sound import sound
from streamer.recordings.exports.result import Said
from streamer.recordings.exports.transcript_json import sentence
from streamer.transcripts.subtitle_text import clock, one_line, srt_cue, vtt_cue
from streamer.transcripts.subtitles import Cue, Spoken, of_one
from streamer.transcripts.words import timed


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


def named_transcriber(
    name: str, language: str = AUTO, unwritten: Unwritten | None = None, kept: Kept | None = None
) -> Transcriber:
    """Open the transcriber of a name for recordings: sentences are read twice where the second reader is installed.

    Args:
        name: See `models.speech.transcriber.open_transcriber`.
        language: Likewise.
        unwritten: Likewise.
        kept: Likewise.

    Raises:
        UserError: There is none of that name, it is not installed or cannot be downloaded, or no such language is read.
    """
    try:
        kept = kept or Kept()
        second = kept.get("second reader", open_second_reader) if has_second_reader(name) else None
        return open_transcriber(name, second, language, unwritten, kept)
    except (ValueError, OSError, ImportError) as error:
        # A model that cannot be downloaded is an OSError of many lines.
        raise UserError(" ".join(str(error).split())) from error


def _said(lines: Iterator[Line]) -> Iterator[Said]:
    """Yield lines with their words."""
    for line in lines:
        if text := one_line(line.text):
            yield Said(None, line.start, line.end, text, tuple(timed(text, line.start, line.end)))


def _cues(lines: Iterator[Line]) -> Iterator[Cue]:
    return of_one(Spoken(None, said.words) for said in _said(lines))


def _vtt(lines: Iterator[Line]) -> Iterator[str]:
    yield "WEBVTT\n"
    yield from (f"\n{vtt_cue(cue)}" for cue in _cues(lines))


def _srt(lines: Iterator[Line]) -> Iterator[str]:
    for number, cue in enumerate(_cues(lines), 1):
        yield ("\n" if number > 1 else "") + srt_cue(number, cue)


def _txt(lines: Iterator[Line]) -> Iterator[str]:
    return (f"[{clock(said.start)}] {said.text}\n" for said in _said(lines))


def _json(lines: Iterator[Line]) -> Iterator[str]:
    return (f"{sentence(said).model_dump_json(exclude={'speaker'})}\n" for said in _said(lines))


WRITERS: dict[str, Callable[[Iterator[Line]], Iterator[str]]] = {"vtt": _vtt, "srt": _srt, "txt": _txt, "json": _json}
"""What becomes of the lines: subtitles, a line of text each, or of JSON."""


def transcribe_command(
    inputs: Sequence[Path],
    *,
    model: str = "moonshine",
    language: str = AUTO,
    choice: Choice | None = None,
    format: str | None = None,
    out: Path | None = None,
    force: bool = False,
) -> int:
    """Write down the words of recordings, each line as soon as it is known; what is left out or mended, on stderr.

    Args:
        inputs: The recordings.
        model: See `models.speech.transcriber.open_transcriber`.
        language: Likewise.
        choice: Which sound tracks are heard.
        format: One of `WRITERS`; None goes by the name of `out`, and is WebVTT without.
        out: File to write, whole or not at all; of several recordings the folder for a file each. None is standard
            output, for one recording.
        force: Whether to replace a file.

    Returns:
        Exit code, see `streamer.commands.batch.each`.

    Raises:
        UserError: see `transcribe` and `named_transcriber`; or there is no such format, or the file cannot be written.
    """
    several = len(inputs) > 1
    format = format or (out.suffix[1:].lower() if out is not None and out.suffix and not several else "vtt")
    if format not in WRITERS:
        raise UserError(f'there is no format "{format}": {", ".join(WRITERS)}')
    if several and out is None:
        raise UserError("of several recordings a file each is written: name a folder with --out")
    if several and out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
    kept, places = Kept(), iter([] if out is None else result_folders(inputs, out))

    def one(input: Path) -> None:
        place = next(places, (input, None))[1]
        info, unwritten = inspect(input, choice), Unwritten()
        lines = WRITERS[format](transcribe(input, named_transcriber(model, language, unwritten, kept), info))
        if place is None:
            for text in lines:
                print(text, end="", flush=True)
        else:
            _write(lines, place.with_name(f"{place.name}.{format}") if several else place, force)
        tell(input, [*info.notes, *unwritten.notes()])

    return each(inputs, one)


def _write(lines: Iterator[str], out: Path, force: bool) -> None:
    """Write a file, whole or not at all."""
    if out.exists() and not force:
        raise UserError(f"{out} is there already; add --force to replace it")
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            for text in lines:
                file.write(text)
                file.flush()
        part.replace(out)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
