"""Glass to glass, from one browser's camera to another's screen: `python -m bench.glass`, some three minutes.

The pictures carry the time at which they were painted, and a beep is due at every full second (`bench/glass.js`). Two
Chromiums on this machine, and between them nothing, Janus, a plain aiortc relay, or this server with its page.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from playwright.async_api import Browser, Page, async_playwright

from bench.browser import program
from bench.call import Call, call
from bench.network_browser import FLAGS
from bench.network_fan import JANUS_PORT, start_janus
from bench.page import publish, table, verdict
from bench.summary import ROOT

SETTLE, SECONDS = 6.0, 25.0
"""For which the jitter buffers are let settle, and then measured."""

LIMIT = 200.0
"""Milliseconds, of pictures and of sound, 95 % of them."""

DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
ROOM = 'room-1: { description = "bench" publishers = 2 videocodec = "vp8" audiocodec = "opus" }\n'
BLANK = "http://localhost/"
SCRIPT = Path(__file__).with_suffix(".js")


async def answers(http: httpx.AsyncClient, path: str, seconds: float) -> None:
    """Wait until a server that was just started answers.

    Raises:
        TimeoutError: it does not in so many seconds.
    """
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await http.get(path)
                return
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def pages() -> AsyncIterator[tuple[Page, Page]]:
    """A page with the camera and one that watches, each in a browser of its own."""

    async def page(browser: Browser) -> Page:
        # What looks and listens is not part of the page, whose policy lets no script in.
        context = await browser.new_context(bypass_csp=True)
        await context.add_init_script(path=SCRIPT)
        opened = await context.new_page()
        # Only an origin that browsers trust may listen: what is on this machine is one.
        await opened.route(f"{BLANK}**", lambda route: route.fulfill(body="<body>", content_type="text/html"))
        await opened.goto(BLANK)
        return opened

    async with async_playwright() as driver:
        browsers = [await driver.chromium.launch(executable_path=program(), args=[*FLAGS, *DEVICES]) for _ in range(2)]
        try:
            camera, screen = [await page(browser) for browser in browsers]
            yield camera, screen
        finally:
            for browser in browsers:
                await browser.close()


async def seen(name: str, screen: Page) -> list[str]:
    """Let the page look and listen, and return a row."""
    await asyncio.sleep(SETTLE)
    await screen.evaluate("glassSeen()")
    await asyncio.sleep(SECONDS)
    found = await screen.evaluate("glassSeen()")
    if not found["pictures"] or not found["sounds"]:
        raise RuntimeError(f"{name}: {len(found['pictures'])} pictures and {len(found['sounds'])} beeps came")
    return [name, *(cell for kind in ("pictures", "sounds") for cell in figures(found[kind]))]


def figures(ages: list[float]) -> list[str]:
    """Write how many there were, and their median and 95th percentile."""
    return [f"{len(ages)}", f"{np.median(ages):.0f} ms", f"{np.quantile(ages, 0.95):.0f} ms"]


async def direct() -> list[str]:
    """Measure two browsers with nothing between them."""
    async with pages() as (camera, screen):
        answer = await screen.evaluate("glassWatch", await camera.evaluate("glassPublish()"))
        await camera.evaluate("glassPublished", answer)
        return await seen("nothing between", screen)


async def plain_relay() -> list[str]:
    """Measure aiortc's MediaRelay, which decodes and encodes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.glass_relay", str(port), cwd=ROOT)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as http:
            await answers(http, "/", 60)
            async with pages() as (camera, screen):
                offer = await camera.evaluate("glassPublish()")
                await camera.evaluate("glassPublished", (await http.post("/publish", content=offer)).text)
                offer = await screen.evaluate("glassWatch", None)
                await screen.evaluate("glassWatched", (await http.post("/watch", content=offer)).text)
                return await seen("aiortc's MediaRelay", screen)
    finally:
        process.terminate()
        await process.wait()


class JanusHandle:
    """A session with Janus' video room.

    Args:
        http: where Janus is.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._session = self._handle = ""

    async def open(self) -> None:
        """Begin."""
        self._session = f"/janus/{(await self._ask('/janus', janus='create'))['data']['id']}"
        attached = await self._ask(self._session, janus="attach", plugin="janus.plugin.videoroom")
        self._handle = f"{self._session}/{attached['data']['id']}"

    async def tell(self, jsep: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        """Say something to the plugin, and return what it says to that.

        Raises:
            RuntimeError: it refuses.
        """
        description = {} if jsep is None else {"jsep": jsep}
        said = await self._ask(self._handle, janus="message", body=body, **description)
        event: dict[str, Any] = {}
        async with asyncio.timeout(30):
            while event.get("transaction") != said["transaction"] or event["janus"] != "event":
                event = (await self._http.get(self._session)).json()
        if "error" in event["plugindata"]["data"]:
            raise RuntimeError(event["plugindata"]["data"]["error"])
        return event

    async def _ask(self, path: str, **body: Any) -> Any:
        return (await self._http.post(path, json={"transaction": f"{random.random()}", **body})).json()


async def subscribed(handle: JanusHandle) -> dict[str, Any]:
    """Ask for the publisher's picture and sound as soon as Janus has them, and return its offer."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(RuntimeError):
                return await handle.tell(request="join", ptype="subscriber", room=1, streams=[{"feed": 1}])
            await asyncio.sleep(0.1)


async def janus() -> list[str]:
    """Measure Janus' video room; a row that says so where it is not installed."""
    try:
        process = await asyncio.to_thread(start_janus, "videoroom", ROOM)
    except FileNotFoundError:
        return ["Janus: not installed (`apt install janus`)", *[""] * 6]
    try:
        url = f"http://127.0.0.1:{JANUS_PORT}"
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http, pages() as (camera, screen):
            await answers(http, "/janus/info", 30)
            sends, watches = JanusHandle(http), JanusHandle(http)
            await sends.open()
            await sends.tell(request="join", ptype="publisher", room=1, id=1)
            offer = {"type": "offer", "sdp": await camera.evaluate("glassPublish()")}
            answered = await sends.tell(offer, request="configure", audio=True, video=True)
            await camera.evaluate("glassPublished", answered["jsep"]["sdp"])
            await watches.open()
            offered = await subscribed(watches)
            answer = await screen.evaluate("glassWatch", offered["jsep"]["sdp"])
            await watches.tell({"type": "answer", "sdp": answer}, request="start")
            return await seen("Janus' video room", screen)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def earshot(name: str, running: Call) -> list[str]:
    """Measure this server, with its page at both ends."""
    link = f"{running.address}/r/{running.room}#{running.invite}"
    connected = "() => earshot.state?.connection === 'connected'"
    async with pages() as (camera, screen):
        await camera.add_init_script("glassDevices()")
        for page, button in ((camera, "join-button"), (screen, "watch-button")):
            await page.goto(link)
            await page.get_by_test_id("join-name").fill(button)
            await page.get_by_test_id(button).click()
            await page.wait_for_function(connected)
        await screen.wait_for_function("() => earshot.state.firstFrameMs !== null")
        await screen.evaluate(
            "glassLook(document.querySelector('[data-testid=tile] video'));"
            "glassListen(document.querySelector('#remote-audio').srcObject)"
        )
        return await seen(name, screen)


def main() -> None:
    rows = [asyncio.run(direct()), asyncio.run(janus()), asyncio.run(plain_relay())]
    with call(models=False) as running:
        rows.append(asyncio.run(earshot("Earshot, `--no-engine --no-observer`", running)))
    with call() as running:
        rows.append(asyncio.run(earshot("Earshot, no voice to separate", running)))
    head = ["between two Chromiums", "pictures", "p50", "p95", "beeps", "p50", "p95"]
    pictures, sounds = (max(float(row[place].split()[0]) for row in rows[3:]) for place in (3, 6))
    text = table(head, rows)
    text += (
        "\n\nFrom when a picture was painted until it is due on the screen, and from when a beep was due until it "
        f"leaves for the loudspeaker; 640x480, 30 a second, over {SECONDS:.0f} s, on one machine. Earshot with its own "
        "page at both ends: with models sound waits for lips and voices, and pictures for the sound; without, neither. "
        "Who has a voice in what the models hear waits 8 ms longer. Limit: "
        f"95 % within {LIMIT:.0f} ms: pictures {verdict(pictures, LIMIT)}, sound {verdict(sounds, LIMIT)}."
    )
    publish("glass", "python -m bench.glass", text)


if __name__ == "__main__":
    main()
