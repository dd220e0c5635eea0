"""What is left of a call: a page to keep; and larger text, names that change everywhere."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.pages import Room, Visit, enter
from tests.browser.test_host import screenshot
from tests.browser.test_talk import write


def test_a_summary_is_there_to_keep_when_one_leaves(visit: Visit, room: Room, tmp_path: Path) -> None:
    ann, ben = enter(visit, room, "Ann"), enter(visit, room, "Ben")
    ann.page.keyboard.press("w")
    write(ann.page, "When is the budget <b>due</b>?")
    expect(ann.page.get_by_test_id("chat-line")).to_have_count(1)
    ann.page.get_by_role("tab", name="Transcript").click()
    with ann.page.expect_download() as during:
        ann.page.get_by_role("button", name="Download a summary of the call").click()
    assert during.value.suggested_filename == f"earshot-{room['id']}.html"
    ann.page.get_by_test_id("leave").click()
    expect(ann.page.locator("#left-title")).to_be_visible()
    ben.until("earshot.state.room.participants.length === 1")
    button = ann.page.get_by_test_id("keep-summary")
    expect(button).to_be_visible()
    screenshot(ann.page, tmp_path, "left")
    with ann.page.expect_download() as after:
        button.click()
    path = tmp_path / "summary.html"
    after.value.save_as(path)
    assert "When is the budget &lt;b&gt;due&lt;/b&gt;?" in path.read_text()
    kept = visit(path.as_uri()).page
    expect(kept.get_by_role("heading", name="Questions")).to_be_visible()
    screenshot(kept, tmp_path, "summary")


def test_nothing_was_said_and_nothing_is_kept(visit: Visit, room: Room) -> None:
    ann, ben = enter(visit, room, "Ann"), enter(visit, room, "Ben")
    ann.page.get_by_test_id("leave").click()
    ben.until("earshot.state.room.participants.length === 1")
    expect(ann.page.get_by_test_id("keep-summary")).to_be_hidden()


def test_the_text_of_the_whole_page_is_larger(visit: Visit, room: Room, tmp_path: Path) -> None:
    ann = enter(visit, room, "Ann", viewport={"width": 390, "height": 800})
    page = ann.page
    page.keyboard.press("?")
    before = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.status')).fontSize)")
    page.get_by_label("Text of the whole page").select_option("1.75")
    after = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.status')).fontSize)")
    assert abs(after - 1.75 * before) < 0.1
    page.wait_for_timeout(300)
    screenshot(page, tmp_path, "text-large")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("JSON.parse(localStorage['earshot.view']).textSize") == 1.75


def test_a_name_changed_afterwards_changes_everywhere(visit: Visit, room: Room, tmp_path: Path) -> None:
    ann, ben = enter(visit, room, "Ann"), enter(visit, room, "Ben")
    ann.page.keyboard.press("w")
    write(ann.page, "Hello")
    expect(ben.page.locator("#words-count")).to_have_text("1")
    ann.page.get_by_test_id("tile").filter(has_text="Ann").hover()
    ann.page.get_by_role("button", name="Options for Ann").click()
    ann.page.get_by_role("menuitem", name="Change my name").click()
    ann.page.get_by_label("Name of Ann").fill("Anna")
    ann.page.keyboard.press("Enter")
    expect(ben.page.get_by_test_id("tile").filter(has_text="Anna")).to_be_visible()
    ben.page.keyboard.press("w")
    expect(ben.page.get_by_test_id("chat-line")).to_contain_text("Anna")
    expect(ben.page.locator("#ask-participant option").first).to_have_text("Anna")
    expect(ben.page.get_by_role("button", name="Options for Anna")).to_have_count(1)
    expect(ann.page).to_have_title("Anna \u00b7 Earshot")
