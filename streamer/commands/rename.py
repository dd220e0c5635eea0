"""`earshot rename`: names for the people of a result, in all its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamer.errors import UserError
from streamer.recordings.exports.people import parse_names
from streamer.recordings.exports.rename import rename
from streamer.recordings.exports.write import OVERLAY


def rename_command(folder: Path, names: Sequence[str], *, force: bool = False, recording: Path | None = None) -> int:
    """Rename, and say on stdout how everybody is called now.

    Args:
        folder: Made by `earshot process`.
        names: Such as "1=Anna".
        force: Whether to write anew what somebody has edited.
        recording: What the result was made of, to draw the names into the overlay.

    Returns:
        Exit code 0.

    Raises:
        UserError: see `streamer.recordings.exports.rename.rename` and `parse_names`.
    """
    wanted = parse_names(names)
    if not wanted:
        raise UserError("say who is who, as in 1=Anna")
    for person in rename(folder, wanted, force, recording):
        print(f"{person.number}  {person.label}")
    if recording is None and (folder / OVERLAY).exists():
        print(f"The boxes in {OVERLAY} keep the names they were drawn with; --recording FILE draws them again.")
    return 0
