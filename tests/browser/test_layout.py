"""How the pictures stand: gallery, speaker, pinned, full screen; and that none is sent that nobody sees."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import WAIT_SECONDS, Room, Visit, Visitor, enter
from tests.browser.stage import Stage
from tests.browser.test_host import screenshot

FOLLOW = """
async (steps) => {
  const { ActiveSpeaker } = await import("/static/call/active-speaker.js");
  const speaker = new ActiveSpeaker();
  return steps.map(([now, speaking]) => (speaker.step(new Map(Object.entries(speaking)), now), speaker.now));
}
"""


def tile(page: Page, name: str) -> Locator:
    return page.get_by_test_id("tile").filter(has_text=name)


def width(one: Locator) -> float:
    box = one.bounding_box()
    assert box is not None
    return box["width"]


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until pictures stand as they should: a page lays itself out when it comes to it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "never stood so"
        page.wait_for_timeout(50)


def menu(page: Page, name: str, item: str) -> None:
    tile(page, name).hover()
    page.get_by_role("button", name=f"Options for {name}").click()
    page.get_by_role("menuitem", name=item).click()


def pictures(visitor: Visitor) -> list[str]:
    return sorted(slot["participant"] for slot in visitor.state()["slots"])


def test_the_view_follows_who_talks_without_flicker(visit: Visit, address: str) -> None:
    page = visit(address).page

    def follow(*steps: tuple[float, dict[str, float]]) -> list[Any]:
        return list(page.evaluate(FOLLOW, list(steps)))

    quiet, ann, ben = {"ann": 0.1, "ben": 0.0}, {"ann": 0.9, "ben": 0.1}, {"ann": 0.2, "ben": 0.9}
    assert follow((0, quiet)) == ["ann"], "somebody is in view from the beginning"
    # Ben begins at once, and is in view when Ann has been for two seconds.
    assert follow((0, ann), (100, ben), (1900, ben), (2000, ben)) == ["ann", "ann", "ann", "ben"]
    # A word in between takes nobody's place, and both at once change nothing to and fro.
    assert follow((0, ann), (3000, ben), (3300, ann), (3700, ben), (4000, ann)) == ["ann"] * 5
    # A pause within a sentence is no end of it; a long one is.
    assert follow((0, ann), (3000, ben), (3300, quiet), (3650, ben)) == ["ann", "ann", "ann", "ben"]
    assert follow((0, ann), (3000, ben), (3500, quiet), (3650, ben)) == ["ann"] * 4
    assert follow((0, ann), (10, {"ben": 0.0}), (20, {})) == ["ann", "ben", None]


def test_speaker_view_pin_and_gallery(visit: Visit, room: Room, tmp_path: Path) -> None:
    for name in ("Ann", "Ben"):
        enter(visit, room, name)
    eve = enter(visit, room, "Eve", viewport={"width": 1100, "height": 700})
    page = eve.page
    eve.until("earshot.state.slots.length === 2")
    expect(page.get_by_test_id("tile")).to_have_count(3)
    page.keyboard.press("p")
    page.keyboard.press("g")
    expect(tile(page, "Ann").locator("..")).to_have_class("cell large")
    until(page, lambda: width(tile(page, "Ann")) > 2.5 * width(tile(page, "Ben")))
    screenshot(page, tmp_path, "layout-speaker")
    menu(page, "Ben", "Pin")
    expect(tile(page, "Ben").locator("..")).to_have_class("cell large")
    until(page, lambda: width(tile(page, "Ben")) > 2.5 * width(tile(page, "Ann")))
    expect(tile(page, "Ben").get_by_title("Pinned")).to_be_visible()
    page.get_by_test_id("layout").click()
    screenshot(page, tmp_path, "layout-menu")
    page.get_by_role("menuitem", name="Unpin").click()
    page.get_by_test_id("layout").click()
    page.get_by_role("menuitemradio", name="Gallery").click()
    expect(page.locator(".cell.large")).to_have_count(0)
    until(page, lambda: abs(width(tile(page, "Ben")) - width(tile(page, "Ann"))) < 2)
    assert page.evaluate("JSON.parse(localStorage['earshot.view']).layout") == "gallery"


def test_the_large_picture_is_of_who_talks(stage: Callable[..., Stage], visit: Visit, room: Room) -> None:
    bob = stage(pictures=True, watch=False)
    cy = enter(visit, room, "Cy")
    bob.visitor.until("earshot.state.slots.length === 2")
    bob.press("g")
    large = bob.page.locator(".cell.large")
    expect(large).to_contain_text("Ada")
    bob.ada, ada = cy.state()["participant"], bob.ada
    # Said without a pause: on a machine that is slow one may come in between, and what is held begins anew.
    for _ in range(400):
        bob.faces(0.3)
        bob.page.wait_for_timeout(50)
        if "Cy" in large.inner_text():
            break
    expect(large).to_contain_text("Cy")
    bob.ada = ada


def test_what_nobody_sees_is_not_sent(visit: Visit, room: Room, tmp_path: Path) -> None:
    ann, ben = enter(visit, room, "Ann"), enter(visit, room, "Ben")
    eve = enter(visit, room, "Eve")
    page, ids = eve.page, sorted(one.state()["participant"] for one in (ann, ben))
    eve.until("earshot.state.slots.length === 2")
    assert pictures(eve) == ids
    menu(page, "Ben", "Full screen")
    eve.until("document.fullscreenElement !== null")
    expect(tile(page, "Ann")).to_be_hidden()
    eve.until("earshot.state.slots.length === 1")
    assert pictures(eve) == [ben.state()["participant"]]
    screenshot(page, tmp_path, "layout-full-screen")
    page.evaluate("document.exitFullscreen()")
    expect(tile(page, "Ann")).to_be_visible()
    eve.until("earshot.state.slots.length === 2")
    expect(tile(page, "Ann")).not_to_have_class("pictureless")
    ann_tile = f"[data-participant='{ann.state()['participant']}']"
    eve.until(f"!document.querySelector(`{ann_tile}`).classList.contains('pictureless')")


def test_a_strip_that_is_too_long_scrolls_and_what_is_out_of_sight_is_not_sent(
    visit: Visit, room: Room, tmp_path: Path
) -> None:
    for name in ("Ann", "Ben", "Cy"):
        enter(visit, room, name)
    eve = enter(visit, room, "Eve", viewport={"width": 300, "height": 640}, has_touch=True)
    page = eve.page
    eve.until("earshot.state.slots.length === 3")
    page.get_by_test_id("layout").click()
    page.get_by_role("menuitemradio", name="Speaker").click()
    expect(tile(page, "Ann").locator("..")).to_have_class("cell large")
    assert page.evaluate("document.documentElement.scrollWidth") == 300
    page.evaluate("document.querySelector('#tiles').scrollLeft = 1000")
    page.wait_for_timeout(300)
    screenshot(page, tmp_path, "layout-phone")
    box = tile(page, "Ann").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 300, "the large one stays"


def test_a_picture_has_a_window_of_its_own_and_is_sent_while_the_tab_is_hidden(visit: Visit, room: Room) -> None:
    ann, ben, eve = (enter(visit, room, name) for name in ("Ann", "Ben", "Eve"))
    page = eve.page
    eve.until("earshot.state.slots.length === 2")
    # Of what there is no picture yet there is no window.
    eve.until("[...document.querySelectorAll('.tile video')].every((video) => video.videoWidth)")
    menu(page, "Ben", "In a window of its own")
    eve.until("document.pictureInPictureElement !== null")
    page.evaluate(
        """() => {
          Object.defineProperty(document, "hidden", { get: () => window.away ?? false, configurable: true });
          window.away = true;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    eve.until("earshot.state.slots.length === 1")
    assert pictures(eve) == [ben.state()["participant"]]
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    eve.until("earshot.state.slots.length === 2")
    menu(page, "Ben", "In a window of its own")
    eve.until("document.pictureInPictureElement === null")
    eve.until("[...document.querySelectorAll('.tile video')].every((video) => video.disablePictureInPicture)")
    assert ann.state()["connection"] == "connected"
