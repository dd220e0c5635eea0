"""How the demo's participant reaches the server that started it: by loopback, whatever the server is called."""

from __future__ import annotations

import os
import ssl

import httpx

from streamer.settings import Settings, is_loopback

CERTIFICATE, HOST = "EARSHOT_DEMO_CERTIFICATE", "EARSHOT_DEMO_HOST"
"""Variables, set by the server for its child alone."""

_END = "-----END CERTIFICATE-----"


def environment(settings: Settings) -> dict[str, str]:
    """Return what the child has to be told.

    Args:
        settings: the server's.

    Returns:
        Environment variables: the certificate it serves with (PEM), and a host name that it answers to.
    """
    variables = {}
    if settings.tls_cert is not None:
        # The first of the chain is the server's own.
        leaf, end, _ = settings.tls_cert.read_text(encoding="ascii", errors="replace").partition(_END)
        variables[CERTIFICATE] = leaf + end
    if settings.allowed_hosts:
        variables[HOST] = settings.allowed_hosts[0]
    return variables


def http_client(seconds: float) -> httpx.AsyncClient:
    """Return an HTTP client; in the server's own child, one that trusts exactly that server.

    Args:
        seconds: time a request may take.
    """
    certificate, host = os.environ.get(CERTIFICATE), os.environ.get(HOST)
    verify: ssl.SSLContext | bool = True
    if certificate:
        verify = ssl.create_default_context(cadata=certificate)
        # It is called by its public name, and asked for by the loopback one; and it has to be this very one,
        # so nobody above it in the chain need be known.
        verify.check_hostname = False
        verify.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    headers = {"Host": host} if host else {}
    return httpx.AsyncClient(timeout=seconds, verify=verify, headers=headers)


def page_address(settings: Settings, port: int) -> str:
    """Return the address to open in a browser on this machine.

    Args:
        settings: host and whether there is TLS.
        port: the one that is listened on.
    """
    scheme = "https" if settings.tls_cert else "http"
    local = is_loopback(settings.host) or settings.host in ("0.0.0.0", "::")
    # With names to listen to, no other name is answered.
    host = next(iter(settings.allowed_hosts), "localhost" if local else settings.host)
    return f"{scheme}://{host}:{port}"
