"""The folder a recording's results go to: whole or not at all, and never over anything but an earlier result."""

from __future__ import annotations

import contextlib
import fcntl
import json
import re
import shutil
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType

from streamer.errors import UserError
from streamer.recordings.fingerprint import fingerprint

OURS = re.compile(
    r"(?:face|voice)-\d+\.wav|rest\.wav|overlay\.(?:mp4|mkv)|tracks\.(?:mka|mkv)|index\.html|events\.jsonl"
    r"|transcript\.(?:vtt|srt|txt|json|csv|rttm|eaf|TextGrid)"
)
"""Names that a run writes."""

MADE_BY = "earshot process"
"""First event of every run; tells an earlier run's folder from others with the same names in it."""

LOCK = ".lock"
"""Held while a run lasts; when the run is killed the system lets go of it, and the next one clears up."""


def is_result_of(folder: Path, recording: Path) -> bool:
    """Return whether a folder holds results that were made of this recording.

    Raises:
        OSError: the recording cannot be read.
    """
    try:
        with (folder / "events.jsonl").open(encoding="utf-8") as lines:
            first = json.loads(lines.readline(65_536))
    except (OSError, ValueError, RecursionError):
        return False
    made = isinstance(first, dict) and first.get("made_by") == MADE_BY
    return made and first.get("fingerprint") == fingerprint(recording)


class OutFolder:
    """A folder beside the wanted one, whose files are moved into it at the end.

    Use as a context manager: after an exception nothing of this run stays. Folders that killed runs have left are
    removed.

    Args:
        wanted: Where the results shall be; made if need be.
        input: The recording. Its earlier results may be replaced, nobody else's.
        force: Whether to replace them, and to write into a folder that holds other files.

    Raises:
        UserError: it holds the input, or files and there is no `force`, or results of another recording; or it cannot
            be written.

    Attributes:
        path: Where to write.
        made: Where the results are, at the end.
    """

    def __init__(self, wanted: Path, input: Path, force: bool = False) -> None:
        self._wanted, self._input, self._force = wanted, input, force
        self.made = wanted
        try:
            self._check()
            wanted.parent.mkdir(parents=True, exist_ok=True)
            self._remove_abandoned()
            self.path = Path(tempfile.mkdtemp(prefix=self._prefix, dir=wanted.parent))
            self._lock = (self.path / LOCK).open("wb")
            with contextlib.suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if wanted.is_dir():
                with tempfile.TemporaryFile(dir=wanted):
                    pass
        except OSError as error:
            raise UserError(f"cannot write to {wanted}: {error.strerror or error}") from error

    @property
    def _prefix(self) -> str:
        return f".{self._wanted.name}-"

    def _check(self) -> None:
        wanted = self._wanted
        places = (self._input.resolve(), self._input.parent.resolve() / self._input.name)
        if any(place.is_relative_to(wanted.resolve()) for place in places):
            raise UserError(f"{self._input} is inside {wanted}; name another folder for the results")
        if not wanted.exists():
            return
        if not wanted.is_dir():
            raise UserError(f"{wanted} is a file; --out wants a folder")
        names = [entry.name for entry in wanted.iterdir()]
        ours = [name for name in names if OURS.fullmatch(name)]
        if ours and not is_result_of(wanted, self._input):
            raise UserError(f"{wanted} holds other files, {ours[0]} for one, that are not results of this recording")
        if ours and not self._force:
            raise UserError(f"{wanted} holds results of this recording; add --force to replace them")
        if names and not self._force:
            raise UserError(f"{wanted} holds other files; name a new folder, or add --force to write there")

    def _remove_abandoned(self) -> None:
        for old in self._wanted.parent.glob(f"{self._prefix.replace('[', '[[]')}*/{LOCK}"):
            with contextlib.suppress(OSError), old.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old.parent)

    def __enter__(self) -> OutFolder:
        return self

    def files(self) -> list[str]:
        """Return the names of what has been written."""
        return sorted(entry.name for entry in self.path.iterdir() if entry.name != LOCK)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._move()
        finally:
            self._lock.close()
            shutil.rmtree(self.path, ignore_errors=True)

    def _move(self) -> None:
        new = self.files()
        try:
            (self.path / LOCK).unlink()
            try:
                self._check()
            except UserError:
                # Somebody has written there meanwhile. Neither theirs nor ours is thrown away.
                self.made = next(
                    free
                    for number in count(2)
                    if not (free := self._wanted.with_name(f"{self._wanted.name}-{number}")).exists()
                )
            if not self.made.exists():
                self.path.chmod(0o755)
                self.path.rename(self.made)
                return
            for name in new:
                (self.path / name).rename(self.made / name)
            for old in self.made.iterdir():
                if OURS.fullmatch(old.name) and old.name not in new:
                    old.unlink()
        except OSError as error:
            raise UserError(f"cannot write to {self._wanted}: {error.strerror or error}") from error
