"""A page in a browser, and what most tests do with it before they begin."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

WAIT_SECONDS = 60.0
"""Patience costs nothing where all goes well; browsers, encoders and a server share few cores."""


@dataclass
class Visitor:
    """A page and what its console said of errors."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def until(self, expression: str, seconds: float = WAIT_SECONDS) -> Any:
        """Evaluate until it is true. Playwright's own wait needs eval, which the page's policy forbids."""
        deadline = time.monotonic() + seconds
        while not (value := self.page.evaluate(expression)):
            assert time.monotonic() < deadline, f"never true: {expression}"
            self.page.wait_for_timeout(50)
        return value

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.page.evaluate("earshot.state")
        return state


Visit = Callable[..., Visitor]
Room = dict[str, str]


def enter(visit: Visit, room: Room, name: str, link: str = "link", watch: bool = False, **how: Any) -> Visitor:
    """Open the page of a room, join, and wait until the call stands."""
    visitor = visit(room[link], **how)
    join(visitor, name, watch)
    return visitor


def join(visitor: Visitor, name: str, watch: bool = False) -> None:
    """Fill in the form of a room's page and click, and wait until the call stands."""
    visitor.page.get_by_test_id("join-name").fill(name)
    visitor.page.get_by_test_id("watch-button" if watch else "join-button").click()
    visitor.until("earshot.state?.connection === 'connected' && earshot.state.room !== null")


def tap_control(visitor: Visitor) -> list[WebSocketRoute]:
    """Collect the control sockets the page is going to open; all passes through them."""
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    visitor.page.route_web_socket("**/control", pass_on)
    return sockets
