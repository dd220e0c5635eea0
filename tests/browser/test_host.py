"""The host's part of the page, and what the others see of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.pages import Room, Visit, Visitor, enter, join


def screenshot(page: Page, folder: Path, name: str) -> None:
    """Leave a picture for whoever wants to look: in EARSHOT_SCREENSHOTS, if that is a folder."""
    page.screenshot(path=Path(os.environ.get("EARSHOT_SCREENSHOTS", str(folder))) / f"{name}.png")


def allowed(visitor: Visitor, *expected: str) -> None:
    """Take refusals out of the console's errors that Chromium itself reports, and leave all others."""
    visitor.errors[:] = [error for error in visitor.errors if not any(text in error for text in expected)]


def open_host_panel(visitor: Visitor) -> Page:
    visitor.page.get_by_test_id("host").click()
    expect(visitor.page.locator("#host")).to_be_visible()
    return visitor.page


def test_who_makes_the_call_is_the_host_and_the_address_is_safe_to_send(visit: Visit, address: str, room: Room) -> None:
    hera = visit(address)
    hera.page.get_by_role("button", name="New call").click()
    hera.page.wait_for_url("**/r/*#*")
    join(hera, "Hera")
    expect(hera.page.get_by_test_id("host")).to_be_visible()
    ben = visit(hera.page.url)
    join(ben, "Ben")
    expect(ben.page.get_by_test_id("host")).to_be_hidden()
    ben.page.get_by_role("button", name="Options for Hera").click()
    expect(ben.page.get_by_test_id("tile-menu")).to_be_visible()
    expect(ben.page.get_by_role("menuitem", name="Remove Hera")).to_have_count(0)

    # The printed link is the host's own: it is taken out of the address, and the tab stays the host's after a reload.
    ida = enter(visit, room, "Ida", link="host_link")
    ida.until("document.querySelector('#host-button').hidden === false")
    assert ida.page.url != room["host_link"]
    ida.page.get_by_test_id("invite").click()
    expect(ida.page.get_by_test_id("invite-link")).to_have_value(ida.page.url)
    eve = visit(ida.page.get_by_test_id("invite-link").input_value())
    join(eve, "Eve")
    expect(eve.page.get_by_test_id("host")).to_be_hidden()
    ida.page.reload()
    join(ida, "Ida")
    expect(ida.page.get_by_test_id("host")).to_be_visible()


def test_lock_and_new_links_keep_strangers_out(visit: Visit, room: Room) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    page = open_host_panel(hera)
    page.get_by_label("Lock the call").check()
    expect(ben.page.get_by_test_id("status-locked")).to_have_text("Locked")
    eve = visit(room["link"])
    eve.page.get_by_test_id("join-name").fill("Eve")
    eve.page.get_by_test_id("join-button").click()
    expect(eve.page.locator("#join-problem")).to_have_text("The host has locked this call: nobody new gets in.")
    page.get_by_label("Lock the call").uncheck()
    expect(ben.page.get_by_test_id("status-locked")).to_be_empty()
    page.get_by_role("button", name="Make new links…").click()
    page.get_by_role("button", name="Make new links", exact=True).click()
    expect(page.get_by_text("The old links let nobody in any more.")).to_be_visible()
    hera.until(f"!location.href.endsWith('{room['invite']}')")
    eve.page.get_by_test_id("join-button").click()
    expect(eve.page.locator("#join-problem")).to_have_text(re.compile("This link was replaced by the host"))
    ben.until("earshot.state.room.links === 1")
    ben.page.get_by_test_id("invite").click()
    expect(ben.page.get_by_text("The host has replaced the link")).to_be_visible()
    expect(ben.page.get_by_test_id("invite-link")).to_be_hidden()
    page.get_by_test_id("invite").click()
    new = visit(page.get_by_test_id("invite-link").input_value())
    join(new, "Nora")
    allowed(eve, "403")


def test_removed_by_the_menu_on_the_tile_with_the_keyboard_alone(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    page = hera.page
    hera.until("earshot.state.firstFrameMs !== null")
    page.get_by_role("button", name="Options for Ben").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tile-menu")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Remove Ben…")).to_be_focused()
    screenshot(page, tmp_path, "host-menu")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Remove Ben from the call?")).to_be_visible()
    screenshot(page, tmp_path, "host-remove")
    page.get_by_role("button", name="Remove", exact=True).focus()
    page.keyboard.press("Enter")
    expect(ben.page.locator("#left-title")).to_have_text("The host removed you from this call.")
    expect(page.get_by_test_id("tile")).to_have_count(1)
    screenshot(ben.page, tmp_path, "removed")
    # It does not come back by itself.
    ben.page.wait_for_timeout(1500)
    assert len(hera.state()["room"]["participants"]) == 1


def test_muted_for_everyone_until_one_unmutes_oneself(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    page = open_host_panel(hera)
    page.get_by_role("button", name="Mute Ben for everyone").click()
    expect(ben.page.get_by_text("The host muted you")).to_be_visible()
    expect(ben.page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("tile").filter(has_text="Ben")).to_contain_text("muted by the host")
    screenshot(page, tmp_path, "host-panel")
    screenshot(ben.page, tmp_path, "muted-by-host")
    page.locator("#host").get_by_role("button", name="Let Ben be heard again").click()
    expect(page.get_by_text("Only they themselves can unmute a participant.")).to_be_visible()
    ben.page.get_by_test_id("mute").click()
    expect(page.locator("#host").get_by_role("button", name="Mute Ben for everyone")).to_be_visible()
    assert [one["muted"] for one in hera.state()["room"]["participants"]] == [False, False]


def test_waiting_to_be_let_in(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera = enter(visit, room, "Hera", link="host_link")
    page = open_host_panel(hera)
    page.get_by_label("Waiting room").check()
    hera.until("earshot.state.room.rules.waiting_room")
    waiting = {}
    for name in ("Ben", "Eve"):
        waiting[name] = visitor = visit(room["link"])
        visitor.page.get_by_test_id("join-name").fill(name)
        visitor.page.get_by_test_id("join-button").click()
        expect(visitor.page.get_by_role("heading", name="Waiting to be let in")).to_be_visible()
        assert visitor.state()["room"] is None, "who waits knows nothing of the room"
        expect(page.get_by_text(f"{name} is waiting to be let in.")).to_be_visible()
    expect(page.locator("#host-count")).to_have_text("2")
    screenshot(page, tmp_path, "host-waiting")
    screenshot(waiting["Ben"].page, tmp_path, "waiting")
    page.get_by_role("button", name="Let Ben in").click()
    expect(waiting["Ben"].page.get_by_test_id("status-connection")).to_have_text("Connected")
    page.get_by_role("button", name="Refuse Eve").click()
    expect(waiting["Eve"].page.locator("#left-title")).to_have_text("The host did not let you in.")
    expect(page.locator("#host-waiting")).to_be_hidden()
    expect(page.get_by_test_id("tile")).to_have_count(2)


def test_everyone_is_muted_and_the_call_ended_for_all(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben, cy = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben"), enter(visit, room, "Cy")
    page = open_host_panel(hera)
    page.get_by_role("button", name="Mute everyone else").click()
    for visitor in (ben, cy):
        expect(visitor.page.get_by_text("The host muted you")).to_be_visible()
    expect(page.get_by_role("button", name="Mute everyone else")).to_be_disabled()
    page.get_by_role("button", name="End the call for all…").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    screenshot(page, tmp_path, "host-end")
    page.get_by_role("button", name="End for all", exact=True).click()
    for visitor in (hera, ben, cy):
        expect(visitor.page.locator("#left-title")).to_have_text("The host ended the call.")
    eve = visit(room["link"])
    eve.page.get_by_test_id("join-name").fill("Eve")
    eve.page.get_by_test_id("join-button").click()
    expect(eve.page.locator("#join-problem")).to_have_text(re.compile("This link was replaced by the host"))
    allowed(eve, "403")


def test_a_host_on_a_phone_has_all_buttons(visit: Visit, room: Room) -> None:
    visitor = enter(visit, room, "Hera", link="host_link", viewport={"width": 360, "height": 740})
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360
    open_host_panel(visitor)
    for test_id in ("host", "leave"):
        box = visitor.page.get_by_test_id(test_id).bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
