"""How many pictures a second a portrait gets on a slow phone: `python -m bench.portrait`. A minute.

Somebody whose camera is off speaks, as a photo that moves, in a real call; a watcher's page is slowed down by Chromium
(`Emulation.setCPUThrottlingRate`), all of it: picture, sound, socket, and the rest of the page. Here a processor draws
in place of a GPU, and the page's thread waits for that.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage.data
from playwright.sync_api import Page

from bench.browser import browser
from bench.call import Call, call
from bench.page import publish, table, verdict
from models.common.weights import packaged

SLOWER = (1, 4, 6)
"""Times. Lighthouse takes 4 for a middling phone of 2016; 6 is Chromium's own preset for a low one."""

LIMIT = 30.0
"""Pictures a second that are wanted."""

SETTLE_MS, SECONDS = 3000, 10.0

COUNTS = """
window.drawn = [];
const draw = WebGLRenderingContext.prototype.drawElements;
WebGLRenderingContext.prototype.drawElements = function (...how) {
  window.drawn.push(performance.now());
  return draw.apply(this, how);
};
"""
"""A portrait's net is drawn once for every picture."""


def devices(folder: Path) -> list[str]:
    """Write a camera that sees one face and a microphone that hears somebody read; return Chromium's flags."""
    camera = folder / "camera.mjpeg"
    face = cv2.resize(np.ascontiguousarray(skimage.data.astronaut()[..., ::-1]), (480, 480))
    picture = cv2.copyMakeBorder(face, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    camera.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes() * 10)
    voice = packaged("moonshine_voice", "assets", "two_cities.wav")
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    return [*fake, f"--use-file-for-fake-video-capture={camera}", f"--use-file-for-fake-audio-capture={voice}"]


def speaks_as_photo(page: Page, link: str) -> None:
    """Join with a photo in place of the camera."""
    page.goto(link)
    page.get_by_test_id("preview-start").click()
    page.get_by_test_id("portrait-choice").get_by_label("A photo of me that speaks").check()
    page.get_by_test_id("take-photo").click()
    page.get_by_alt_text("Your photo").wait_for(timeout=60_000)
    page.get_by_test_id("join-name").fill("Ann")
    page.get_by_test_id("join-button").click()
    page.wait_for_function("() => earshot.state?.connection === 'connected'")
    page.get_by_test_id("camera").click()


def measured(page: Page, devtools: Any, slower: float) -> list[str]:
    """Return a row: pictures a second, the longest time without one, how busy the page's thread is, and by scripts."""
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.wait_for_timeout(SETTLE_MS)

    def busy() -> tuple[float, float, float]:
        found = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
        return found["Timestamp"], found["TaskDuration"], found["ScriptDuration"]

    before = busy()
    page.evaluate("window.drawn = []")
    page.wait_for_timeout(1000 * SECONDS)
    times = np.array(page.evaluate("window.drawn"))
    after = busy()
    rate = (len(times) - 1) / (times[-1] - times[0]) * 1000
    passed, *used = (end - begin for begin, end in zip(before, after, strict=True))
    shares = [f"{100 * seconds / passed:.0f} %" for seconds in used]
    return [f"{slower} x", f"{rate:.1f}", f"{np.diff(times).max():.0f} ms", *shares]


def rows(running: Call) -> list[list[str]]:
    """Measure all speeds in one call."""
    link = running.address + running.made["link"]
    with tempfile.TemporaryDirectory() as folder, browser(*devices(Path(folder))) as speaks:
        speaks_as_photo(speaks.new_page(), link)
        page = speaks.new_context(viewport={"width": 412, "height": 915}).new_page()
        page.add_init_script(COUNTS)
        page.goto(link)
        page.get_by_test_id("join-name").fill("Ben")
        page.get_by_test_id("watch-button").click()
        page.get_by_test_id("portrait").wait_for(timeout=60_000)
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        return [measured(page, devtools, slower) for slower in SLOWER]


def main() -> None:
    with call(models=False) as running:
        found = rows(running)
    head = ["the page is slowed down", "pictures a second", "longest without one", "its thread is busy", "by scripts"]
    text = table(head, found)
    slowest = float(found[-1][1])
    text += f"\n\n{LIMIT:.0f} pictures a second are wanted: "
    # No more is left of a rate than what its printed figure tells.
    text += verdict(LIMIT, slowest) + f" at {SLOWER[-1]} times. "
    text += (
        "A processor draws in place of a GPU, and the page's thread waits for it; scripts are what it has to do itself."
    )
    publish("portrait", "python -m bench.portrait", text)


if __name__ == "__main__":
    main()
