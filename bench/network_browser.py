"""Chromium as the listener in a bad network: what it says itself of freezes and concealed sound.

Its jitter buffer adapts and it asks for lost packets again, as viewers' browsers do; aiortc's holds 80 ms, come what
may.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
from playwright.async_api import Page, async_playwright

from bench.network_fan import janus_offer
from bench.network_media import FPS, KEYFRAMES
from bench.network_proxy import Proxy
from streamer.rtc.blocks import CALL_RATE

LOSSES = 0.0, 0.02, 0.05, 0.15

SETTLE, SECONDS = 3.0, 12.0
"""For which a bad network is let settle (its jitter buffer grows), and then measured."""

CUT, PATIENCE = 5.0, 15.0
"""Seconds without any packet, in which no side gives the session up, and for which media is then waited for."""

CUTS = 4
"""Listeners who are cut off, one after the other within the time from one key frame to the next."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    # Else candidates carry names that only this browser's own network could resolve.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)

Counts: TypeAlias = dict[str, float]
Connect: TypeAlias = Callable[[Page, Proxy], Awaitable[int]]
"""Connects the page to a server through a proxy, and returns the connection's number in the page."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A page that can listen, in a Chromium without a window."""
    installed = shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=installed, args=list(FLAGS))
        try:
            page = await browser.new_page()
            await page.evaluate(Path(__file__).with_name("network_listener.js").read_text("utf-8"))
            yield page
        finally:
            await browser.close()


def earshot(http: httpx.AsyncClient, room: str, invite: str) -> Connect:
    """Watch a room of this server."""

    async def connect(page: Page, proxy: Proxy) -> int:
        number, offer = await page.evaluate("offer()")
        answer = await http.post(
            f"/rooms/{room}/whep",
            content=await proxy.offered(offer),
            headers={"content-type": "application/sdp", "authorization": f"Bearer {invite}"},
        )
        answer.raise_for_status()
        await page.evaluate("accept", [number, proxy.answered(answer.text)])
        return int(number)

    return connect


def janus(http: httpx.AsyncClient) -> Connect:
    """Watch the one stream of Janus' streaming plugin."""

    async def connect(page: Page, proxy: Proxy) -> int:
        offer, start = await janus_offer(http)
        number, answer = await page.evaluate("answer", await proxy.offering(offer))
        await start(await proxy.offered(answer))
        return int(number)

    return connect


async def listened(name: str, page: Page, connect: Connect, jitter: float) -> list[list[str]]:
    """Measure all losses at one jitter, side by side."""
    proxies = [Proxy(seed) for seed in range(len(LOSSES))]
    try:
        numbers = [await connect(page, proxy) for proxy in proxies]
        await playing(page, numbers)
        for proxy, loss in zip(proxies, LOSSES, strict=True):
            proxy.worsen(loss, jitter)
        await asyncio.sleep(SETTLE)
        before = [await seen(page, number) for number in numbers]
        await asyncio.sleep(SECONDS)
        after = [await seen(page, number) for number in numbers]
    finally:
        await page.evaluate("end()")
        for proxy in proxies:
            proxy.close()
    rows = []
    for loss, old, new in zip(LOSSES, before, after, strict=True):
        count = {what: new[what] - old[what] for what in new}
        rows.append(
            [
                name,
                f"{loss:.0%}",
                f"{1000 * jitter:.0f} ms",
                f"{count['freezes']:.0f}",
                f"{count['frozen'] / SECONDS:.0%}",
                f"{count['frames'] / SECONDS:.0f}",
                f"{count['concealed'] / max(count['samples'], 1):.1%}",
                f"{1000 * count['held'] / max(count['played'], 1):.0f} ms",
            ]
        )
    return rows


async def interrupted(name: str, page: Page, connect: Connect) -> list[str]:
    """Measure how long it takes until media is back after a cut that both sides sit out."""
    proxies = [Proxy() for _ in range(CUTS)]

    async def cut(proxy: Proxy, number: int, delay: float) -> dict[str, float | None]:
        await asyncio.sleep(delay)
        proxy.cut = True
        await asyncio.sleep(CUT)
        proxy.cut = False
        times: dict[str, float | None] = await page.evaluate("back", [number, PATIENCE])
        return times

    try:
        numbers = [await connect(page, proxy) for proxy in proxies]
        await playing(page, numbers)
        pairs = zip(proxies, numbers, strict=True)
        times = await asyncio.gather(*(cut(*pair, n * KEYFRAMES / FPS / CUTS) for n, pair in enumerate(pairs)))
    finally:
        await page.evaluate("end()")
        for proxy in proxies:
            proxy.close()
    return [name, *(" ".join(spoken(time[kind]) for time in times) for kind in ("picture", "sound"))]


def spoken(seconds: float | None) -> str:
    """Write a time, if there is one."""
    return "never" if seconds is None else f"{seconds:.1f} s"


async def seen(page: Page, number: int) -> Counts:
    """Ask a connection what it has received so far."""
    counts: Counts = await page.evaluate("seen", number)
    return counts


async def playing(page: Page, numbers: list[int]) -> None:
    """Wait until all connections have had a second of picture and sound."""
    async with asyncio.timeout(40):
        for number in numbers:
            while (counts := await seen(page, number))["frames"] < FPS or counts["samples"] < CALL_RATE:
                await page.wait_for_timeout(100)
