"""`earshot process` on the journal of a call."""

from __future__ import annotations

from pathlib import Path

from streamer.commands.progress import progress as show_progress
from streamer.errors import UserError
from streamer.recordings.calls.make import make
from streamer.recordings.exports.write import Wanted
from streamer.recordings.out_folder import OutFolder
from streamer.recordings.summary import Summary


def process_call(journal: Path, out: Path, *, progress: bool, force: bool, wanted: Wanted, overlay: bool) -> Summary:
    """Make the results of a recorded call; arguments as of `streamer.commands.process.process`.

    Raises:
        UserError: there is nothing in it, the folder cannot be written, or something is asked for that takes pictures
            of one camera.
    """
    if wanted.burn:
        raise UserError("--burn is for recordings of one camera; the overlay of a call has a subtitle track")
    with OutFolder(out, journal, force) as folder:
        try:
            with show_progress(progress) as begin:
                summary = make(journal, folder.path, wanted, overlay, begin(journal.name, None))
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror or error}") from error
        summary.files = folder.files()
    summary.out = folder.made
    return summary
