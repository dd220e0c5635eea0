"""`earshot process`: a recording in, one sound file per face, the rest, an annotated video and events out."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from models.common.audio import SAMPLE_RATE
from models.common.kept import Kept
from models.speech.languages import AUTO, check_language
from models.speech.types import Transcriber
from models.speech.unwritten import Unwritten
from streamer.commands.batch import process_all
from streamer.commands.process_call import process_call
from streamer.commands.progress import Begin
from streamer.commands.progress import progress as show_progress
from streamer.commands.signals import ended_by_signals
from streamer.commands.transcribe import named_transcriber
from streamer.errors import UserError
from streamer.media.choice import Choice
from streamer.media.info import MediaInfo
from streamer.media.inspect import inspect
from streamer.media.sound import microphones
from streamer.recordings.calls.journal import is_journal
from streamer.recordings.exports.people import parse_names
from streamer.recordings.exports.write import RATES, Wanted, write_exports
from streamer.recordings.findings import Findings
from streamer.recordings.out_folder import OutFolder
from streamer.recordings.overlay_video import OverlayWriter
from streamer.recordings.recording import Recording
from streamer.recordings.separating import EngineLike
from streamer.recordings.steps import surveyed
from streamer.recordings.summary import Summary


def process(
    input: Path,
    out: Path,
    *,
    device: str = "cpu",
    progress: bool = True,
    force: bool = False,
    one_pass: bool = False,
    adapt: bool = True,
    engine: EngineLike | None = None,
    speech: str | None = None,
    language: str = AUTO,
    choice: Choice | None = None,
    wanted: Wanted | None = None,
    overlay: bool = True,
    kept: Kept | None = None,
) -> Summary:
    """Pull the voices of a recording apart.

    Args:
        input: Any container and codec that PyAV reads; or the journal of a recorded call.
        out: Folder for `face-<n>.wav`, `voice-<n>.wav`, `rest.wav`, `overlay.mp4`, `events.jsonl`, and what
            `streamer.recordings.exports` makes of them.
        device: Torch device of the models.
        progress: Whether to show on stderr how far it is.
        force: Whether to replace earlier results of the same recording, and write into a folder that holds other files.
        one_pass: Whether to separate at once, as in a call, instead of learning all voices of the file first.
        adapt: Whether to tune the separator to the voices learnt, where they talk at once.
        engine: To be used instead of a new one; then there is one pass.
        speech: Transcriber of the captions, "none" for no captions; None neither looks nor listens beside the engine.
        language: See `models.speech.transcriber.open_transcriber`.
        choice: Which sound tracks are heard, and as what.
        wanted: What is to be exported; None for what is by default.
        overlay: Whether to make an overlay video.
        kept: Models that were loaded for another recording; takes those that are loaded now.

    Raises:
        UserError: the file cannot be used, the folder cannot be written, or there is no such transcriber here.
    """
    if is_journal(input):
        # What was said and by whom is known already: there is nothing to be found out.
        wanted = wanted or Wanted()
        return process_call(input, out, progress=progress, force=force, wanted=wanted, overlay=overlay)
    info = inspect(input, choice)
    if info.is_still:
        raise UserError(f"{input} is a picture, not a recording; `earshot caption {input}` says what it shows")
    unwritten, kept = Unwritten(), kept or Kept()
    transcriber = None if speech in (None, "none") else named_transcriber(speech, language, unwritten, kept)
    with OutFolder(out, input, force) as folder:
        try:
            learning, known, one_pass = 0.0, None, one_pass or engine is not None or info.audio is None
            tuning, tuning_took = None, 0.0
            with show_progress(progress) as begin:
                if info.microphones:
                    engine = _microphones(input, info)
                elif engine is None:
                    from streamer.engine.engine import Engine

                    # The survey is the engine's own.
                    engine = voices = kept.get("engine", lambda: Engine(device))
                    if not one_pass:
                        began = time.monotonic()
                        known = surveyed(
                            input, info, voices.survey(), begin(f"{input.name}: learning voices", info.duration)
                        )
                        learning = time.monotonic() - began
                        if adapt:
                            began = time.monotonic()
                            tell = _shares(begin, f"{input.name}: tuning to these voices", known.settled.duration)
                            tuning = voices.tune(known, tell)
                            tuning_took = time.monotonic() - began
                observe = None if speech is None else functools.partial(open_findings, transcriber, unwritten, kept)
                wanted = dataclasses.replace(wanted or Wanted(), captions=transcriber is not None)
                draw = functools.partial(OverlayWriter, bit_rate=_bit_rate(input, info), names=wanted.names)
                overlays = draw if overlay and not wanted.burn else None
                run = Recording(input, info, folder.path, engine, observe, known, overlays, tuning)
                summary = run.run(begin(input.name, info.duration))
            found = summary.faces, summary.voices
            people = write_exports(folder.path, input, info, found, wanted, summary.notes, summary.duration, draw)
            summary.voices = [person.number for person in people if person.id < 0]
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
        summary.learning, summary.tuning_took = learning, tuning_took
        summary.files = folder.files()
    summary.out = folder.made
    if folder.made != out:
        summary.notes.append(f"{out} has been written to meanwhile: the results are in {folder.made}")
    return summary


def _microphones(input: Path, info: MediaInfo) -> EngineLike:
    from streamer.recordings.microphones import Microphones, silero

    return Microphones(microphones(input, info, SAMPLE_RATE), silero(), info.boost)


def _shares(begin: Begin, name: str, length: float) -> Callable[[float], None]:
    """Return what is told shares of a piece of work, which begins with the first."""
    begun = functools.cache(lambda: begin(name, length))
    return lambda share: begun()(share * length)


def _bit_rate(path: Path, info: MediaInfo) -> float | None:
    return path.stat().st_size * 8 / info.duration if info.duration and path.is_file() else None


def open_findings(
    transcriber: Transcriber | None, unwritten: Unwritten, kept: Kept, event: Callable[..., None]
) -> Findings:
    """Make what looks and listens beside the engine.

    Args:
        transcriber: Of the captions; None for none.
        unwritten: What that counts.
        kept: Models.
        event: Gets every event.
    """
    from streamer.observer.live_captions import LiveCaptions
    from streamer.observer.observer import Observer

    captions = None if transcriber is None else LiveCaptions(transcriber)
    return Findings(kept.get("observer", Observer), captions, event, unwritten.notes)


def process_command(
    inputs: Sequence[Path],
    out: Path,
    *,
    device: str = "cpu",
    force: bool = False,
    resume: bool = False,
    one_pass: bool = False,
    adapt: bool = True,
    speech: str | None = "moonshine",
    language: str = AUTO,
    choice: Choice | None = None,
    names: Sequence[str] = (),
    overlay: bool = True,
    burn: bool = False,
    tracks: bool = True,
    rate: int = SAMPLE_RATE,
) -> int:
    """`process` as a command, for one recording or several: says on stdout what was made.

    Returns:
        Exit code: 0, or 1 if one of several recordings failed.

    Raises:
        UserError: see `process`; or flags exclude each other.
    """
    if rate not in RATES:
        raise UserError(f"--rate is one of {', '.join(map(str, RATES))}, not {rate}")
    if burn and (not overlay or speech in (None, "none")):
        raise UserError("--burn needs an overlay and captions")
    named = parse_names(names)
    if named and len(inputs) > 1:
        raise UserError("--names is for one recording; use `earshot rename` for several")
    try:
        check_language(language)
    except ValueError as error:
        raise UserError(str(error)) from error
    wanted = Wanted(named, tracks=tracks, rate=rate, burn=burn)
    how = functools.partial(
        process, device=device, force=force, one_pass=one_pass, adapt=adapt, choice=choice, overlay=overlay
    )
    kept = Kept()

    def one(input: Path, folder: Path) -> None:
        _say(input, how(input, folder, wanted=wanted, speech=speech, language=language, kept=kept))

    with ended_by_signals():
        return process_all(inputs, out, resume, one)


def _say(input: Path, summary: Summary) -> None:
    """Say what was made."""
    for note in summary.notes:
        print(f"{input.name}: {note}")
    if summary.tuning is not None:
        print(f"{input.name}: {summary.tuning.text}")
    count = len(summary.faces)
    faces = f"{count} face{'' if count == 1 else 's'}, " if count else ""
    others = len(summary.voices)
    faces += f"{others} voice{'' if others == 1 else 's'} without a face, " if others else ""
    learning = f" after {summary.learning:.1f} s of learning voices" if summary.learning else ""
    if summary.tuning is not None and summary.tuning.voices:
        learning += f" and {summary.tuning_took:.1f} s of tuning to them"
    print(
        f"{faces}{summary.duration:.1f} s in {summary.took:.1f} s{learning} "
        f"({summary.speed:.1f} times real time): {', '.join(summary.files)} in {summary.out}",
        flush=True,
    )
