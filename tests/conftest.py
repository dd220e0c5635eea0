"""Fixtures for all tests; live ones use the loopback interface and refuse blocking calls on the loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aioice.ice
import pytest
from blockbuster import BlockBuster, blockbuster_ctx
from hypothesis import HealthCheck, settings

LIVE = Path(__file__).parent / "live"
BROWSER = Path(__file__).parent / "browser"

# How long an example takes says how busy the machine is: no deadline, and no complaint about slow data.
settings.register_profile("earshot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("earshot")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests go last: Playwright keeps an event loop running on this thread, which other tests cannot have."""
    items.sort(key=lambda item: BROWSER in item.path.parents)


def _is_live(request: pytest.FixtureRequest) -> bool:
    return LIVE in request.path.parents


@pytest.fixture(autouse=True)
def loopback_ice(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Live tests offer 127.0.0.1 alone: the machine's own addresses may be unreachable or many."""
    if _is_live(request):
        monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.fixture(autouse=True)
def no_blocking(request: pytest.FixtureRequest) -> Iterator[BlockBuster | None]:
    """A blocking call on the event loop fails a live test."""
    if not _is_live(request):
        yield None
        return
    with blockbuster_ctx() as blocker:
        acquire = blocker.functions["threading.Lock.acquire"]
        # aiortc starts a decoder's thread on the loop. It joins it there too, in the tests' own clients; the server
        # joins it elsewhere.
        acquire.can_block_in("aiortc/rtcrtpreceiver.py", {"receive", "__stop_decoder"})
        # An executor starts its threads on the loop, which waits until each one runs.
        acquire.can_block_in("concurrent/futures/thread.py", {"_adjust_thread_count"})
        yield blocker
