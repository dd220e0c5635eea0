"""A server as a process of its own: to be killed, or to have several of its kind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.live.conftest import Site

START_SECONDS = 150
"""Patience costs nothing where all goes well."""


@contextlib.asynccontextmanager
async def running(*program: str, **settings: Any) -> AsyncIterator[tuple[Process, Site]]:
    """Run a server without models until the block is over, or it was killed.

    Args:
        program: module and arguments; it prints its address first.
        settings: of the server, by their names.
    """
    defaults = {"port": 0, "engine": "false", "observer": "false", "requests_burst": 10000, "log_level": "warning"}
    # Control sockets here send no heartbeats: a busy machine is no reason to close them.
    defaults["heartbeat_timeout"] = 120
    own = {f"EARSHOT_{name.upper()}": str(value) for name, value in (defaults | settings).items()}
    environment = os.environ | own | {"OMP_NUM_THREADS": "1"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *program, env=environment, stdout=PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode()
        headers = {"Authorization": f"Bearer {settings['secret']}"} if "secret" in settings else {}
        async with httpx.AsyncClient(base_url=line.split()[-1].rstrip("/"), timeout=60, headers=headers) as http:
            site = Site(http, None)  # type: ignore[arg-type]
            try:
                yield process, site
            finally:
                for thing in site.opened:
                    await thing.close()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
