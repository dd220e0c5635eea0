"""A watcher: one WHEP connection with a mixed sound and a picture slot for each video m-line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiortc import RTCPeerConnection

from models.common.arrays import F32
from streamer.clock import now
from streamer.messages.protocol import Slot
from streamer.mixing.desk import Desk
from streamer.mixing.faders import Faders
from streamer.mixing.listen_track import ListenTrack
from streamer.rooms.session import Session
from streamer.rtc import rtp
from streamer.rtc.bandwidth import MOST, Shares, bits_for, on_estimate
from streamer.rtc.peer import Peer
from streamer.rtc.relay import VIDEO_CODECS, VideoSource
from streamer.rtc.sdp import BadSdp
from streamer.rtc.slot import SlotTrack


class Watcher(Session):
    """Sends one listener all the others.

    Args:
        peer: its connection.
        desk: what mixes for them.
        own: the listener's id, whose voice they are not sent.
        faders: the listener's.
        on_slots: called when the slots' RTP bases become known or change.
        on_complete: called with False when sound is left out, and with True when that is over.
        on_sound: called with each block that they are sent, and its number in the room.
    """

    kind = "whep"

    def __init__(
        self,
        peer: Peer,
        desk: Desk,
        own: str,
        faders: Faders,
        on_slots: Callable[[], None],
        on_complete: Callable[[bool], None],
        on_sound: Callable[[F32, int], None],
    ) -> None:
        super().__init__(peer)
        self.listen = ListenTrack(desk, own, faders, on_complete, on_sound)
        self._on_slots = on_slots
        self._tracks: dict[str, SlotTrack] = {}
        self._shown: dict[str, str] = {}
        self._shares: Shares[SlotTrack] = Shares()

    async def close(self) -> None:
        """Stop all tracks and close; may be called again."""
        self.listen.stop()
        for track in self._tracks.values():
            track.stop()
        await self.peer.close()

    def assign(self, sources: dict[str, VideoSource], widths: Mapping[str, int] | None = None) -> bool:
        """Show these participants, in this order; who has a slot keeps it.

        Args:
            sources: picture of each participant to show.
            widths: at which width each is shown, points of the screen; those not in it at any.

        Returns:
            Whether anything changed.
        """
        before = dict(self._shown)
        self._shown = {mid: who for mid, who in self._shown.items() if who in sources}
        missing = [who for who in sources if who not in self._shown.values()]
        for mid, track in self._tracks.items():
            if mid not in self._shown and missing and track.readyState == "live":
                self._shown[mid] = missing.pop(0)
        for mid, track in self._tracks.items():
            who = self._shown.get(mid)
            track.set_source(sources[who] if who is not None else None)
            width = (widths or {}).get(who or "")
            track.wanted = MOST if width is None else bits_for(width)
        return self._shown != before

    def unsent(self, participant: str) -> int:
        """Return how many pictures could not be sent in the place where a participant is shown."""
        return sum(track.dropped for mid, track in self._tracks.items() if self._shown.get(mid) == participant)

    def slots(self) -> list[Slot]:
        """Return who is shown where, in the order of the m-lines."""
        return [
            Slot(mid=mid, participant=self._shown[mid], rtp_base=track.rtp_base)
            for mid, track in self._tracks.items()
            if mid in self._shown
        ]

    @property
    def sound_base(self) -> int | None:
        """RTP timestamp of the beginning of the mix's clock; None where no sound is sent."""
        return None if self.listen.out is None else self.listen.out.origin

    def _prepare(self, pc: RTCPeerConnection) -> None:
        rtp.prefer_codecs(pc, [*VIDEO_CODECS, "audio/opus"])
        for transceiver in pc.getTransceivers():
            transceiver.direction = "sendonly"
            if transceiver.kind == "audio":
                self.listen.bind(transceiver)
            elif transceiver.mid is not None:
                track = SlotTrack(on_rtp_base=lambda base: self._on_slots())
                try:
                    track.bind(transceiver)
                except ValueError as error:
                    raise BadSdp(422, "No video codec is shared.") from error
                on_estimate(transceiver.sender, self._estimated)
                self._tracks[transceiver.mid] = track

    def _estimated(self, bits: int) -> None:
        """Tell the publishers who are shown what the way to here carries of theirs."""
        shown = {track: track.out.octets for track in self._tracks.values() if track.source and track.out is not None}
        for track, share in self._shares.step(bits, shown, now()).items():
            if track.source is not None:
                track.source.note_share(track, share)
