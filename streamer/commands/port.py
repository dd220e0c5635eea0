"""Which ports of this machine are free."""

from __future__ import annotations

import errno
import socket

from streamer.errors import UserError

HIGHEST = 65_535
LOOKED_AT = 100
"""Ports that are tried for a free one."""


def try_bind(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    """Bind a port and let it go again.

    Args:
        host: address or name to listen on.
        port: 0 for any.
        kind: of socket.

    Raises:
        OSError: it cannot be had; with EADDRINUSE, because somebody listens on it.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As the server does: a port whose last connections are only waiting to be forgotten is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def require_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on.

    Args:
        host: address or name to listen on.
        port: TCP port.

    Raises:
        UserError: it is in use; names the next one that is free.
    """
    if not _in_use(host, port):
        return
    for other in range(port + 1, min(port + LOOKED_AT, HIGHEST) + 1):
        if not _in_use(host, other):
            raise UserError(f"port {port} is in use: try --port {other}")
    raise UserError(f"port {port} is in use, and so are those after it: try --port 0, which takes any")


def _in_use(host: str, port: int) -> bool:
    try:
        try_bind(host, port)
    except OSError as error:
        # For any other reason the server says itself why it cannot have the port.
        return error.errno == errno.EADDRINUSE
    return False
