"""The report of a recording, opened from its folder in a real browser, without a server."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect

from streamer.recordings.exports.event_log import sort_events
from streamer.recordings.exports.people import named, number_people, to_event
from streamer.recordings.exports.result import read_result
from streamer.recordings.exports.write import texts, write_texts
from tests.media import clip
from tests.streamer.recordings.exports.made import left

AT = "document.querySelector('video').currentTime"
SOUNDS = "[...document.querySelectorAll('audio')]"


def made(folder: Path, overlay: bool = True) -> Path:
    """A result of 6 s: Anna <b> with a face, a voice without one, and the rest."""
    left(folder)
    for hertz, name in ((300, "face-2.wav"), (400, "voice-1.wav"), (500, "rest.wav")):
        tone = 3000 * np.sin(2 * np.pi * hertz * np.arange(96_000) / 16_000)
        soundfile.write(folder / name, tone.astype(np.int16), 16_000)
    if overlay:
        clip(folder / "clip.mp4", 6.0, size=(320, 180)).rename(folder / "overlay.mp4")
    people = named(number_people([2], [1], folder), {2: "Anna <b>"})
    sort_events(folder / "events.jsonl", [to_event(people)])
    write_texts(folder, texts(read_result(folder), captions=True, overlay=overlay))
    return folder


@pytest.fixture
def page(browser: Browser) -> Page:
    """A page from which any request but those to files fails the test."""
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.set_default_timeout(30_000)
    wrong: list[str] = []
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield page
    page.context.close()
    assert wrong == []


def until(page: Page, condition: str) -> None:
    """Wait for a condition; Playwright's own way is a string to be evaluated, which the report's policy forbids."""
    deadline = time.monotonic() + 60
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def open_report(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    until(page, f"{SOUNDS}.every((sound) => sound.readyState >= 3)")


def test_picture_voices_and_transcript_in_step(page: Page, tmp_path: Path) -> None:
    open_report(page, made(tmp_path / "out"))
    expect(page.get_by_role("heading", name="our talk.mp4")).to_be_visible()
    lines = page.locator("button.line")
    assert lines.all_inner_texts() == [
        "Anna <b> 0:01\nIs 1 < 2?",
        'Voice 3 0:02\nHe said "no".',
        "0:03\n[dog bark]",
        "0:04\nFar away.",
    ]
    # The transcript leads to its place, and follows.
    lines.nth(1).click()
    assert page.evaluate(AT) == pytest.approx(2.0, abs=0.05)
    expect(lines.nth(1)).to_have_attribute("aria-current", "true")
    until(page, "document.querySelector('video').readyState >= 2")
    shown = "[...document.querySelector('video').textTracks[0].activeCues].map((cue) => cue.getCueAsHTML().textContent)"
    assert page.evaluate(shown) == ["Is 1 < 2?", 'He said "no".']
    page.screenshot(path=Path(os.environ.get("EARSHOT_SCREENSHOTS", str(tmp_path))) / "report.png")
    # So does the timeline: a click in its middle is the middle of the recording.
    page.locator(".voice svg").first.click()
    assert page.evaluate(AT) == pytest.approx(3.0, abs=0.1)
    # Whole, it is the recording's own sound; with one voice alone, that one plays in step with the picture.
    assert page.evaluate("document.querySelector('video').muted") is False
    page.get_by_role("button", name="Only Voice 3").click()
    expect(page.get_by_role("status")).to_have_text("You hear only Voice 3.")
    assert page.evaluate("document.querySelector('video').muted") is True
    assert page.evaluate(f"{SOUNDS}.map((sound) => sound.volume)") == [0, 1, 0]
    page.get_by_role("button", name="Play").click()
    until(page, f"{AT} > 3.6 && {SOUNDS}[1].currentTime > 3.6")
    assert abs(page.evaluate(f"{SOUNDS}[1].currentTime - {AT}")) < 0.25
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Only Voice 3").click()
    page.get_by_label("Loudness of Anna <b>").fill("50")
    assert page.evaluate(f"{SOUNDS}.map((sound) => sound.volume)") == [0.5, 1, 1]
    expect(page.get_by_role("status")).to_have_text("You hear your own mix.")
    page.get_by_role("button", name="Everyone as recorded").click()
    assert page.evaluate("document.querySelector('video').muted") is False


def test_by_keyboard_alone(page: Page, tmp_path: Path) -> None:
    open_report(page, made(tmp_path / "out"))
    page.keyboard.press("ArrowRight")
    assert page.evaluate(AT) == pytest.approx(5.0, abs=0.05)
    page.keyboard.press("ArrowUp")
    expect(page.locator("button.line").nth(3)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.evaluate(AT) == pytest.approx(2.0, abs=0.05)
    expect(page.get_by_role("button", name="Subtitles")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("s")
    assert page.evaluate("document.querySelector('video').textTracks[0].mode") == "hidden"
    # Every control is reached by Tab, the transcript as one.
    names = set()
    page.locator("body").press("Shift+Tab")
    for _ in range(30):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"))
    assert {"Only Anna <b>", "Loudness of Everything else", "Subtitles", "transcript.vtt"} <= names
    assert sum("line" in str(name) for name in page.locator("button.line[tabindex='0']").all()) == 1


def test_sound_alone(page: Page, tmp_path: Path) -> None:
    open_report(page, made(tmp_path / "out", overlay=False))
    expect(page.locator("video")).to_have_count(0)
    expect(page.get_by_role("button", name="Subtitles")).to_be_hidden()
    page.locator("button.line").nth(1).click()
    page.locator("h1").click()
    page.keyboard.press(" ")
    until(page, f"{SOUNDS}.every((sound) => sound.currentTime > 2.3)")
    at = page.evaluate(f"{SOUNDS}.map((sound) => sound.currentTime)")
    assert max(at) - min(at) < 0.25


def test_a_phone_has_all_of_it(page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_report(page, made(tmp_path / "out"))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    parts = [page.locator(part).bounding_box() for part in (".watch", ".said-list", "footer")]
    ends = [edge for part in parts if part is not None for edge in (part["y"], part["y"] + part["height"])]
    assert len(ends) == 6 and ends == sorted(ends)
    page.screenshot(
        path=Path(os.environ.get("EARSHOT_SCREENSHOTS", str(tmp_path))) / "report-phone.png", full_page=True
    )
