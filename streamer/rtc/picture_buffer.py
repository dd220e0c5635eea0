"""A publisher's pictures to their decoder as soon as they are whole, in place of aiortc's jitter buffer."""

from __future__ import annotations

from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

CAPACITY = 128
"""Packets of a picture, as many as aiortc takes."""


class PictureBuffer(JitterBuffer):
    """Hands on a picture with its last packet, which the marker bit tells (RFC 7741, 4.1; RFC 6184, 5.1).

    aiortc waits for the first packet of the next picture, 33 ms or more. That is done here, too, once a sender has gone
    on with a picture after such a mark.
    """

    def __init__(self) -> None:
        super().__init__(CAPACITY, is_video=True)
        self._marks = True
        self._done: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take a packet; return whether pictures were lost, and the next one that is whole."""
        if packet.timestamp == self._done and _data(packet):
            self._marks = False
        return super().add(packet)

    def _remove_frame(self, sequence_number: int) -> JitterFrame | None:
        if not self._marks:
            return super()._remove_frame(sequence_number)
        packets: list[RtpPacket] = []
        for place in range(self._capacity):
            packet = self._packets[((self._origin or 0) + place) % self._capacity]
            if packet is None:
                return None
            if packets and packet.timestamp != packets[0].timestamp:
                break
            packets.append(packet)
            if packet.marker:
                break
        else:
            return None
        self.remove(len(packets))
        if packets[0].timestamp == self._done:
            # Nothing but padding, which follows a picture: look on.
            return self._remove_frame(sequence_number)
        self._done = packets[0].timestamp
        return JitterFrame(b"".join(_data(packet) for packet in packets), packets[0].timestamp)


def _data(packet: RtpPacket) -> bytes:
    """Return what aiortc's receiver has unpacked."""
    data: bytes = vars(packet)["_data"]
    return data
