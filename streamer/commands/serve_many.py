"""Run several media servers behind one front door until told to stop."""

from __future__ import annotations

import asyncio
import secrets

from pydantic import SecretStr

from streamer.auth import Role, Tokens
from streamer.commands.port import require_free
from streamer.commands.serve import Server, config, run
from streamer.front.directory import LocalDirectory
from streamer.front.door import Door, create_front
from streamer.front.passage import Passage
from streamer.front.placement import Placement
from streamer.front.servers import Servers
from streamer.keep.directory import DirectoryKeeper
from streamer.server.connections import Connections, raise_descriptor_limit
from streamer.settings import Settings


class Minter:
    """Makes invites for rooms that are elsewhere.

    Args:
        settings: key and lifetimes.
    """

    def __init__(self, settings: Settings) -> None:
        self._tokens = Tokens(settings)

    def invite(self, room: str, role: Role, host: bool = False) -> str:
        """Make an invite; tokens are stateless, so whoever has the key can."""
        return self._tokens.mint("invite", room, role, host=host)


def serve_many(settings: Settings, demo: bool = False) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: checked settings, with `servers`.
        demo: bring two talking portraits into a room.

    Returns:
        Exit code: 0, or 1 if the front door could not open.

    Raises:
        UserError: the port is in use, there are too few UDP ports, or rooms cannot be kept.
    """
    require_free(settings.host, settings.port)
    raise_descriptor_limit()
    if settings.keep is not None:
        # They would find out one by one, and where nobody looks.
        DirectoryKeeper(settings.keep)
    if settings.token_key is None and settings.secret is None:
        # A token of one is good at all, and after a restart of each.
        settings = settings.model_copy(update={"token_key": SecretStr(secrets.token_urlsafe(32))})
    key = secrets.token_urlsafe(32)
    placement = Placement()
    servers = Servers(settings, key, placement)
    app = create_front(Door(settings, LocalDirectory(placement), key, servers.metrics), servers.run)
    # What a proxy before the door tells of clients is read by the media servers.
    served = config(settings, app, Connections(settings), ws=Passage, proxy_headers=False)
    server = Server(served, servers, settings.drain)
    return asyncio.run(run(server, settings, Minter(settings), placement.new_room, demo))
