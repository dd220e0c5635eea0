"""How soon a newcomer is in: what the page weighs, slow networks, a server just started: `python -m bench.first`.

Some four minutes. Slow networks are Chromium's own throttling, as in its developer tools. It holds back what answers a
request, and each packet of WebRTC both ways: a round trip of those takes twice as long.
"""

from __future__ import annotations

import time
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page

from bench.browser import browser
from bench.call import MODELS_SECONDS, Call, call, just_started
from bench.page import publish, table, verdict

NETWORKS = {"as it is": None, "Fast 4G": (165, 8100, 1350), "Slow 4G": (562.5, 1440, 675)}
"""Of Chromium's developer tools: milliseconds from request to answer, kbit/s down and up."""

LIMIT = 2.0
"""Seconds from the click to the first picture, and from the address to a page that can be used."""

DEVICES = ("--use-fake-device-for-media-stream=fps=15", "--use-fake-ui-for-media-stream")
PATIENCE_MS = 120_000


def opened(context: BrowserContext, link: str, network: tuple[float, float, float] | None) -> tuple[Page, Any]:
    """Open a room's page through a network; return it, and (seconds until it can be used, requests, bytes)."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    if network is not None:
        latency, down, up = network
        rates = {"downloadThroughput": down * 125, "uploadThroughput": up * 125}
        devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": latency, **rates})
    sizes: list[float] = []
    devtools.on("Network.loadingFinished", lambda said: sizes.append(said["encodedDataLength"]))
    began = time.monotonic()
    page.goto(link, wait_until="commit")
    page.get_by_test_id("join-name").wait_for()
    usable = time.monotonic() - began
    page.wait_for_load_state("networkidle")
    return page, (usable, len(sizes), sum(sizes))


def joined(page: Page, name: str) -> None:
    """Fill in the name, join with camera and microphone, and wait until the call stands."""
    page.get_by_test_id("join-name").fill(name)
    page.get_by_test_id("join-button").click()
    page.wait_for_function("() => earshot.state?.connection === 'connected'")


def first_picture(page: Page) -> float:
    """Wait for the first picture of somebody else; seconds since the click."""
    return float(page.wait_for_function("() => earshot.state.firstFrameMs").json_value()) / 1000


def link_of(running: Call) -> str:
    """Return the address of the page of a new room."""
    room = httpx.post(f"{running.address}/rooms", trust_env=False).raise_for_status().json()
    return f"{running.address}/r/{room['room']}#{room['invite']}"


def networks(page_is: str, running: Call) -> list[list[str]]:
    """Measure all networks: somebody is in the call already, by the network as it is."""
    rows = []
    with browser(*DEVICES) as started:
        link = link_of(running)
        other, _ = opened(started.new_context(), link, None)
        joined(other, "Ann")
        for name, network in NETWORKS.items():
            context = started.new_context()
            page, (usable, requests, size) = opened(context, link, network)
            joined(page, "Ben")
            picture = first_picture(page)
            kilobytes = f"{size / 1000:.0f} kB"
            rows.append([page_is, name, f"{requests}", kilobytes, f"{usable:.1f} s", f"{picture:.1f} s"])
            context.close()
    return rows


def cold() -> list[list[str]]:
    """Measure the first join of a server with models that has just begun to answer, and one when they are up."""
    rows = []
    with just_started() as running, browser(*DEVICES) as started:
        for name in ("it has just begun to answer", "its models are up"):
            link = link_of(running)
            pages = []
            for person in ("Ann", "Ben"):
                page, (usable, _, _) = opened(started.new_context(), link, None)
                joined(page, person)
                pages.append(page)
            rows.append([name, f"{usable:.1f} s", f"{first_picture(pages[1]):.1f} s"])
            for page in pages:
                page.context.close()
            running.until("earshot_engine_ready", 1, MODELS_SECONDS)
            running.until("earshot_observer_ready", 1, MODELS_SECONDS)
    return rows


def main() -> None:
    rows = []
    for page_is, bundle in (("its sources", "false"), ("bundled", "true")):
        with call(models=False, bundle=bundle) as running:
            rows += networks(page_is, running)
    first = cold()
    text = table(["the page is", "network", "requests", "bytes", "usable after", "click to first picture"], rows)
    text += (
        "\n\nA browser that has nothing kept. Usable: the name can be typed. The picture is of somebody who is in the "
        "call already; who joins has a camera too. Throttled is as Chromium's developer tools do: Fast 4G is 165 ms to "
        "each answer and 8.1 Mbit/s, Slow 4G 562 ms and 1.4 Mbit/s, and packets of WebRTC take as long each way. The "
        "first picture takes two answers (to join, to the offer) and three round trips of packets: one to check the "
        "way, two for keys and picture.\n\n"
    )
    text += table(["the server", "page usable after", "click to first picture"], first)
    fast = max(float(row[place].split()[0]) for row in [*rows[3:5]] for place in (4, 5))
    text += (
        f"\n\nLimit: {LIMIT:.0f} s for each, as the network is and on Fast 4G: {verdict(fast, LIMIT)}; "
        f"just after the start: {verdict(float(first[0][2].split()[0]), LIMIT)}."
    )
    publish("first", "python -m bench.first", text)


if __name__ == "__main__":
    main()
