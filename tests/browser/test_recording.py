"""A host records: a sign on every page, and the results where the host finds them."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import make_room
from tests.browser.pages import Visit, enter
from tests.browser.test_host import allowed, open_host_panel, screenshot

MADE_MS = 400_000
"""For the results, which are made behind everything else."""


def test_everybody_sees_that_it_is_recorded_and_the_host_gets_it(
    recording_address: str, visit: Visit, tmp_path: Path
) -> None:
    room = make_room(recording_address)
    hera, ben = enter(visit, room, "Hera", link="host_link"), enter(visit, room, "Ben")
    page = open_host_panel(hera)
    page.get_by_test_id("record").click()
    expect(page.get_by_text("Everybody is told before anything is recorded")).to_be_visible()
    screenshot(page, tmp_path, "record")
    page.get_by_role("button", name="Record", exact=True).click()
    for visitor in (hera, ben):
        expect(visitor.page.get_by_test_id("status-recording")).to_have_text("Recording")
        expect(visitor.page.get_by_text("This call is being recorded.")).to_be_visible()
    watcher = enter(visit, room, "Cy", link="watch_link", watch=True)
    expect(watcher.page.get_by_test_id("status-recording")).to_have_text("Recording")
    ben.page.get_by_test_id("words").click()
    ben.page.get_by_role("tab", name="Chat").click()
    ben.page.get_by_label("Write to everyone").fill("for the minutes")
    ben.page.keyboard.press("Enter")
    ben.page.wait_for_timeout(3000)
    screenshot(ben.page, tmp_path, "recorded")
    screenshot(page, tmp_path, "recording-host")
    page.get_by_test_id("record").click()
    expect(ben.page.get_by_test_id("status-recording")).to_be_empty()
    expect(ben.page.get_by_text("The recording has ended.")).to_be_visible()
    kept = page.get_by_role("list", name="Recordings of this call")
    expect(kept.get_by_role("listitem")).to_have_count(1)
    listed = "fetch(`/rooms/${earshot.state.room.id}/recordings`).then(({ status }) => status)"
    assert ben.page.evaluate(listed) == 401
    allowed(ben, "401")
    # Cameras would keep the machine from what is waited for.
    for visitor in (ben, watcher):
        visitor.page.get_by_test_id("leave").click()
    page.get_by_test_id("camera").click()
    expect(kept.get_by_role("link", name="Open")).to_be_visible(timeout=MADE_MS)
    screenshot(page, tmp_path, "recording-ready")
    with page.expect_download() as download:
        kept.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"\x1a\x45\xdf\xa3"
    with page.context.expect_page() as opened:
        kept.get_by_role("link", name="Open").click()
    report = opened.value
    expect(report.get_by_text("Ben", exact=True).first).to_be_visible()
    expect(report.get_by_text("[chat] for the minutes").first).to_be_visible()
    for _ in range(200):
        if report.evaluate("document.querySelector('video').readyState >= 2"):
            break
        report.wait_for_timeout(50)
    assert report.evaluate("[...document.querySelectorAll('video, audio')].every(({ error }) => !error)")
    screenshot(report, tmp_path, "recording-report")
