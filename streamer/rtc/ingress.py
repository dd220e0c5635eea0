"""What may enter by UDP: a filter in front of aioice's datagrams, and a bound on what waits to be read.

aioice 0.13 hands every datagram that is no STUN message to the connection, whoever sent it, and keeps them in a
queue without bound; what its STUN parser cannot read ends in a traceback a datagram. Here a datagram goes on only

- as a STUN message: a request that proves the session's password (RFC 8445, 7.3), or an answer to one of our own;
- as anything else: from an address that has passed such a check.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from dataclasses import dataclass
from typing import Any, cast

import aioice.ice
import aiortc.rtcicetransport
from aioice import Candidate, stun
from aioice.candidate import candidate_priority
from aiortc import RTCPeerConnection

from streamer.rtc.host_candidates import HostAddresses, gather
from streamer.rtc.names import NAMES

LONGEST_DATAGRAM = 2048
"""Bytes: packets are made for a path of 1,500; longer ones come in fragments, which nobody sends on purpose."""

MOST_WAITING = 512
"""Datagrams that wait to be read, at most 1 MiB with the limit above: a second and a half of 3 Mbit/s."""

MOST_SOURCES = 32
"""Addresses one client may check from; each costs seven connectivity checks, to wherever the address points."""

_COOKIE = stun.COOKIE.to_bytes(4, "big")

Address = tuple[str, int]


@dataclass(slots=True)
class Drops:
    """Datagrams that went no further.

    Attributes:
        empty: without a byte.
        long: over `LONGEST_DATAGRAM`.
        malformed: STUN that cannot be read, or that answers nothing.
        unauthentic: checks without the session's password.
        crowded: checks from more than `MOST_SOURCES` addresses.
        foreign: media from an address that has passed no check.
        overflow: those for which the queue had no room.
        late: those that came after the end.
    """

    empty: int = 0
    long: int = 0
    malformed: int = 0
    unauthentic: int = 0
    crowded: int = 0
    foreign: int = 0
    overflow: int = 0
    late: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(dataclasses.astuple(self))


GATHER_SECONDS = 0.8
"""Time that STUN and TURN servers get to answer: five round trips of 160 ms, as TURN over TLS takes. A dead one delays
every join by it; aioice waits for 5 s."""


class IngressConnection(aioice.ice.Connection):
    """An ICE connection that knows who has passed a check, and holds no more than it may.

    Attributes:
        drops: what was kept out.
        heard_at: loop time in seconds of the last datagram that got in; None before the first.
        hosts: how it gets its ports and tells its addresses.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.drops = Drops()
        self.heard_at: float | None = None
        self.hosts = HostAddresses()
        self._sources: set[Address] = set()

    @property
    def local_candidates(self) -> list[Candidate]:
        """What the client is told of where this is."""
        return self.hosts.told(super().local_candidates)

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: float = GATHER_SECONDS,  # noqa: ASYNC109 - aioice's
    ) -> list[Candidate]:
        """Open the sockets; a STUN or TURN server that is silent for this many seconds is done without."""
        await self._look_up(timeout)
        # They are handed on to asyncio.wait, and need not be whole.
        if self.hosts.ports is None:
            return await super().get_component_candidates(component, addresses, timeout)  # type: ignore[arg-type]
        own = [gather(self, component, address, self.hosts, timeout) for address in addresses]
        others = super().get_component_candidates(component, [], timeout)  # type: ignore[arg-type]
        relayed, *found = await asyncio.gather(others, *own)
        return [candidate for candidates in (*found, relayed) for candidate in candidates]

    async def _look_up(self, seconds: float) -> None:
        """Put addresses for the servers' names, and leave out those that are not found in time.

        aioice would look them up, anew with each join, on threads of sound.
        """
        if self.stun_server is not None:
            self.stun_server = await _found(self.stun_server, seconds)
        if self.turn_server is not None:
            if self.turn_ssl is True:
                # aioice hands on what is no truth value, too.
                self.turn_ssl = cast(bool, _Certified(self.turn_server[0]))
            self.turn_server = await _found(self.turn_server, seconds)

    @property
    def checked(self) -> bool:
        """Whether anybody with the session's password was heard."""
        return bool(self._sources)

    def knows(self, address: Address) -> bool:
        """Say whether an address has passed a check, its own or ours."""
        if address in self._sources:
            return True
        # An ICE-lite peer sends no checks, and only answers ours.
        return any(pair.remote_addr == address for pair in self._nominated.values())

    def authentic(self, message: stun.Message) -> bool:
        """Say whether a message is a check by whoever holds the session's password (RFC 8445, 7.3)."""
        attributes = message.attributes
        return (
            message.message_method == stun.Method.BINDING
            and {"USERNAME", "MESSAGE-INTEGRITY"} <= attributes.keys()
            and self._valid_username(attributes["USERNAME"])
            and message.check_message_integrity(self.local_password.encode())
        )

    def admit(self, address: Address) -> bool:
        """Let an address in that has passed a check; False if there are too many already."""
        if address not in self._sources:
            if len(self._sources) >= MOST_SOURCES:
                return False
            self._sources.add(address)
        return True

    def data_received(self, data: bytes, component: int) -> None:
        """Queue a datagram, if there is room."""
        if self._closing:
            self.drops.late += 1
        elif self._queue.qsize() >= MOST_WAITING:
            self.drops.overflow += 1
        else:
            super().data_received(data, component)

    async def close(self) -> None:
        """Close, and let go at once of everything that was queued or checked."""
        await super().close()
        # Pairs and early checks hold the sockets' protocols, which hold the connection: without this only a full
        # collection would free it, and what it holds.
        self._check_list.clear()
        self._early_checks.clear()
        while not self._queue.empty():
            self._queue.get_nowait()
        # Whoever reads has to hear of the end.
        self._queue.put_nowait(None)


class IngressProtocol(aioice.ice.StunProtocol):
    """Looks at each datagram before aioice does."""

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Hand on what may enter, and count the rest."""
        data, address = cast(bytes, data), (addr[0], addr[1])
        connection = cast(IngressConnection, self.receiver)
        drops = connection.drops
        if not data:
            # aiortc reads the first byte of whatever it gets.
            drops.empty += 1
        elif len(data) > LONGEST_DATAGRAM:
            drops.long += 1
        elif data[0] < 4:
            # RFC 7983, 7: the first byte says which protocol a datagram belongs to.
            self._check(connection, data, address)
        elif connection.knows(address):
            self._heard(connection)
            connection.data_received(data, self.local_candidate.component)
        else:
            drops.foreign += 1

    def _check(self, connection: IngressConnection, data: bytes, address: Address) -> None:
        try:
            message = stun.parse_message(data)
        except Exception:
            # aioice reads attributes without a grammar: besides ValueError there are errors of struct and more.
            connection.drops.malformed += 1
            return
        if data[4:8] != _COOKIE:
            connection.drops.malformed += 1
        elif message.message_class == stun.Class.REQUEST:
            # Who has no password gets no answer either: it would go to wherever the sender's address points.
            if not connection.authentic(message):
                connection.drops.unauthentic += 1
            elif not connection.admit(address):
                connection.drops.crowded += 1
            else:
                self._heard(connection)
                # aioice reads it without a look; some WHIP clients leave it out (RFC 8445, 7.1.1 wants it).
                message.attributes.setdefault("PRIORITY", candidate_priority(1, "prflx"))
                connection.request_received(message, address, self)
        elif message.message_class == stun.Class.INDICATION:
            if connection.knows(address):
                self._heard(connection)
        elif message.transaction_id in self.transactions:
            if connection.knows(address):
                self._heard(connection)
            self.transactions[message.transaction_id].response_received(message, address)
        else:
            connection.drops.malformed += 1

    def _heard(self, connection: IngressConnection) -> None:
        connection.heard_at = asyncio.get_running_loop().time()


class _Certified(ssl.SSLContext):
    """For a TLS connection to an address, where the certificate has to be for a name."""

    name: str

    def __new__(cls, name: str) -> _Certified:
        self = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        self.name = name
        self.load_default_certs()
        return self

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Ask for the name, whatever address is connected to."""
        return super().wrap_bio(incoming, outgoing, server_side, self.name, session)


async def _found(server: Address, seconds: float) -> Address | None:
    """Return a server's address and port, None if its name is not found in time."""
    address = await NAMES.find(server[0], seconds)
    return (address, server[1]) if address else None


def install() -> None:
    """Make aiortc build its connections with the filter. May be called again."""
    setattr(aioice.ice, "StunProtocol", IngressProtocol)  # noqa: B010 - a module's class
    setattr(aiortc.rtcicetransport, "Connection", IngressConnection)  # noqa: B010


def connections(pc: RTCPeerConnection) -> list[IngressConnection]:
    """Return the ICE connections of a peer connection, each once."""
    found: dict[int, IngressConnection] = {}
    for transceiver in pc.getTransceivers():
        dtls = transceiver.receiver.transport
        if dtls is not None and isinstance(dtls.transport._connection, IngressConnection):
            found[id(dtls)] = dtls.transport._connection
    return list(found.values())
