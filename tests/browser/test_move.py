"""The page when the call goes on at another server: it is there before it leaves where it was."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, make_room, serve
from tests.browser.pages import Visit, enter, join

WATCH = """() => {
    const seen = { states: new Set(), tiles: new Set(), large: new Set(), away: 0, deaf: 0, frames: 0 };
    const longest = { still: 0, silent: 0 };
    let framed = performance.now(), played = performance.now(), shown = 0, at = 0;
    const tile = document.querySelector("[data-testid=tile]:not(.own)");
    const video = tile.querySelector("video");
    const audio = document.querySelector("#remote-audio");
    const look = () => {
        seen.states.add(earshot.state.connection);
        const tiles = [...document.querySelectorAll("[data-testid=tile]")];
        seen.tiles.add(tiles.map((one) => one.dataset.participant).join());
        seen.large.add(tile.parentElement.classList.contains("large"));
        seen.away += document.querySelectorAll(".tile.away").length;
        seen.deaf += audio.srcObject.getTracks().some((track) => track.readyState !== "live" || track.muted);
        if (video.currentTime !== shown) {
            longest.still = Math.max(longest.still, performance.now() - framed);
            [shown, framed] = [video.currentTime, performance.now()];
            seen.frames += 1;
        }
        if (audio.currentTime !== at) {
            longest.silent = Math.max(longest.silent, performance.now() - played);
            [at, played] = [audio.currentTime, performance.now()];
        }
        requestAnimationFrame(look);
    };
    look();
    window.seen = seen;
    window.noted = () => ({ ...seen, states: [...seen.states], tiles: [...seen.tiles], large: [...seen.large] });
    window.longest = longest;
}"""
"""Note what a person sees and hears of the call at every refresh of the screen, and for how many ms picture and sound
stood still: figures to be read, for the machine may be busy."""

PEERS = """
const Plain = RTCPeerConnection;
window.peers = [];
window.RTCPeerConnection = class extends Plain {
    constructor(...how) {
        super(...how);
        window.peers.push(this);
    }
};
"""


@pytest.fixture
def moving() -> Iterator[Server]:
    """Two media servers behind a front door. Ask for it before `visit`: it has to outlive pages."""
    yield from serve("-m", "tests.browser.moving_site")


def test_a_call_that_moves_goes_on_as_it_was(moving: Server, visit: Visit) -> None:
    room = make_room(moving.address)
    ada = enter(visit, room, "Ada")
    who = ada.state()["participant"]
    bob = visit("about:blank")
    page = bob.page
    page.add_init_script(PEERS)
    page.goto(room["link"])
    join(bob, "Bob")
    for visitor in (ada, bob):
        visitor.until("earshot.state.firstFrameMs !== null && earshot.state.slots.length === 1")
    # Bob hears only Ada, and her more softly; she is large.
    page.locator(f"[data-testid=fader][data-participant='{who}'][data-face=rest]").fill("50")
    page.get_by_role("button", name="Hear only Ada", exact=True).click()
    page.get_by_role("button", name="Options for Ada").click()
    page.get_by_role("menuitem", name="Pin").click()
    bob.until("earshot.state.faders.gains.length === 1 && earshot.state.focus")
    say(page, "Before")
    for visitor in (ada, bob):
        expect(visitor.page.get_by_test_id("chat-line")).to_have_count(1)
    before = bob.state()

    for visitor in (ada, bob):
        visitor.page.evaluate(WATCH)
    there = httpx.post(f"{moving.address}/move/{room['id']}", trust_env=False).raise_for_status().json()
    assert there["from"] != there["to"]
    say(page, "Meanwhile")
    bob.until("peers.slice(0, 2).every((pc) => pc.connectionState === 'closed')")
    assert page.evaluate("peers.slice(2).filter((pc) => pc.connectionState === 'connected').length") == 2
    frames = [visitor.page.evaluate("seen.frames") for visitor in (ada, bob)]
    for visitor, count in zip((ada, bob), frames, strict=True):
        visitor.until(f"seen.frames > {count} + 10")
    say(page, "After")

    for visitor, large in ((ada, False), (bob, True)):
        expect(visitor.page.locator("[data-testid=chat-line] p")).to_have_text(["Before", "Meanwhile", "After"])
        seen = visitor.page.evaluate("noted()")
        print(visitor.page.evaluate("longest"))
        assert seen["states"] == ["connected"]
        assert len(seen["tiles"]) == 1, "nobody left, nobody came, nobody changed places"
        assert (seen["large"], seen["away"], seen["deaf"]) == ([large], 0, 0)
    after = bob.state()
    assert [after[key] for key in ("participant", "faders")] == [before[key] for key in ("participant", "faders")]


def say(page, text: str) -> None:
    """Write to everyone."""
    if not page.locator("#chat-text").is_visible():
        page.keyboard.press("w")
    page.locator("#chat-text").fill(text)
    page.keyboard.press("Enter")
