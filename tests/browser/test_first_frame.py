"""How long who joins waits for the first picture; `scripts/test` gives it the machine to itself."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.pages import Room, Visit, enter, join

LIMIT = 2000
"""Milliseconds from the click on Join."""

LONGEST_OFFER = 20_000
"""Bytes: at 1.35 Mbit/s up (Fast 4G), 0.1 s. Of all that Chromium knows it would have 46,000."""


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


def test_what_is_offered_is_what_the_server_takes_and_goes_at_once(visit: Visit, room: Room) -> None:
    visitor = visit("about:blank")
    sent = dict[str, str]()
    visitor.page.on("request", lambda one: sent.update({one.url.rpartition("/")[2]: one.post_data or ""}))
    visitor.page.goto(room["link"])
    join(visitor, "Ada")
    for offer, lines in (sent["whip"], 2), (sent["whep"], 10):
        assert offer.count("m=") == lines and len(offer) < LONGEST_OFFER
        assert set(re.findall(r"^a=rtpmap:\d+ (\w+)/90000", offer, re.M)) == {"VP8", "H264", "rtx"}
        assert "a=candidate:" not in offer, "addresses are told when they are found"
