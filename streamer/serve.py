"""Run the server with uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio

import uvicorn

from streamer.server import create_app
from streamer.settings import Settings, is_loopback

SHUTDOWN_SECONDS = 5
"""Time that open requests and sockets get after SIGTERM."""


def make_server(settings: Settings) -> uvicorn.Server:
    """Build the server.

    Args:
        settings: checked settings.

    Returns:
        A uvicorn server; its app is `create_app(settings)`.
    """
    return uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            ssl_certfile=str(settings.tls_cert) if settings.tls_cert else None,
            ssl_keyfile=str(settings.tls_key) if settings.tls_key else None,
            log_level=settings.log_level,
            log_config=None,
            access_log=False,
            proxy_headers=bool(settings.proxies),
            forwarded_allow_ips=list(settings.proxies),
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=settings.message_limit,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            h11_max_incomplete_event_size=settings.body_limit,
        )
    )


def page_address(settings: Settings) -> str:
    """Return the address to open in a browser on this machine."""
    scheme = "https" if settings.tls_cert else "http"
    host = "localhost" if is_loopback(settings.host) or settings.host in ("0.0.0.0", "::") else settings.host
    return f"{scheme}://{host}:{settings.port}/"


def serve_forever(settings: Settings, demo: bool = False) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: checked settings.
        demo: bring two talking portraits into a room.

    Returns:
        Exit code: 0, or 1 if the server could not start.
    """
    from streamer.cli import configure_logging

    configure_logging(settings.log_level)
    return asyncio.run(_serve(settings, demo))


async def _serve(settings: Settings, demo: bool) -> int:
    server = make_server(settings)
    companion: asyncio.Task[None] | None = None
    if demo:
        from streamer.demo import run_beside

        companion = asyncio.create_task(run_beside(server, page_address(settings)), name="demo")
    else:
        print(f"Earshot is at {page_address(settings)}", flush=True)
    try:
        await server.serve()
    finally:
        if companion is not None:
            companion.cancel()
            await asyncio.gather(companion, return_exceptions=True)
    return 0 if server.started else 1
