"""The call in the Firefox that people have: some of Chromium's tests once more, and calls between the two.

Debian's WebKitGTK (2.50) has no such file: it is built without WebRTC, `RTCPeerConnection` is not defined in it whatever
is switched on. What the page says to such a browser is in test_home.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Room, Visit, Visitor, enter, join
from tests.browser.test_host import screenshot
from tests.browser.test_overlays import test_captions_stand_under_their_faces_inside_the_tile
from tests.browser.test_page import (
    test_face_follows_its_message_and_is_focused_by_click_and_key,
    test_keys_and_mixer_reach_the_server,
)
from tests.browser.test_panels import test_transcript_keeps_finals_in_order_and_renames
from tests.browser.test_report import page, test_picture_voices_and_transcript_in_step
from tests.browser.test_talk import test_who_only_watches_reads_along

__all__ = [
    "page",
    "test_captions_stand_under_their_faces_inside_the_tile",
    "test_face_follows_its_message_and_is_focused_by_click_and_key",
    "test_keys_and_mixer_reach_the_server",
    "test_picture_voices_and_transcript_in_step",
    "test_transcript_keeps_finals_in_order_and_renames",
    "test_who_only_watches_reads_along",
]

OTHERS = ".tile:not(.own) video"
FRAME = f"""
new Promise((done) => document.querySelector("{OTHERS}").requestVideoFrameCallback((_now, {{ rtpTimestamp, width }}) =>
  done([typeof rtpTimestamp, width])))
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
    """Wait for decoded pictures of somebody else, and for all that is known of the connection."""
    decoded = "one.type === 'inbound-rtp' && one.kind === 'video' && one.framesDecoded > 5"
    visitor.until(f"earshot.stats().then((all) => all.some((one) => {decoded}))")
    visitor.until(f"document.querySelector('{OTHERS}')?.videoWidth === 640")
    expect(visitor.page.locator(".pictureless")).to_have_count(0)


def test_firefox_and_chromium_in_one_call(visit: Visit, chromium: Browser, address: str, tmp_path: Path) -> None:
    ben = visit(address, viewport={"width": 1100, "height": 700})
    ben.page.get_by_role("button", name="New call").click()
    ben.page.wait_for_url("**/r/*#*")
    ben.page.get_by_test_id("preview-start").click()
    ben.until("document.querySelector('#preview-video').videoWidth === 640")
    screenshot(ben.page, tmp_path, "firefox-join")
    room = {"link": ben.page.url}
    join(ben, "Ben")
    ann = enter(visit, room, "Ann", browser=chromium)
    sees(ben)
    sees(ann)
    # Boxes are drawn on the picture they belong to: the browser says which one it shows.
    assert ben.page.evaluate(FRAME) == ["number", 640]
    assert ben.page.evaluate(LOUDEST) > 0.05
    ann.until("earshot.stats().then((all) => all.some((one) => one.totalAudioEnergy > 1e-4))")
    expect(ben.page.locator(".tile:not(.own) .signal")).to_be_visible()
    screenshot(ben.page, tmp_path, "firefox-call")

    ben.page.keyboard.press("v")
    expect(ann.page.locator(".tile:not(.own).pictureless")).to_be_visible()
    ben.page.keyboard.press("v")
    expect(ann.page.locator(".pictureless")).to_have_count(0)

    ben.page.evaluate(SCREEN)
    ben.page.get_by_test_id("share").click()
    expect(ann.page.locator(".cell.large")).to_contain_text("Ben's screen")
    ann.until("document.querySelector('.cell.large video').videoWidth === 1280")
    screenshot(ben.page, tmp_path, "firefox-share")
    ben.page.get_by_test_id("share").click()
    expect(ann.page.locator(".cell.large")).to_have_count(0)

    ben.page.get_by_test_id("leave").click()
    expect(ann.page.get_by_test_id("tile")).to_have_count(1)
    expect(ben.page.get_by_role("heading", name="You left the call")).to_be_visible()


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
