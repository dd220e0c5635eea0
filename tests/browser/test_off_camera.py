"""Somebody who is not in the picture: a strip of their own, a name, lines, and lines under the wrong name."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.stage import Stage


def strip(bob: Stage, name: str) -> Locator:
    return bob.page.locator(".fader").filter(has_text=name)


def test_a_voice_without_a_face_has_a_strip_a_name_and_lines(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True, watch=False, viewport={"width": 1280, "height": 760})
    bob.show(0.3, voices=(-1,))
    expect(bob.page.locator(".fader-name")).to_have_text(["Face 1", "Voice 1", "Everything else"])
    # Its strip is what its face would be: a click hears it alone, and its name can be given there.
    strip(bob, "Voice 1").locator(".fader-name").click()
    assert bob.visitor.state()["focus"] == {"participant": bob.ada, "face": -1}
    expect(bob.page.locator("#hearing")).to_have_text("Hearing only Voice 1 of Ada")
    strip(bob, "Voice 1").get_by_role("button", name="Rename Voice 1").click()
    bob.page.get_by_label("Name of Voice 1").fill("Rose")
    bob.press("Enter")
    expect(bob.page.locator(".fader-name")).to_have_text(["Face 1", "Rose", "Everything else"])
    expect(bob.page.locator("#hearing")).to_have_text("Hearing only Rose of Ada")
    strip(bob, "Rose").locator(".fader-name").click()
    assert bob.visitor.state()["focus"] is None
    bob.faces(0.3, voices=(-1,))
    bob.say(-1, "dinner is ready", line=1)
    expect(bob.tile.get_by_test_id("caption")).to_have_text(["Rose: dinner is ready"])
    expect(bob.tile.locator(".captions-foot").get_by_test_id("caption")).to_have_count(1)


def test_a_line_is_given_to_its_speaker_with_two_clicks(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True, watch=False, viewport={"width": 1280, "height": 760})
    bob.press("t")
    now = time.time()
    bob.show(0.3, voices=(-1,))
    line = {"type": "caption", "id": 1, "text": "Dinner is ready.", "start": now, "end": now + 1, "final": True}
    bob.tell(**line, face=1)
    lines = bob.page.get_by_test_id("said")
    expect(lines).to_have_count(1)
    lines.get_by_role("button", name="Face 1 of Ada").click()
    menu = bob.page.get_by_test_id("speaker-menu")
    expect(menu.get_by_role("menuitemradio")).to_have_text(["Face 1 of Ada", "Voice 1 of Ada", "Ada"])
    expect(menu.get_by_role("menuitemradio", checked=True)).to_have_text("Face 1 of Ada")
    bob.press("Escape")
    expect(menu).to_have_count(0)
    lines.get_by_role("button").click()
    menu.get_by_role("menuitemradio", name="Voice 1 of Ada").click()
    assert bob.question(1) == {"type": "speaker", "participant": bob.ada, "line": 1, "face": -1}
    # The server tells everybody the same words again, and whose they are.
    bob.tell(**line, face=-1)
    expect(lines.locator("p")).to_have_text(["Dinner is ready."])
    expect(lines.get_by_role("button")).to_have_text(["Voice 1 of Ada"])


def test_a_caption_goes_over_to_the_speaker_that_its_line_is_given_to(stage: Callable[..., Stage]) -> None:
    bob = stage()
    now = time.time()
    text = "a line that is so long that it is still on the screen when another speaker turns out to have said it, " * 2
    for face in (2, -1):
        bob.tell(type="caption", id=1, text=text, start=now, end=now + 1, final=True, face=face)
    expect(bob.tile.get_by_test_id("caption")).to_have_text([f"Voice 1: {text}"])
    expect(bob.page.get_by_test_id("said")).to_have_count(1)
