"""Several packets to one address by one call of the system: Linux cuts them apart (UDP_SEGMENT, since 4.18).

Most of what a packet costs is its own way through the kernel; those of one picture are of one length but for the last.
"""

from __future__ import annotations

import errno
import itertools
import logging
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

log = logging.getLogger("earshot.rtp")

MOST_AT_ONCE = 40
"""Packets in one call: the kernel takes 64, and 65,507 bytes, which is 43 of the longest."""

_UDP_SEGMENT = 103
_UNABLE = {errno.EINVAL, errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP, errno.ENOSYS}
"""What kernels and network cards without it answer; whatever else fails concerns this one call."""


class Segments:
    """Sends one receiver's packets through asyncio's datagram transports.

    Attributes:
        usable: whether several at once work on the way to this receiver; True until tried.
    """

    def __init__(self) -> None:
        self.usable = hasattr(socket.socket, "sendmsg")

    def send(self, transport: Any, packets: Sequence[bytes], address: tuple[str, int]) -> None:
        """Send packets in order; what the socket has no room for waits in the transport.

        Args:
            transport: asyncio's, or anything with `sendto`, such as a TURN allocation.
            packets: each a datagram.
            address: where to.
        """
        if len(packets) > 1 and self.usable:
            # asyncio has no public way to send with ancillary data. What waits in its buffer goes first.
            direct = getattr(transport, "_sock", None)
            if direct is not None and not transport.get_write_buffer_size() and not transport.is_closing():
                packets = self._direct(direct, packets, address)
        for packet in packets:
            transport.sendto(packet, address)

    def _direct(self, direct: socket.socket, packets: Sequence[bytes], address: tuple[str, int]) -> Sequence[bytes]:
        """Send what can be sent at once, and return what is left."""
        sent = 0
        try:
            for run in runs(packets):
                if len(run) == 1:
                    direct.sendto(run[0], address)
                else:
                    size = struct.pack("=H", len(run[0]))
                    direct.sendmsg(run, [(socket.IPPROTO_UDP, _UDP_SEGMENT, size)], 0, address)
                sent += len(run)
        except OSError as error:
            if error.errno in _UNABLE:
                self.usable = False
                log.info("packets are sent one by one: %s", error)
        return packets[sent:]


def runs(packets: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split packets into runs that the kernel can cut apart: all of one length, the last one shorter or not."""
    begin = 0
    for place, (packet, following) in enumerate(itertools.pairwise(packets)):
        count = place + 1 - begin
        if len(packet) != len(packets[begin]) or len(following) > len(packet) or count >= MOST_AT_ONCE:
            yield packets[begin : place + 1]
            begin = place + 1
    yield packets[begin:]
