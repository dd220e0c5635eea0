"""`earshot process`: a recording in, one sound file per face, the rest, an annotated video and events out."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from models.common.audio import SAMPLE_RATE
from models.speech.types import Transcriber
from streamer.commands.signals import ended_by_signals
from streamer.commands.transcribe import named_transcriber
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.sound import microphones
from streamer.recordings.findings import Findings
from streamer.recordings.out_folder import OutFolder
from streamer.recordings.recording import EngineLike, Recording, Summary
from streamer.recordings.steps import surveyed


def process(
    input: Path,
    out: Path,
    *,
    device: str = "cpu",
    progress: bool = True,
    force: bool = False,
    one_pass: bool = False,
    engine: EngineLike | None = None,
    speech: str | None = None,
    choice: Choice | None = None,
) -> Summary:
    """Pull the voices of a recording apart.

    Args:
        input: Any container and codec that PyAV reads.
        out: Folder for `face-<id>.wav`, `rest.wav`, `overlay.mp4`, `events.jsonl` and `transcript.{vtt,srt,txt}`.
        device: Torch device of the models.
        progress: Whether to show a progress bar on stderr.
        force: Whether to replace earlier results of the same recording, and write into a folder that holds other files.
        one_pass: Whether to separate at once, as in a call, instead of learning all voices of the file first.
        engine: To be used instead of a new one; then there is one pass.
        speech: Transcriber of the captions, "none" for no captions; None neither looks nor listens beside the engine.
        choice: Which sound tracks are heard, and as what.

    Raises:
        UserError: the file cannot be used, the folder cannot be written, or there is no such transcriber here.
    """
    info = inspect(input, choice)
    if info.is_still:
        raise UserError(f"{input} is a picture, not a recording; `earshot caption {input}` says what it shows")
    transcriber = None if speech in (None, "none") else named_transcriber(speech)
    with OutFolder(out, input, force) as folder:
        try:
            learning, known, one_pass = 0.0, None, one_pass or engine is not None or info.audio is None
            with _bar(progress) as bar:
                if info.microphones:
                    engine = _microphones(input, info)
                elif engine is None:
                    from streamer.engine.engine import Engine

                    engine = Engine(device)
                    if not one_pass:
                        first = bar.add_task(f"{input.name}: learning voices", total=info.duration)
                        began = time.monotonic()
                        known = surveyed(input, info, engine.survey(), lambda t: bar.update(first, completed=t))
                        learning = time.monotonic() - began
                observe = None if speech is None else functools.partial(open_findings, transcriber)
                run = Recording(input, info, folder.path, engine, observe, known)
                task = bar.add_task(input.name, total=info.duration)
                summary = run.run(lambda t: bar.update(task, completed=t))
                bar.update(task, total=summary.duration, completed=summary.duration)
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
        summary.learning = learning
        summary.files = folder.files()
    summary.out = folder.made
    if folder.made != out:
        summary.notes.append(f"{out} has been written to meanwhile: the results are in {folder.made}")
    return summary


def _microphones(input: Path, info: MediaInfo) -> EngineLike:
    from streamer.recordings.microphones import Microphones, silero

    return Microphones(microphones(input, info, SAMPLE_RATE), silero(), info.boost)


def open_findings(transcriber: Transcriber | None, event: Callable[..., None]) -> Findings:
    """Make what looks and listens beside the engine.

    Args:
        transcriber: Of the captions; None for none.
        event: Gets every event.
    """
    from streamer.observer.live_captions import LiveCaptions
    from streamer.observer.observer import Observer

    captions = None if transcriber is None else LiveCaptions(transcriber)
    return Findings(Observer(), captions, event)


def process_command(
    input: Path,
    out: Path,
    *,
    device: str = "cpu",
    force: bool = False,
    one_pass: bool = False,
    speech: str | None = "moonshine",
    choice: Choice | None = None,
) -> int:
    """`process` as a command: says on stdout what was made.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `process`.
    """
    with ended_by_signals():
        summary = process(input, out, device=device, force=force, one_pass=one_pass, speech=speech, choice=choice)
    for note in summary.notes:
        print(f"{input.name}: {note}")
    count = len(summary.faces)
    faces = f"{count} face{'' if count == 1 else 's'}, " if count else ""
    others = len(summary.voices)
    faces += f"{others} voice{'' if others == 1 else 's'} without a face, " if others else ""
    learning = f" after {summary.learning:.1f} s of learning voices" if summary.learning else ""
    print(
        f"{faces}{summary.duration:.1f} s in {summary.took:.1f} s{learning} "
        f"({summary.speed:.1f} times real time): {', '.join(summary.files)} in {summary.out}"
    )
    return 0


def _bar(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not shown,
    )
