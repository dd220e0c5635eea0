"""Media that do not get through: the page says so, and what to do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Response, expect

from tests.browser.conftest import make_room
from tests.browser.pages import Room, Visit, join
from tests.browser.stage import Stage

TOLD_SECONDS = 10.0


def test_where_no_udp_passes_the_page_says_so_in_time(deaf_address: str, visit: Visit, tmp_path: Path) -> None:
    visitor = visit(make_room(deaf_address)["link"])
    page = visitor.page
    page.get_by_test_id("preview-start").click()
    page.get_by_test_id("join-name").fill("Ada")
    expect(page.get_by_test_id("join-button")).to_be_enabled()
    began = time.monotonic()
    page.get_by_test_id("join-button").click()
    banner = page.locator("#banner")
    expect(banner).to_contain_text("this network lets no UDP pass", timeout=20_000)
    assert time.monotonic() - began < TOLD_SECONDS
    expect(banner).to_contain_text("TURN server")
    expect(page.get_by_test_id("status-connection")).to_have_text("No picture, no sound")
    page.screenshot(path=Path(os.environ.get("EARSHOT_SCREENSHOTS", str(tmp_path))) / "blocked.png")
    # A further try says nothing else.
    page.get_by_role("button", name="Try now").click()
    expect(banner).to_contain_text("this network lets no UDP pass", timeout=20_000)
    assert visitor.state()["connection"] == "blocked"


def test_addresses_that_are_found_after_the_offer_are_told_to_the_server(visit: Visit, room: Room) -> None:
    visitor = visit("about:blank")
    page = visitor.page
    told: list[Response] = []
    page.on("response", lambda answer: told.append(answer) if answer.request.method == "PATCH" else None)
    page.goto(room["link"])
    join(visitor, "Ada")
    visitor.until("earshot.state.room.participants.some((one) => one.publishing)")
    assert {answer.url.split("/")[-2] for answer in told} == {"whip", "whep"}
    assert {answer.status for answer in told} == {204}
    assert all("a=candidate:" in (answer.request.post_data or "") for answer in told)


def test_a_listener_who_loses_sound_is_told(stage: Callable[..., Stage]) -> None:
    bob = stage()
    said = bob.page.get_by_test_id("status-hearing")
    expect(said).to_be_empty()
    bob.tell_all(type="hearing", complete=False)
    expect(said).to_have_text("Some of the sound is left out: the server is too busy")
    bob.tell_all(type="hearing", complete=True)
    expect(said).to_be_empty()
