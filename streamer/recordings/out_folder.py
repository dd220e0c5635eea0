"""The folder a recording's results go to: whole or not at all, and never over somebody else's files."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from streamer.errors import UserError

OURS = re.compile(
    r"(?:face|voice)-\d+\.wav|rest\.wav|overlay\.(?:mp4|mkv)|tracks\.(?:mka|mkv)|index\.html|events\.jsonl"
    r"|transcript\.(?:vtt|srt|txt|json|csv|rttm|eaf|TextGrid)"
)
"""Names that a run writes."""

MADE_BY = "earshot process"
"""First event of every run; tells an earlier run's folder from others with the same names in it."""


class OutFolder:
    """A folder beside the wanted one, whose files are moved into it at the end.

    Use as a context manager: after an exception nothing of this run stays.

    Args:
        wanted: Where the results shall be; made if need be.
        force: Whether to write into a folder that holds other files.

    Raises:
        UserError: it holds files that are not of an earlier run, or cannot be written.
    """

    def __init__(self, wanted: Path, force: bool = False) -> None:
        self._wanted = wanted
        try:
            self._check(force)
            wanted.parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=f".{wanted.name}-", dir=wanted.parent))
            if wanted.is_dir():
                with tempfile.TemporaryFile(dir=wanted):
                    pass
        except OSError as error:
            raise UserError(f"cannot write to {wanted}: {error.strerror or error}") from error

    def _check(self, force: bool) -> None:
        if not self._wanted.exists():
            return
        if not self._wanted.is_dir():
            raise UserError(f"{self._wanted} is a file; --out wants a folder")
        names = [entry.name for entry in self._wanted.iterdir()]
        if not names or force:
            return
        if not all(OURS.fullmatch(name) for name in names) or not self._made_by_us():
            raise UserError(f"{self._wanted} holds other files; name a new folder, or add --force to write there")

    def _made_by_us(self) -> bool:
        try:
            with (self._wanted / "events.jsonl").open(encoding="utf-8") as lines:
                first = json.loads(lines.readline(65_536))
        except (OSError, ValueError):
            return False
        return isinstance(first, dict) and first.get("made_by") == MADE_BY

    def __enter__(self) -> OutFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._move()
        finally:
            shutil.rmtree(self.path, ignore_errors=True)

    def _move(self) -> None:
        try:
            if self._wanted.exists():
                for old in self._wanted.iterdir():
                    if OURS.fullmatch(old.name):
                        old.unlink()
                for new in sorted(self.path.iterdir()):
                    new.rename(self._wanted / new.name)
            else:
                self.path.chmod(0o755)
                self.path.rename(self._wanted)
        except OSError as error:
            raise UserError(f"cannot write to {self._wanted}: {error.strerror or error}") from error
