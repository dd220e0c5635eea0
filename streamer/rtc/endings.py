"""Why the last connections ended, for whoever asks for one that is gone."""

from __future__ import annotations

from collections import OrderedDict

REMEMBERED = 256

MOVED = "the call goes on at another server: ask for it again"
"""Reason of a session that its client was told of by nothing else."""

REMOVED = "the host removed it"
"""Reason of a session whose participant was removed: clients that come back by themselves look for it."""


class Endings:
    """Reasons by connection; of more than `REMEMBERED` the oldest is forgotten."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[str, str] = OrderedDict()

    def note(self, connection: str, reason: str) -> None:
        """Remember why a connection ended."""
        self._reasons[connection] = reason
        if len(self._reasons) > REMEMBERED:
            self._reasons.popitem(last=False)

    def reason(self, connection: str) -> str | None:
        """Return why a connection ended, or None if that is not known."""
        return self._reasons.get(connection)
