"""Who may be connected, and how long without a request or without reading: decided where connections are accepted.

A connection counts from then on, so that TLS without a hello and half a request count like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import resource
import socket
import weakref
from collections import Counter
from typing import Any

from streamer.limits import client_of
from streamer.settings import Settings

MOST_DESCRIPTORS = 65_536
"""What the limit of open files is raised to, if the system lets it."""

REFUSED_AT_ONCE = 64
"""Connections refused in one turn of the event loop, some 20 µs each."""

CROWDED = 0.9
"""Share of the connections there may be from which requests are refused, and told so."""


def raise_descriptor_limit() -> int:
    """Raise this process's limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class Connection(socket.socket):
    """An accepted connection: counted until it is closed, and ended if the client says too little for too long.

    Args:
        accepted: the socket; its descriptor goes over.
        connections: where it counts.
        client: whose it is.
    """

    def __init__(self, accepted: socket.socket, connections: Connections, client: str) -> None:
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        # The system ends it when the client has taken nothing of what waits for so long; asyncio would wait for ever.
        self.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * connections.unread))
        # asyncio closes each of its sockets, but for those it fails to make a transport of.
        self._release = weakref.finalize(self, connections.release, client)
        self._release.atexit = False

    def expect_request(self) -> None:
        """Give the client the time there is for a request, unless it has been given already."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._connections.deadline, self._end)

    def request_came(self) -> None:
        """Leave the client alone while it is answered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Close it, and count it no more."""
        self.request_came()
        super().close()
        self._release()

    def _end(self) -> None:
        self._connections.expired += 1
        # Whatever reads from it, TLS or HTTP, sees the end and closes.
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)


class Connections:
    """The connections of a server, counted by client.

    Args:
        settings: how many, and how long one may be without a request.

    Attributes:
        most: how many there may be: no more than half of the open files, the other half is for media and models.
        deadline: seconds from the acceptance, or from the last answer, to the end of a request's header.
        unread: seconds for which a client may take nothing of what it is sent.
        count: how many there are.
        refused: those closed at once.
        expired: those that sent no request in time.
    """

    def __init__(self, settings: Settings) -> None:
        self.most = min(settings.max_connections, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self.deadline = settings.request_deadline
        self.unread = settings.unread_deadline
        self.count = self.refused = self.expired = 0
        self._most_each = settings.connections_per_client
        self._proxies = settings.proxy_networks
        self._clients: Counter[str] = Counter()
        self._open: weakref.WeakValueDictionary[int, Connection] = weakref.WeakValueDictionary()

    @property
    def crowded(self) -> bool:
        """Whether there is hardly room for more."""
        return self.count >= CROWDED * self.most

    def admit(self, accepted: socket.socket, address: str) -> Connection | None:
        """Count a connection, or close it if its client has too many, or all together.

        Args:
            accepted: as it came from the listening socket.
            address: the other side's; a trusted proxy may have as many as there are.

        Returns:
            The connection in its place, or None.
        """
        client = client_of(address)
        trusted = any(ipaddress.ip_address(address.partition("%")[0]) in network for network in self._proxies)
        if self.count >= self.most or (self._clients[client] >= self._most_each and not trusted):
            self.refused += 1
            accepted.close()
            return None
        self.count += 1
        self._clients[client] += 1
        connection = Connection(accepted, self, client)
        self._open[connection.fileno()] = connection
        connection.expect_request()
        return connection

    def release(self, client: str) -> None:
        """Count one connection of a client no more."""
        self.count -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]

    def of(self, transport: asyncio.BaseTransport) -> Connection | None:
        """Return the connection below a transport; None if it was accepted elsewhere."""
        return self._open.get(transport.get_extra_info("socket").fileno())


class Listener(socket.socket):
    """A listening socket that accepts what may be connected.

    Args:
        family: IPv4 or IPv6.
        address: to be bound.
        connections: where its connections count.

    Raises:
        OSError: the address cannot be had.
    """

    def __init__(self, family: int, address: tuple[Any, ...], connections: Connections) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._connections = connections
        self._exhausted = False
        try:
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                self.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.bind(address)
        except BaseException:
            self.close()
            raise

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept the next connection that may be.

        Raises:
            BlockingIOError: there is none now.
            OSError: for instance, no more files can be opened.
        """
        if self._exhausted:
            # asyncio pauses when no file can be opened, and calls on all the same, 2,048 times: each would be logged.
            self._exhausted = False
            raise BlockingIOError
        for _ in range(REFUSED_AT_ONCE):
            try:
                accepted, address = super().accept()
            except OSError as error:
                self._exhausted = error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
                raise
            if (connection := self._connections.admit(accepted, address[0])) is not None:
                return connection, address
        raise BlockingIOError


async def listen(host: str, port: int, connections: Connections) -> list[socket.socket]:
    """Bind every address of a host.

    Args:
        host: address or name.
        port: 0 for any.
        connections: where what they accept counts.

    Returns:
        A socket an address, not listening yet.

    Raises:
        OSError: an address cannot be had, or there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            listeners.append(Listener(family, address, connections))
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners
