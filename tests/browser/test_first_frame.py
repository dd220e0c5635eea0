"""How long who joins waits for the first picture; `scripts/test` gives it the machine to itself."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.pages import Room, Visit, enter

LIMIT = 2000
"""Milliseconds from the click on Join."""


def test_who_joins_sees_the_others_within_two_seconds(visit: Visit, room: Room) -> None:
    ada = enter(visit, room, "Ada")
    waited = list[float]()
    # Where the machine paused meanwhile, he comes again.
    while min(waited, default=LIMIT) >= LIMIT and len(waited) < 4:
        bob = enter(visit, room, "Bob")
        waited.append(bob.until("earshot.state.firstFrameMs"))
        bob.page.close()
        expect(ada.page.get_by_test_id("tile")).to_have_count(1, timeout=15_000)
    assert min(waited) < LIMIT, waited
