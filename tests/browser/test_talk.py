"""Talking beside talking: chat, reactions, raised hands, push-to-talk, and talking while muted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Room, Visit, enter
from tests.browser.test_host import open_host_panel, screenshot

TALKER = """
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const context = new AudioContext();
  const [tone, loudness] = [context.createOscillator(), context.createGain()];
  const out = context.createMediaStreamDestination();
  loudness.gain.value = 0;
  tone.connect(loudness).connect(out);
  tone.start();
  window.talk = (seconds) => {
    loudness.gain.setValueAtTime(0.3, context.currentTime);
    loudness.gain.setValueAtTime(0, context.currentTime + seconds);
  };
  return out.stream;
};
"""
"""A microphone that talks when the test says so."""


def write(page: Page, text: str) -> None:
    page.get_by_label("Write to everyone").fill(text)
    page.keyboard.press("Enter")


def test_chat_is_read_by_all_and_kept_for_who_comes_back(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    ben.page.keyboard.press("w")
    write(ben.page, "Agenda (https://example.org/agenda?a=1&b=2), and <img src=x onerror=alert(1)> javascript:alert(1)")
    line = ben.page.get_by_test_id("chat-line")
    link = line.get_by_role("link")
    expect(link).to_have_count(1)
    expect(link).to_have_attribute("href", "https://example.org/agenda?a=1&b=2")
    expect(link).to_have_attribute("rel", re.compile("noopener noreferrer"))
    expect(line).to_contain_text("<img src=x onerror=alert(1)> javascript:alert(1)")
    assert line.locator("img").count() == 0

    # Hera has it closed: a mark on the button and a notice say so; opened, it is read.
    expect(hera.page.locator("#words-count")).to_have_text("1")
    expect(hera.page.locator("#toasts")).to_contain_text("Ben: Agenda")
    expect(hera.page.get_by_role("button", name="Words: 1 unread in the chat")).to_be_visible()
    hera.page.keyboard.press("w")
    expect(hera.page.locator("#words-count")).to_be_hidden()
    expect(hera.page.locator("#toasts")).to_be_empty()
    write(hera.page, "안녕하세요 👋")
    expect(ben.page.get_by_test_id("chat-line")).to_have_count(2)
    screenshot(hera.page, tmp_path, "chat")

    # Who comes later reads what the host lets them: nothing, until that is said.
    cy = enter(visit, room, "Cy")
    expect(cy.page.get_by_test_id("chat-line")).to_have_count(0)
    open_host_panel(hera).get_by_label("What newcomers see").select_option("all")
    cy.until("earshot.state.room.rules.past === 'all'")
    dee = enter(visit, room, "Dee")
    expect(dee.page.get_by_test_id("chat-line").locator("b")).to_have_text(["Ben", "Hera"])
    expect(dee.page.locator("#words-count")).to_be_hidden()


def test_who_only_watches_reads_along(visit: Visit, room: Room) -> None:
    hera, eve = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Eve", watch=True)
    eve.page.keyboard.press("w")
    expect(eve.page.locator("#chat-form")).to_be_hidden()
    expect(eve.page.get_by_text("Whoever only watches reads along.")).to_be_visible()
    expect(eve.page.get_by_test_id("react")).to_be_hidden()
    hera.page.keyboard.press("w")
    write(hera.page, "Hello, Eve")
    expect(eve.page.get_by_test_id("chat-line")).to_contain_text("Hello, Eve")


def test_reactions_rise_from_a_picture_and_hands_are_in_order(visit: Visit, room: Room, tmp_path: Path) -> None:
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    cy = enter(visit, room, "Cy", reduced_motion="reduce")
    ben.page.keyboard.press("r")
    expect(ben.page.get_by_role("menuitem", name="Raise my hand")).to_be_focused()
    screenshot(ben.page, tmp_path, "react-menu")
    ben.page.keyboard.press("Enter")
    expect(cy.page.get_by_test_id("hand")).to_have_text(["Ben"])
    cy.page.get_by_test_id("react").click()
    cy.page.get_by_role("menuitem", name="Raise my hand").click()
    expect(hera.page.get_by_test_id("hand")).to_have_text(["Ben", "Cy"])
    expect(hera.page.locator("#gestures-said")).to_have_text("Cy raised a hand")
    tile = hera.page.get_by_test_id("tile").filter(has_text="Cy")
    expect(tile.get_by_title("Raised hand")).to_have_text("2")

    for _ in range(2):
        ben.page.get_by_test_id("react").click()
        ben.page.get_by_role("menuitem", name="Heart").click()
    for page in (hera.page, cy.page):
        sign = page.get_by_test_id("tile").filter(has_text="Ben").get_by_test_id("reaction").first
        expect(sign).to_have_attribute("data-mark", "heart")
    names = [
        page.evaluate("getComputedStyle(document.querySelector('.reaction')).animationName")
        for page in (hera.page, cy.page)
    ]
    assert names == ["reaction", "none"]
    screenshot(cy.page, tmp_path, "reactions")
    expect(hera.page.locator("#gestures-said")).to_have_text("Ben: Heart")
    expect(hera.page.get_by_test_id("reaction")).to_have_count(0)

    # Others' hands are the host's to lower; one's own is everybody's.
    expect(ben.page.get_by_role("button", name="Lower the hand of Cy")).to_have_count(0)
    hera.page.get_by_role("button", name="Lower the hand of Ben").click()
    expect(cy.page.get_by_test_id("hand")).to_have_text(["Cy (you)"])
    cy.page.get_by_role("button", name="Lower the hand of Cy").click()
    expect(hera.page.locator("#hands")).to_be_hidden()


def test_space_is_held_to_talk_but_not_while_typing(visit: Visit, room: Room, tmp_path: Path) -> None:
    ben = enter(visit, room, "Ben")
    page = ben.page
    mute = page.get_by_test_id("mute")
    page.get_by_test_id("devices").click()
    page.locator("#call-microphone").select_option(index=0)
    expect(mute).to_be_enabled()
    page.get_by_role("button", name="Done").click()
    mute.click()
    expect(mute).to_have_attribute("aria-pressed", "true")
    # The button has the focus from the click; held, space is not a click.
    page.keyboard.down("Space")
    expect(mute).to_have_attribute("aria-pressed", "false")
    screenshot(page, tmp_path, "push-to-talk")
    page.keyboard.up("Space")
    expect(mute).to_have_attribute("aria-pressed", "true")
    # Gone elsewhere with the key down, one is muted again.
    page.keyboard.down("Space")
    expect(mute).to_have_attribute("aria-pressed", "false")
    page.evaluate("dispatchEvent(new Event('blur'))")
    expect(mute).to_have_attribute("aria-pressed", "true")
    page.keyboard.up("Space")
    # Typed, it is a space; on a button reached by keys, it is a click.
    page.keyboard.press("w")
    page.keyboard.type("a b")
    expect(page.get_by_label("Write to everyone")).to_have_value("a b")
    expect(mute).to_have_attribute("aria-pressed", "true")
    mute.focus()
    page.keyboard.press("Space")
    expect(mute).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("seconds, told", [(0.2, False), (2.0, True)])
def test_who_talks_while_muted_is_told_once(
    visit: Visit, room: Room, seconds: float, told: bool, tmp_path: Path
) -> None:
    ben = visit("about:blank")
    ben.page.add_init_script(TALKER)
    ben.page.goto(room["link"])
    ben.page.get_by_test_id("preview-start").click()
    ben.page.get_by_test_id("join-name").fill("Ben")
    ben.page.get_by_test_id("join-button").click()
    ben.until("earshot.state?.connection === 'connected'")
    ben.page.get_by_test_id("mute").click()
    ben.page.wait_for_timeout(500)
    notice = ben.page.get_by_text("You are muted: nobody hears you.")
    ben.page.evaluate(f"talk({seconds})")
    if not told:
        ben.page.wait_for_timeout(1500)
        expect(notice).to_have_count(0)
        return
    expect(notice).to_be_visible()
    screenshot(ben.page, tmp_path, "talking-while-muted")
    ben.page.get_by_role("button", name="Dismiss").click()
    ben.page.evaluate("talk(1.5)")
    ben.page.wait_for_timeout(1500)
    expect(notice).to_have_count(0)


def test_a_phone_has_room_for_all_of_it(visit: Visit, room: Room, tmp_path: Path) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"}
    hera = enter(visit, room, "Hera", link="host_link", **phone)
    page = hera.page
    page.get_by_test_id("words").click()
    page.get_by_role("tab", name="Chat").click()
    write(page, "A line from a phone, long enough to need two rows of it.")
    expect(page.get_by_test_id("chat-line")).to_have_count(1)
    screenshot(page, tmp_path, "chat-phone")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.get_by_role("button", name="Close this panel").click()
    open_host_panel(hera)
    box = page.get_by_test_id("leave").bounding_box()
    assert box is not None and box["x"] + box["width"] <= 360
