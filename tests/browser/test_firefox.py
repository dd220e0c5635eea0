"""The call in the Firefox that people have: some of Chromium's tests once more, and calls between the two.

Debian's WebKitGTK (2.50) has no such file: it is built without WebRTC, with `RTCPeerConnection` undefined whatever is
switched on. What the page says to such a browser is in test_home.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Room, Visit, Visitor, enter, join
from tests.browser.stage import Stage
from tests.browser.test_host import screenshot
from tests.browser.test_panels import test_transcript_keeps_finals_in_order_and_renames
from tests.browser.test_report import page, test_picture_voices_and_transcript_in_step
from tests.browser.test_talk import write

__all__ = [
    "page",
    "test_picture_voices_and_transcript_in_step",
    "test_transcript_keeps_finals_in_order_and_renames",
]

OTHERS = ".tile:not(.own) video"
FRAME = f"""
new Promise((done) => document.querySelector("{OTHERS}").requestVideoFrameCallback((_now, {{ rtpTimestamp }}) =>
  done(typeof rtpTimestamp)))
"""
LOUDEST = """
new Promise((done) => {
  const recorder = new MediaRecorder(document.querySelector("#remote-audio").srcObject);
  recorder.addEventListener("dataavailable", async ({ data }) => {
    // Without a sound card Firefox runs no other kind of context.
    const context = new OfflineAudioContext(1, 1, 48000);
    const sound = await context.decodeAudioData(await data.arrayBuffer());
    done(sound.getChannelData(0).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0));
  });
  recorder.start();
  setTimeout(() => recorder.stop(), 2000);
})
"""
SCREEN = """
const canvas = document.createElement("canvas");
[canvas.width, canvas.height] = [1280, 720];
const paint = canvas.getContext("2d");
setInterval(() => {
  paint.fillStyle = `hsl(${performance.now() / 20} 80% 50%)`;
  paint.fillRect(0, 0, 1280, 720);
}, 100);
navigator.mediaDevices.getDisplayMedia = async () => canvas.captureStream(10);
"""
"""There is no screen to share where there is no screen."""

HEADSET = """
const devices = navigator.mediaDevices ?? {};
const headset = { kind: "audiooutput", deviceId: "headset", label: "Headset", groupId: "" };
const listed = devices.enumerateDevices?.bind(devices);
let chosen = false, sink = "";
devices.enumerateDevices = async () => [...(await listed()), ...(chosen ? [headset] : [])];
devices.selectAudioOutput = async () => {
  if (window.refuse) throw new DOMException("", "NotAllowedError");
  chosen = true;
  return headset;
};
Object.defineProperty(HTMLMediaElement.prototype, "sinkId", { get: () => sink });
HTMLMediaElement.prototype.setSinkId = async (id) => void (sink = id);
"""
"""A loudspeaker that Firefox would list once it was chosen in Firefox's own dialog."""


@pytest.fixture(scope="module")
def browser(firefox: Browser) -> Browser:
    return firefox


def sees(visitor: Visitor) -> None:
    """Wait for decoded pictures of somebody else on the screen."""
    decoded = "one.type === 'inbound-rtp' && one.kind === 'video' && one.framesDecoded > 5"
    visitor.until(f"earshot.stats().then((all) => all.some((one) => {decoded}))", 60)
    visitor.until(f"document.querySelector('{OTHERS}')?.videoWidth > 0", 60)
    expect(visitor.page.locator(".pictureless")).to_have_count(0)


def test_firefox_and_chromium_in_one_call(visit: Visit, chromium: Browser, address: str, tmp_path: Path) -> None:
    ben = visit(address, viewport={"width": 1100, "height": 700})
    page, stage = ben.page, Stage(ben, "")
    page.get_by_role("button", name="New call").click()
    page.wait_for_url("**/r/*#*")
    page.route_web_socket("**/control", stage.pass_on)
    page.reload()
    page.get_by_test_id("preview-start").click()
    ben.until("document.querySelector('#preview-video').videoWidth === 640")
    screenshot(page, tmp_path, "firefox-join")
    room = {"link": page.url}
    join(ben, "Ben")
    ann = enter(visit, room, "Ann", browser=chromium)
    stage.ada = ann.state()["participant"]
    sees(ben)
    sees(ann)
    # Boxes are drawn on the picture they belong to: the browser says which one it shows.
    assert page.evaluate(FRAME) == "number"
    assert page.evaluate(LOUDEST) > 0.05
    ann.until("earshot.stats().then((all) => all.some((one) => one.totalAudioEnergy > 1e-4))")
    ben.until("document.querySelector('.tile:not(.own) .signal').dataset.level")

    # A click on a face of Ann's picture, told again and again: on a busy machine it may be gone before the click.
    stage.show(0.3)
    stage.say(1, "the budget")
    screenshot(page, tmp_path, "firefox-face")
    tile = stage.tile.bounding_box()
    assert tile is not None
    page.mouse.move(tile["x"] + 0.4 * tile["width"], tile["y"] + 0.4 * tile["height"])
    for _ in range(20):
        stage.show(0.3)
        page.mouse.down()
        stage.faces(0.3)
        page.mouse.up()
        page.wait_for_timeout(200)
        if ben.state()["focus"]:
            break
    assert ben.state()["focus"] == {"participant": stage.ada, "face": 1}
    expect(page.get_by_text("Hearing only Face 1 of Ann")).to_be_visible()
    page.keyboard.press("Escape")
    ben.until("earshot.state.focus === null")

    page.locator("[data-testid=fader][data-face=rest]").fill("50")
    ben.until("earshot.state.faders.gains.some((one) => one.face === 'rest' && one.gain === 0.5)")
    page.keyboard.press("m")
    expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("w")
    write(page, "See https://example.org/")
    expect(ann.page.locator("#toasts")).to_contain_text("Ben: See")
    screenshot(page, tmp_path, "firefox-chat")
    page.get_by_test_id("words").click()

    # A camera that is off leaves no picture behind.
    page.keyboard.press("v")
    expect(ann.page.locator(".tile:not(.own).pictureless")).to_be_visible(timeout=10_000)
    page.keyboard.press("v")
    expect(ann.page.locator(".pictureless")).to_have_count(0)

    page.evaluate(SCREEN)
    page.get_by_test_id("share").click()
    expect(ann.page.locator(".cell.large")).to_contain_text("Ben's screen")
    # A busy machine sends it smaller.
    ann.until("document.querySelector('.cell.large video').videoWidth > 0")
    page.get_by_test_id("share").click()
    expect(ann.page.locator(".cell.large")).to_have_count(0)

    page.get_by_test_id("leave").click()
    expect(ann.page.get_by_test_id("tile")).to_have_count(1)
    expect(page.get_by_role("heading", name="You left the call")).to_be_visible()


def test_a_loudspeaker_is_chosen_where_the_browser_lists_none(visit: Visit, room: Room, tmp_path: Path) -> None:
    ben = visit("about:blank")
    page = ben.page
    page.add_init_script(HEADSET)
    page.goto(room["link"])
    join(ben, "Ben")
    page.get_by_test_id("devices").click()
    speaker = page.locator("#call-speaker")
    expect(speaker.locator("option")).to_have_text(["System default", "Another one…"])
    page.evaluate("window.refuse = true")
    speaker.select_option("Another one…")
    expect(speaker).to_have_value("")
    page.evaluate("window.refuse = false")
    speaker.select_option("Another one…")
    expect(speaker).to_have_value("headset")
    screenshot(page, tmp_path, "firefox-devices")
    assert page.evaluate("document.querySelector('#remote-audio').sinkId") == "headset"
    speaker.select_option("System default")
    expect(speaker).to_have_value("")
    assert page.evaluate("JSON.parse(localStorage['earshot.devices']).speaker") == ""
