"""The STUN and TURN servers a client is told of, with credentials of its own where there is a shared secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from streamer.settings import IceServer, Settings


def ice_servers(settings: Settings, user: str, now: float | None = None) -> list[IceServer]:
    """Return the servers for one client.

    Args:
        settings: the servers; with `turn_secret`, those of TURN that have no user get short-lived credentials.
        user: who will use them, for the TURN server's log.
        now: Unix seconds; None for the present.

    Returns:
        Servers as RTCPeerConnection takes them.

    Source:
        draft-uberti-behave-turn-rest-00, 2.2; coturn calls it `use-auth-secret`.
    """
    if settings.turn_secret is None:
        return list(settings.ice_servers)
    expires = int((time.time() if now is None else now) + settings.turn_lifetime)
    username = f"{expires}:{user}"
    digest = hmac.digest(settings.turn_secret.get_secret_value().encode(), username.encode(), hashlib.sha1)
    credentials = {"username": username, "credential": base64.b64encode(digest).decode()}
    return [
        server.model_copy(update=credentials) if server.relays and server.username is None else server
        for server in settings.ice_servers
    ]
