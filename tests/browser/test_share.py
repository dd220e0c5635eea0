"""A screen that is shared: a tile of its own, with its sound, for everybody but whoever shares it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

from tests.browser.conftest import ALLOW_ALL, FLAGS, WHOLE_CHROMIUM
from tests.browser.pages import Room, Visit, enter
from tests.browser.test_host import screenshot

PAINTED = """
const share = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getDisplayMedia = async (wanted) => {
  window.wanted = wanted;
  return share(wanted);
};
"""


@pytest.fixture(scope="module")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    """A browser that answers the question which screen by a made-up one."""
    browser = playwright_driver.chromium.launch(executable_path=WHOLE_CHROMIUM, args=[*FLAGS, ALLOW_ALL])
    yield browser
    browser.close()


def test_a_screen_is_shared_seen_heard_and_stopped(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    eve = enter(visit, room, "Eve", watch=True)
    expect(eve.page.get_by_test_id("share")).to_be_hidden()
    ben.page.evaluate(PAINTED)
    button = ben.page.get_by_test_id("share")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_have_text("Stop")
    wanted = ben.page.evaluate("wanted")
    assert wanted["video"]["frameRate"] == {"max": 15} and wanted["audio"]
    for visitor in (hera, eve):
        page = visitor.page
        tile = page.get_by_test_id("tile").filter(has_text="Ben's screen")
        expect(tile).to_be_visible()
        expect(page.locator(".cell.large")).to_contain_text("Ben's screen")
        visitor.until("document.querySelector('.cell.large video').videoWidth === 1280")
        visitor.until("!document.querySelector('.cell.large .tile').classList.contains('pictureless')")
    [screen] = [one for one in hera.state()["room"]["participants"] if one["screen_of"]]
    assert screen["audio"] and screen["video"] and screen["screen_of"] == ben.state()["participant"]
    expect(hera.page.locator("#panel")).to_contain_text("Ben's screen")
    hera.page.wait_for_timeout(1000)
    screenshot(hera.page, tmp_path, "share")

    # Ben sees what he shares from here, not in a mirror and not large, and does not hear it twice.
    own = ben.page.get_by_test_id("tile").filter(has_text="Ben's screen")
    expect(own).to_have_class("tile")
    expect(own).to_contain_text("you")
    expect(ben.page.locator(".cell.large")).to_have_count(0)
    expect(ben.page.locator("#panel")).not_to_contain_text("Ben's screen")
    assert screen["id"] in ben.state()["faders"]["muted"]
    assert screen["id"] not in {slot["participant"] for slot in ben.state()["slots"]}
    screenshot(ben.page, tmp_path, "share-own")

    # One screen at a time.
    hera.page.get_by_test_id("share").click()
    expect(hera.page.get_by_text("Ben's screen is being shared: one screen at a time.")).to_be_visible()
    expect(hera.page.get_by_test_id("share")).to_have_attribute("aria-pressed", "false")
    hera.errors[:] = [error for error in hera.errors if "409" not in error]

    button.click()
    expect(button).to_have_text("Share")
    for page in (hera.page, ben.page):
        expect(page.get_by_test_id("tile").filter(has_text="Ben's screen")).to_have_count(0)
    expect(hera.page.locator(".cell.large")).to_have_count(0)

    # The host ends it, and the browser shares no more.
    button.click()
    expect(hera.page.get_by_test_id("tile").filter(has_text="Ben's screen")).to_be_visible()
    hera.page.get_by_test_id("host").click()
    hera.page.get_by_role("button", name="Remove Ben's screen").click()
    hera.page.get_by_role("button", name="Remove", exact=True).click()
    expect(ben.page.get_by_text("Your screen is not shared any more.")).to_be_visible()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert ben.state()["connection"] == "connected"


def test_a_screen_goes_with_whoever_shares_it(visit: Visit, room: Room) -> None:
    hera, ben = enter(visit, room, "Hera"), enter(visit, room, "Ben")
    ben.page.get_by_test_id("share").click()
    tile = hera.page.get_by_test_id("tile").filter(has_text="Ben's screen")
    expect(tile).to_be_visible()
    ben.page.get_by_test_id("leave").click()
    expect(tile).to_have_count(0)
    hera.until("earshot.state.room.participants.length === 1")
