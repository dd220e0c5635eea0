"""Several files one after the other: what is wrong with one does not stop the rest."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from streamer.errors import UserError
from streamer.recordings.exports.event_log import EVENTS
from streamer.recordings.out_folder import is_result_of

SOME_FAILED = 1
"""Exit code when some of several files could not be processed."""

LAST = 65_536
"""Bytes at the end of a result's events that are looked at for the last one."""


def result_folders(inputs: Sequence[Path], out: Path) -> list[tuple[Path, Path]]:
    """Return each recording with the folder for its result.

    One goes to `out` itself; several go to folders in it that have their names, with what tells them apart if need be.
    """
    if len(inputs) == 1:
        return [(inputs[0], out)]
    stems, names = Counter(path.stem for path in inputs), Counter(path.name for path in inputs)
    placed, used = [], Counter[str]()
    for path in inputs:
        name = path.stem if stems[path.stem] == 1 else path.name
        used[path.name] += 1
        if names[path.name] > 1 and used[path.name] > 1:
            name = f"{name}-{used[path.name]}"
        placed.append((path, out / name))
    return placed


def is_done(recording: Path, folder: Path) -> bool:
    """Return whether a folder holds the whole result of a recording."""
    try:
        if not is_result_of(folder, recording):
            return False
        with (folder / EVENTS).open("rb") as lines:
            size = lines.seek(0, 2)
            lines.seek(max(0, size - LAST))
            last = json.loads(lines.read().rstrip().rpartition(b"\n")[2])
        return bool(last.get("type") == "end")
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def process_all(inputs: Sequence[Path], out: Path, resume: bool, process: Callable[[Path, Path], None]) -> int:
    """Process recordings.

    Args:
        inputs: The recordings.
        out: Folder for the results, see `result_folders`.
        resume: Whether to skip those whose result is there.
        process: Does it for one recording and a folder.

    Returns:
        Exit code, see `each`.

    Raises:
        UserError: The only recording cannot be processed.
    """
    folders = iter(result_folders(inputs, out))

    def one(recording: Path) -> None:
        _, folder = next(folders)
        if resume and is_done(recording, folder):
            print(f"{recording.name}: done before, in {folder}", flush=True)
        else:
            process(recording, folder)

    return each(inputs, one)


def each(inputs: Sequence[Path], work: Callable[[Path], object]) -> int:
    """Do something with every file.

    Returns:
        Exit code: 0, or 1 if one of several failed; each has had a line on stderr.

    Raises:
        UserError: The only file cannot be used.
    """
    failed: list[Path] = []
    for path in inputs:
        if len(inputs) == 1:
            work(path)
            continue
        try:
            work(path)
        except UserError as error:
            failed.append(path)
            print(f"earshot: {' '.join(str(error).split())}", file=sys.stderr, flush=True)
        except Exception as error:
            # Whatever one file does to a codec or a model, the others are wanted.
            failed.append(path)
            said = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"earshot: {path} cannot be processed: {said}", file=sys.stderr, flush=True)
    if failed:
        names = ", ".join(path.name for path in failed)
        print(f"earshot: {len(failed)} of {len(inputs)} files failed: {names}", file=sys.stderr, flush=True)
    return SOME_FAILED if failed else 0
