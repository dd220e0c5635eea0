"""The first page: a moving picture, a call of one's own, the demo for one alone; and hints at the first use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from streamer.demo.clip import demo_clip
from tests.browser.pages import Room, Visit, join
from tests.browser.stage import Stage
from tests.browser.test_host import screenshot


def test_the_first_page_shows_what_this_is(visit: Visit, address: str, tmp_path: Path) -> None:
    visitor = visit(address)
    visitor.until("document.querySelector('#home-movie').currentTime > 0.5")
    assert visitor.page.evaluate("document.querySelector('#home-movie').muted")
    visitor.page.wait_for_timeout(2500)
    screenshot(visitor.page, tmp_path, "home")
    dark = {"color_scheme": "dark", "reduced_motion": "reduce", "viewport": {"width": 360, "height": 740}}
    still = visit(address, **dark)
    still.until("document.querySelector('#home-movie').readyState >= 2")
    still.page.wait_for_timeout(500)
    assert still.page.evaluate("document.querySelector('#home-movie').paused")
    assert still.page.evaluate("document.documentElement.scrollWidth") == 360
    screenshot(still.page, tmp_path, "home-phone")


def test_somebody_alone_tries_it_with_the_demo_call(visit: Visit, address: str) -> None:
    demo_clip()
    visitor = visit(address)
    visitor.page.get_by_test_id("demo-call").click()
    visitor.page.wait_for_url("**/r/*#*")
    join(visitor, "Ann")
    visitor.until("earshot.state.room.participants.some(({ name, publishing }) => name === 'Demo' && publishing)", 90)
    visitor.until("earshot.state.firstFrameMs !== null", 60)
    expect(visitor.page.get_by_test_id("tile").filter(has_text="Demo")).to_be_visible()
    # Alone as one is, one is the host, and may end it.
    expect(visitor.page.get_by_test_id("host")).to_be_visible()


def test_a_browser_that_cannot_make_calls_is_told_so(visit: Visit, room: Room, address: str, tmp_path: Path) -> None:
    """As Debian's WebKitGTK 2.50, which is built without WebRTC."""
    visitor = visit("about:blank", viewport={"width": 360, "height": 640})
    visitor.page.add_init_script("delete window.RTCPeerConnection")
    for url in (address, room["watch_link"]):
        visitor.page.goto(url)
        expect(visitor.page.get_by_role("heading", name="This browser cannot make calls")).to_be_visible()
        expect(visitor.page.locator("main:visible")).to_contain_text("This one lacks: WebRTC")
    screenshot(visitor.page, tmp_path, "unsupported")
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360


def test_hints_are_shown_once_there_is_a_face_and_never_again(stage: Callable[..., Stage], tmp_path: Path) -> None:
    bob = stage(pictures=True, watch=False)
    hints = bob.page.get_by_role("complementary", name="Hints")
    expect(hints).to_be_hidden()
    bob.show(0.3)
    expect(hints).to_be_visible()
    expect(hints.get_by_role("listitem")).to_have_count(3)
    screenshot(bob.page, tmp_path, "hints")
    hints.get_by_role("button", name="Got it").click()
    bob.show(0.3, 0.6)
    expect(hints).to_be_hidden()
    assert bob.page.evaluate("localStorage['earshot.hints']") == "read"
