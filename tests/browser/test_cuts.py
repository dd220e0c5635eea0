"""The page in a real Chromium after a cut, and after a device that could not be swapped."""

from __future__ import annotations

import signal

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, make_room
from tests.browser.pages import Room, Visit, enter, join, tap_control

CUT_SECONDS = 20
"""Longer than three missed heartbeats, and than the media connections live without an answer."""


@pytest.mark.parametrize("code", [1001, 1011])
def test_comes_back_as_the_same_participant(visit: Visit, room: Room, code: int) -> None:
    visitor = visit("about:blank")
    sockets = tap_control(visitor)
    visitor.page.goto(room["link"])
    join(visitor, "Ada")
    before = visitor.state()["participant"]
    sockets[0].close(code=code, reason="cut by the test")
    visitor.until("earshot.state.connection === 'reconnecting'")
    visitor.until("earshot.state.connection === 'connected'")
    assert visitor.state()["participant"] == before
    assert len(sockets) == 2
    assert len(visitor.state()["room"]["participants"]) == 1


def test_comes_back_by_itself_after_a_silent_network(server: Server, visit: Visit) -> None:
    room = make_room(server.address)
    ada, bob = enter(visit, room, "Ada"), enter(visit, room, "Bob")
    ids = [visitor.state()["participant"] for visitor in (ada, bob)]
    fader = bob.page.locator(f"[data-testid=fader][data-participant='{ids[0]}'][data-face=rest]")
    fader.fill("50")
    bob.until("earshot.state.faders.gains.some((one) => one.face === 'rest' && one.gain === 0.5)")
    faders = bob.state()["faders"]
    for visitor in (ada, bob):
        visitor.until("earshot.state.firstFrameMs !== null")

    # Like a pulled cable: nothing is closed, nothing answers, neither media nor heartbeats.
    server.process.send_signal(signal.SIGSTOP)
    try:
        bob.page.wait_for_timeout(CUT_SECONDS * 1000)
        for visitor in (ada, bob):
            assert visitor.state()["connection"] == "reconnecting"
            expect(visitor.page.get_by_role("alert").filter(has_text="Reconnecting")).to_be_visible()
            expect(visitor.page.get_by_test_id("tile")).to_have_count(2)
    finally:
        server.process.send_signal(signal.SIGCONT)

    for visitor in (ada, bob):
        visitor.until("earshot.state.connection === 'connected'")
        visitor.until(
            "earshot.stats().then((all) => all.some((one) => one.type === 'inbound-rtp' && one.kind === 'video'"
            " && one.connection === 'watching' && one.framesDecoded > 5))"
        )
        expect(visitor.page.get_by_test_id("tile")).to_have_count(2)
        expect(visitor.page.locator(".pictureless")).to_have_count(0)
    assert [visitor.state()["participant"] for visitor in (ada, bob)] == ids
    assert [one["id"] for one in bob.state()["room"]["participants"]] == ids
    assert bob.state()["faders"] == faders
    expect(fader).to_have_value("50")
    for visitor in (ada, bob):
        # Chromium itself reports requests that got no answer.
        assert [error for error in visitor.errors if "net::ERR" not in error] == []
        visitor.errors.clear()


def test_one_refused_swap_is_told_and_later_ones_go_through(visit: Visit, room: Room) -> None:
    ada = enter(visit, room, "Ada")
    page = ada.page
    frames = (
        "earshot.stats().then((all) => all.find((one) => one.type === 'outbound-rtp' && one.kind === 'video')"
        "?.framesSent ?? 0)"
    )
    ada.until(f"{frames}.then((now) => now > 0)")
    page.evaluate(
        """() => {
            const replace = RTCRtpSender.prototype.replaceTrack;
            RTCRtpSender.prototype.replaceTrack = async function () {
                RTCRtpSender.prototype.replaceTrack = replace;
                throw new DOMException("refused by the test", "InvalidModificationError");
            };
        }"""
    )
    page.keyboard.press("v")
    expect(page.get_by_text("The camera could not be changed for the others.")).to_be_visible()
    page.wait_for_timeout(300)
    sent = page.evaluate(frames)
    page.keyboard.press("v")
    ada.until(f"{frames}.then((now) => now > {sent} + 5)")
    assert ada.state()["connection"] == "connected"
