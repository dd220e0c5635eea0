"""Fixtures of the browser tests: a server of its own process, and a real Chromium or Firefox with made-up devices."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Playwright, expect, sync_playwright

from tests.browser.pages import WAIT_SECONDS, Room, Visit, Visitor, enter, join
from tests.browser.stage import Stage

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=5",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)
ALLOW_ALL = "--use-fake-ui-for-media-stream"
"""Whoever asks for a device or a screen gets it."""

WHOLE_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
"""The system's browser; None for the one that scripts/test had Playwright download."""

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
PREFERENCES: dict[str, str | float | bool] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.loopback": True,
    # Painting without a graphics card is most of the work.
    "layout.frame_rate": 15,
    # Nothing is fetched from Mozilla.
    "services.settings.server": "data:,",
    "browser.region.network.url": "",
}
PLAYWRIGHTS_STYLE = "sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT+SmwNZWA="
"""With each screenshot of Firefox Playwright puts "body {}" into the page, which the page's policy forbids."""
START_SECONDS = 60.0
expect.set_options(timeout=1000 * WAIT_SECONDS)
PATIENCE_MS = 90_000
"""Of a click or a navigation: the machine may be busy."""
SERVE = ("serve", "--no-engine", "--no-observer")
DEAF = """
from streamer.__main__ import main
from streamer.rtc.ingress import IngressProtocol
IngressProtocol.datagram_received = lambda self, data, address: None
main()
"""
"""A server that no datagram reaches, as behind a firewall that lets no UDP pass."""


@dataclass
class Server:
    """A server of its own process."""

    address: str
    process: subprocess.Popen[bytes]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def serve(*program: str, **environment: str) -> Iterator[Server]:
    """Run a server until the test is over; `program` is in place of `-m streamer`."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, *(program or ("-m", "streamer")), *SERVE, "--port", str(port)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, "the server ended before it answered"
            assert time.monotonic() < deadline, "the server did not start"
            try:
                if httpx.get(f"{address}/health", trust_env=False).is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield Server(address, process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """A server without models: calls carry plain sound."""
    for server in serve():
        yield server.address


@pytest.fixture
def guarded_address() -> Iterator[str]:
    """A server that asks for a secret. Ask for it before `visit`: it has to outlive pages."""
    for server in serve(EARSHOT_SECRET="correct horse battery staple"):
        yield server.address


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, to be stopped and continued. Ask for it before `visit`: it has to outlive pages."""
    yield from serve()


@pytest.fixture
def small_address() -> Iterator[str]:
    """A server whose rooms hold one who takes part. Ask for it before `visit`."""
    for server in serve(EARSHOT_MAX_PUBLISHERS="1"):
        yield server.address


@pytest.fixture
def recording_address(tmp_path: Path) -> Iterator[str]:
    """A server that records. Ask for it before `visit`."""
    for server in serve(EARSHOT_RECORDINGS=str(tmp_path / "kept")):
        yield server.address


@pytest.fixture
def deaf_address() -> Iterator[str]:
    """A server that no UDP reaches. Ask for it before `visit`."""
    for server in serve("-c", DEAF):
        yield server.address


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    """Chromium without its own windows, which takes a third less of the machine; it allows every device."""
    shell = shutil.which("chromium-headless-shell")
    flags = [*FLAGS, ALLOW_ALL] if shell else FLAGS
    browser = playwright_driver.chromium.launch(executable_path=shell or WHOLE_CHROMIUM, args=list(flags))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def whole_chromium(playwright_driver: Playwright) -> Iterator[Browser]:
    """Chromium as people have it, where permissions and windows of its own matter."""
    browser = playwright_driver.chromium.launch(executable_path=WHOLE_CHROMIUM, args=list(FLAGS))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright_driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if FIREFOX is None:
        pytest.skip("Firefox is not installed (apt install firefox-esr)")
    program = tmp_path_factory.mktemp("firefox") / "firefox"
    between = Path(__file__).with_name("firefox.py")
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{between}" "{FIREFOX}" "$@"\n')
    program.chmod(0o755)
    browser = playwright_driver.firefox.launch(
        channel="moz-firefox", executable_path=program, firefox_user_prefs=PREFERENCES
    )
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def browser(chromium: Browser) -> Browser:
    """The browser of these tests; a file that takes another one says so by a fixture of its own."""
    return chromium


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Open a page for somebody who allows these devices and refuses all others; errors fail the test."""
    visitors: list[Visitor] = []

    def open_page(
        url: str, allow: tuple[str, ...] = ("camera", "microphone"), browser: Browser = browser, **context: Any
    ) -> Visitor:
        # A context of its own has its own permissions and storage.
        page = browser.new_context(permissions=list(allow), **context).new_page()
        page.set_default_timeout(PATIENCE_MS)
        visitor = Visitor(page)
        visitors.append(visitor)

        def console(message: ConsoleMessage) -> None:
            if message.type == "error":
                visitor.errors.append(message.text)

        page.on("console", console)
        page.on("pageerror", lambda error: visitor.errors.append(str(error)))
        page.goto(url)
        return visitor

    yield open_page
    errors = [[one for one in visitor.errors if PLAYWRIGHTS_STYLE not in one] for visitor in visitors]
    for visitor in visitors:
        visitor.page.context.close()
    assert not any(errors), errors


@pytest.fixture
def room(address: str) -> dict[str, str]:
    """A new room: address of its page with the invite, of its page for watchers, and its id."""
    return make_room(address)


def make_room(address: str, **headers: str) -> dict[str, str]:
    made = httpx.post(f"{address}/rooms", headers=headers, trust_env=False).raise_for_status().json()
    page = f"{address}/r/{made['room']}"
    return {
        "id": made["room"],
        "host_link": f"{page}#{made['host']}",
        "page": page,
        "invite": made["invite"],
        "link": f"{page}#{made['invite']}",
        "watch_link": f"{page}#{made['watch_invite']}",
    }


@pytest.fixture
def stage(visit: Visit, room: Room) -> Callable[..., Stage]:
    """Bob's page with Ada in it: really there, or, where her picture does not matter, only said to be."""

    def open_stage(*, pictures: bool = False, watch: bool = True, **how: Any) -> Stage:
        ada = enter(visit, room, "Ada").state()["participant"] if pictures else "ada"
        stage = Stage(visit("about:blank", **how), ada)
        if not pictures:
            stage.absent = {"id": ada, "name": "Ada", "connected": True, "faces": {}}
            stage.absent |= dict.fromkeys(("publishing", "audio", "video"), True)
            stage.absent |= dict.fromkeys(("host", "muted"), False) | {"screen_of": None, "portrait": None}
        stage.page.route_web_socket("**/control", stage.pass_on)
        stage.page.goto(room["link"])
        join(stage.visitor, "Bob", watch)
        stage.visitor.until("document.querySelectorAll('[data-testid=tile]').length")
        stage.visitor.until("earshot.state.firstFrameMs" if pictures else "true")
        return stage

    return open_stage
