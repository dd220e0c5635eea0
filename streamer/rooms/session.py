"""A WHIP or WHEP session: one peer connection in one direction."""

from __future__ import annotations

from typing import ClassVar, Literal

from aiortc import RTCPeerConnection

from streamer.rtc.peer import Peer


class Session:
    """Base of `Publisher` and `Watcher`.

    Args:
        peer: its connection; the session is the only one to close it.

    Attributes:
        id: names it in its address, and is not to be guessed.
    """

    kind: ClassVar[Literal["whip", "whep"]]

    def __init__(self, peer: Peer) -> None:
        self.id = peer.id
        self.peer = peer

    @property
    def connected(self) -> bool:
        """Whether media can flow."""
        return self.peer.connected

    async def open(self, offer: str) -> str:
        """Answer the offer.

        Args:
            offer: checked SDP.

        Returns:
            The SDP answer.

        Raises:
            BadSdp: it cannot be used; nothing is left behind.
        """
        try:
            return await self.peer.answer(offer, self._prepare)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the connection and what hangs on it; may be called again."""
        raise NotImplementedError

    def _prepare(self, pc: RTCPeerConnection) -> None:
        """Attach tracks, once the offer's m-lines are known."""
        raise NotImplementedError
