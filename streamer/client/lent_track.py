"""A track of one connection, which may end without ending what it plays: whoever comes back plays on."""

from __future__ import annotations

from typing import Any

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack


class LentTrack(MediaStreamTrack):
    """Plays what another track does, for as long as a connection is there.

    Args:
        source: lent to one at a time.
    """

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self.kind = source.kind
        self._source = source

    async def recv(self) -> Any:
        """Return the source's next frame or packet."""
        if self.readyState != "live":
            raise MediaStreamError
        return await self._source.recv()
