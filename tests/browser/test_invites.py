"""Who may come in with which link, and how the page hands the links on."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import make_room
from tests.browser.pages import Room, Visit, enter


def test_a_full_room_says_so_and_watching_takes_no_seat(small_address: str, visit: Visit) -> None:
    room = make_room(small_address)
    enter(visit, room, "Ada")
    bob = visit(room["link"])
    page = bob.page
    page.get_by_test_id("join-name").fill("Bob")
    page.get_by_test_id("join-button").click()
    expect(page.locator("#join-problem")).to_have_text("The room is full: 1 take part already.")
    page.get_by_test_id("watch-button").click()
    expect(page.get_by_test_id("status-connection")).to_have_text("Connected")
    assert bob.state()["role"] == "watch"
    expect(page.get_by_test_id("tile")).to_have_count(1)
    # Nothing is left of the call that did not come about: one question is one question.
    expect(page.locator("#ask-participant")).to_be_enabled()
    page.evaluate("document.querySelector('#ask-question').value = 'What is it?'")
    page.evaluate("document.querySelector('#ask-form').requestSubmit()")
    expect(page.locator("#ask-answers > *")).to_have_count(1)
    # Chromium itself reports the refusal.
    assert [error for error in bob.errors if "503" not in error] == []
    bob.errors.clear()


def test_invites_to_take_part_and_to_watch(visit: Visit, address: str) -> None:
    ada = visit(address, allow=("camera", "microphone", "clipboard-read", "clipboard-write"))
    page = ada.page
    page.get_by_role("button", name="New call").click()
    page.wait_for_url("**/r/*#*")
    page.get_by_test_id("join-name").fill("Ada")
    page.get_by_test_id("join-button").click()
    expect(page.get_by_test_id("status-connection")).to_have_text("Connected")
    page.get_by_test_id("invite").click()
    expect(page.get_by_test_id("invite-link")).to_have_value(page.url)
    page.get_by_role("button", name="Copy the watch-only link").click()
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    walter = visit(link)
    walter.page.get_by_test_id("watch-button").click()
    expect(walter.page.get_by_test_id("status-connection")).to_have_text("Connected")
    assert walter.state()["role"] == "watch"


def test_watch_link_for_those_who_did_not_make_the_room(visit: Visit, room: Room) -> None:
    bob = enter(visit, room, "Bob")
    bob.page.get_by_test_id("invite").click()
    expect(bob.page.get_by_test_id("invite-link")).to_have_value(room["link"])
    expect(bob.page.get_by_test_id("watch-link")).to_be_visible()
    walter = visit(bob.page.get_by_test_id("watch-link").input_value())
    walter.page.get_by_test_id("join-name").fill("Walter")
    walter.page.get_by_test_id("join-button").click()
    expect(walter.page.get_by_test_id("status-connection")).to_have_text("Connected")
    # He wanted to take part and may not: the link that he can pass on is one to watch.
    walter.page.get_by_test_id("invite").click()
    expect(walter.page.get_by_test_id("invite-link")).to_be_hidden()
    expect(walter.page.get_by_test_id("watch-link")).to_have_value(walter.page.url)


def test_no_watch_link_where_the_server_wants_its_secret(guarded_address: str, visit: Visit) -> None:
    room = make_room(guarded_address, Authorization="Bearer correct horse battery staple")
    bob = enter(visit, room, "Bob")
    with bob.page.expect_response("**/invites") as answer:
        bob.page.get_by_test_id("invite").click()
    assert answer.value.status == 401
    expect(bob.page.get_by_test_id("invite-link")).to_have_value(room["link"])
    expect(bob.page.get_by_test_id("watch-link")).to_be_hidden()
    # Chromium itself reports the refusal.
    assert [error for error in bob.errors if "401" not in error] == []
    bob.errors.clear()
