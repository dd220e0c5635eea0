"""Devices: remembered, tried before the call, and how good a picture they send."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.browser.pages import Room, Visit, enter, join
from tests.browser.test_host import screenshot

LOCKS = """
window.locks = [];
Object.defineProperty(navigator, "wakeLock", { value: { request: async (kind) => {
  const lock = { kind, released: false, release: async () => (lock.released = true) };
  locks.push(lock);
  return lock;
} } });
"""

PLAYED = """
window.played = [];
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (this instanceof HTMLAudioElement && this.src.startsWith("blob:")) {
    played.push(this.src);
    this.addEventListener("ended", () => played.push("ended"));
  }
  return play.call(this);
};
"""


def test_a_device_and_the_quality_are_remembered_for_the_next_call(
    visit: Visit, room: Room, whole_chromium: Browser
) -> None:
    # Without windows of its own a browser names devices anew with each page.
    ben = visit(room["link"], browser=whole_chromium)
    page = ben.page
    page.get_by_test_id("preview-start").click()
    microphone = page.locator("#join-microphone")
    expect(microphone).to_be_visible()
    microphone.select_option(index=2)
    ben.until("document.querySelector('#join-microphone').selectedIndex === 2")
    join(ben, "Ben")
    page.get_by_test_id("devices").click()
    page.get_by_label("Quality of your picture").select_option("low")
    page.reload()
    page.get_by_test_id("preview-start").click()
    expect(microphone).to_be_visible()
    ben.until("document.querySelector('#join-microphone').selectedIndex === 2")
    ben.until("document.querySelector('#preview-video').videoWidth === 320")
    # What is kept may be nonsense, or of a device that is gone.
    page.evaluate("localStorage['earshot.devices'] = JSON.stringify({ audio: 'gone', video: 7, picture: 'huge' })")
    page.reload()
    page.get_by_test_id("preview-start").click()
    ben.until("document.querySelector('#preview-video').videoWidth === 640")
    expect(page.locator("#join-audio-problem")).to_be_empty()


def test_the_quality_is_changed_while_one_sends(visit: Visit, room: Room, tmp_path: Path) -> None:
    ben = enter(visit, room, "Ben")
    page, quality = ben.page, ben.page.get_by_label("Quality of your picture")
    page.get_by_test_id("devices").click()
    screenshot(page, tmp_path, "devices")
    quality.select_option("high")
    ben.until("document.querySelector('.tile.own video').videoWidth === 1280")
    quality.select_option("low")
    ben.until("document.querySelector('.tile.own video').videoWidth === 320")
    ann = enter(visit, room, "Ann")
    ann.until("document.querySelector('.tile:not(.own) video').videoWidth === 320")
    sent = ben.page.evaluate("earshot.stats()")
    [target] = [one["targetBitrate"] for one in sent if one["type"] == "outbound-rtp" and one["kind"] == "video"]
    assert target <= 300_000


def test_one_hears_and_sees_oneself_before_the_call(visit: Visit, room: Room, tmp_path: Path) -> None:
    ben = visit(room["link"])
    page = ben.page
    page.get_by_test_id("preview-start").click()
    check = page.get_by_test_id("self-check")
    check.click()
    expect(page.get_by_text("Recording: say something")).to_be_visible()
    expect(page.get_by_text("This is how the others see and hear you")).to_be_visible(timeout=10_000)
    replay = page.locator("#preview-replay")
    expect(replay).to_be_visible()
    assert replay.evaluate("(video) => !video.muted && video.src.startsWith('blob:') && video.videoWidth > 0")
    screenshot(page, tmp_path, "self-check")
    expect(check).to_have_text("Record 3 seconds of yourself", timeout=15_000)
    expect(replay).to_be_hidden()
    check.click()
    expect(check).to_have_text("Stop")
    check.click()
    expect(check).to_have_text("Record 3 seconds of yourself")
    join(ben, "Ben")


def test_a_sound_for_the_loudspeaker_and_a_screen_that_stays_on(visit: Visit, room: Room) -> None:
    ben = visit("about:blank")
    for script in (LOCKS, PLAYED):
        ben.page.add_init_script(script)
    ben.page.goto(room["link"])
    join(ben, "Ben")
    assert ben.page.evaluate("locks.map(({ kind, released }) => [kind, released])") == [["screen", False]]
    ben.page.get_by_test_id("devices").click()
    ben.page.get_by_role("button", name="Play a sound").click()
    expect(ben.page.get_by_role("button", name="Play a sound")).to_be_disabled()
    ben.until("played.at(-1) === 'ended'")
    expect(ben.page.get_by_role("button", name="Play a sound")).to_be_enabled()
    ben.page.get_by_role("button", name="Done", exact=True).click()
    ben.page.get_by_test_id("leave").click()
    ben.until("locks.every(({ released }) => released)")


OPENED = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wish) => (window.opened = await ask(wish));
"""
"""What the page has opened."""


def test_noise_is_switched_off_for_good_and_an_echo_is_told(visit: Visit, room: Room, tmp_path: Path) -> None:
    sent: list[dict[str, object]] = []
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def from_page(message: str | bytes) -> None:
            if (read := json.loads(message))["type"] == "suppression":
                sent.append(read)
            server.send(message)

        socket.on_message(from_page)

    ben = visit("about:blank")
    page = ben.page
    page.add_init_script(OPENED)
    page.route("**/health", lambda route: route.fulfill(json={"status": "ok", "separates": True}))
    page.route_web_socket("**/control", pass_on)
    page.goto(room["link"])
    join(ben, "Ben")
    page.get_by_test_id("devices").click()
    switch = page.get_by_label("Take noise out of what I send")
    expect(switch).not_to_be_checked()
    switch.press("Space")
    page.wait_for_timeout(50)
    assert [message["on"] for message in sent] == [False, True]
    screenshot(page, tmp_path, "noise")
    page.keyboard.press("Escape")
    sockets[-1].send('{"type": "echo"}')
    expect(page.get_by_text("Your speakers can be heard in your microphone")).to_be_visible()
    screenshot(page, tmp_path, "echo")
    page.reload()
    join(ben, "Ben")
    page.get_by_test_id("devices").click()
    expect(switch).to_be_checked()
    assert sent[-1]["on"] is True and len(sent) == 3
    # The server understood: it has refused nothing.
    expect(page.get_by_text("suppression")).to_have_count(0)
    # Where there are no models the browser does it, whether or not one has said so, unless one does not want it.
    page.unroute("**/health")
    for chosen, done in (("", True), ("off", False), ("on", True)):
        page.evaluate("(noise) => localStorage.setItem('earshot.devices', JSON.stringify({ noise }))", chosen)
        page.reload()
        join(ben, "Ben")
        page.get_by_test_id("devices").click()
        expect(switch).to_be_checked(checked=done)
        assert sent[-1]["on"] is False
        ben.until(f"opened.getAudioTracks()[0].getSettings().noiseSuppression === {json.dumps(done)}")


LEVELS = """
async (figures) => {
  const { levelOf } = await import("/static/call/link-figures.js");
  return figures.map(([loss, delayMs]) => levelOf({ loss, delayMs, width: 0, height: 0, rate: 0 }));
}
"""


def test_a_sign_says_how_good_a_connection_is_and_figures_say_why(visit: Visit, room: Room, tmp_path: Path) -> None:
    ann, ben = enter(visit, room, "Ann"), enter(visit, room, "Ben")
    page = ben.page
    ben.until("earshot.state.firstFrameMs !== null")
    tile = page.get_by_test_id("tile").filter(has_text="Ann")
    expect(tile.get_by_test_id("signal")).to_be_visible()
    expect(page.get_by_test_id("tile").filter(has_text="Ben").get_by_test_id("signal")).to_be_visible()
    tile.hover()
    page.get_by_role("button", name="Options for Ann").click()
    page.get_by_role("menuitem", name="Connection").click()
    figures = page.locator("#figures-dialog")
    expect(figures.get_by_role("heading")).to_have_text("Connection of Ann")
    expect(figures).to_contain_text("640 \u00d7 480")
    expect(figures).to_contain_text("1 viewer")
    came = figures.locator("div", has_text="Pictures that reached the server").locator("dd")
    assert int(came.inner_text()) > 0
    screenshot(page, tmp_path, "figures")
    found = page.evaluate(LEVELS, [[0, 20], [0.05, 20], [0, 400], [0.2, 20], [0, 900], [0, None]])
    assert found == ["good", "poor", "poor", "bad", "bad", "good"]
    assert ann.state()["connection"] == "connected"
