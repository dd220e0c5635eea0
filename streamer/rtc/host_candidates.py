"""The server's own addresses in an answer: ports of a range that a firewall lets through, an address outside a NAT.

aioice binds whichever port is free, and tells the addresses of the machine's interfaces.
"""

from __future__ import annotations

import asyncio
import copy
import errno
import ipaddress
import random
import socket
from dataclasses import dataclass

import aioice.ice
from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.turn import UDP_SOCKET_BUFFER_SIZE

from streamer.settings import Settings


class NoPort(OSError):
    """Every port of the range is taken."""


@dataclass(frozen=True, slots=True)
class HostAddresses:
    """How a connection gets and tells its host candidates.

    Attributes:
        ports: UDP ports there are; None leaves the choice to the system.
        announced: what is told in place of an interface's address of the same family (IPv4, IPv6): the outside of
            a NAT that leads each port to this machine.
    """

    ports: range | None = None
    announced: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> HostAddresses:
        """Read them from the settings."""
        return cls(settings.udp_port_range, settings.announced_addresses)

    def told(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return candidates as the client is told them."""
        announced = {ipaddress.ip_address(address).version: address for address in self.announced}

        def outside(candidate: Candidate) -> Candidate:
            host = announced.get(ipaddress.ip_address(candidate.host).version)
            if candidate.type != "host" or host is None:
                return candidate
            told = copy.copy(candidate)
            told.host = host
            return told

        return [outside(candidate) for candidate in candidates]

    def bind(self, address: str) -> socket.socket:
        """Bind a free port of the range.

        Args:
            address: of an interface.

        Returns:
            A socket that does not block.

        Raises:
            NoPort: there is none.
            OSError: the address cannot be had.
        """
        assert self.ports is not None
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_SOCKET_BUFFER_SIZE)
            # By chance: a port that was just let go may still get the last client's packets.
            for port in random.sample(self.ports, len(self.ports)):
                try:
                    bound.bind((address, port))
                except OSError as error:
                    if error.errno != errno.EADDRINUSE:
                        raise
                else:
                    return bound
            raise NoPort(f"every UDP port from {self.ports[0]} to {self.ports[-1]} is taken")
        except BaseException:
            bound.close()
            raise


async def gather(
    connection: aioice.ice.Connection, component: int, address: str, hosts: HostAddresses, seconds: float
) -> list[Candidate]:
    """Make the candidates of an interface's address, as aioice does, on a port of the range.

    Args:
        connection: that gets the socket.
        component: 1, RTP.
        address: of the interface.
        hosts: with a range.
        seconds: that a STUN server has for its answer.

    Returns:
        The host candidate, and what a STUN server sees of it; none if the address cannot be had.

    Raises:
        NoPort: the range has none.
    """
    try:
        bound = hosts.bind(address)
    except NoPort:
        raise
    except OSError:
        return []
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: aioice.ice.StunProtocol(connection), sock=bound
    )
    connection._protocols.append(protocol)
    host, port = bound.getsockname()[:2]
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )
    found = [protocol.local_candidate]
    if connection.stun_server and bound.family == socket.AF_INET:
        try:
            async with asyncio.timeout(seconds):
                reflexive, _ = await aioice.ice.server_reflexive_candidate(protocol, connection.stun_server)
            found.append(reflexive)
        except (OSError, TimeoutError, aioice.stun.TransactionError):
            pass  # the host candidate may do
    return found
