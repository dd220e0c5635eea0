"""Real clients publish and watch; `python -m bench.clients` makes twenty connections of each."""

from __future__ import annotations

import asyncio

import aioice.ice
import pytest

from bench.clients.programs import PROGRAMS, connections, free_port
from tests.live.conftest import serving

TIMES = 3


@pytest.fixture(autouse=True)
def loopback_ice() -> None:
    """Leave the machine's own addresses: Firefox sends nothing to 127.0.0.1 alone."""
    if not aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=True):
        pytest.skip("this machine has no network")


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_client_publishes_and_watches(name: str) -> None:
    program = await asyncio.to_thread(PROGRAMS[name])
    if program.missing is not None:
        pytest.skip(program.missing)
    page = free_port()
    async with serving(allowed_origins=(f"http://127.0.0.1:{page}",)) as site:
        room = await site.room()
        server = str(site.http.base_url).rstrip("/")
        made = await connections(program, server, room, TIMES, page)
        assert [connection.error for connection in made] == [None] * TIMES
        counts = site.context.rooms.peers
        assert (counts.opened, counts.abandoned, counts.refused) == (2 * TIMES, 0, 0)
