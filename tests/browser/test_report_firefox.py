"""The report of a recording in Firefox, which plays, seeks and keeps several sounds together in its own way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser.bidi import firefox
from tests.browser.test_report import AT, SOUNDS, made

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")

UNTIL = """
new Promise((done, failed) => {{
  const began = Date.now();
  const late = () => Date.now() - began > 60000;
  const look = () => ({condition}) ? done(true) : late() ? failed(Error("late")) : setTimeout(look, 50);
  look();
}})
"""


@pytest.mark.skipif(FIREFOX is None, reason="Firefox is not installed")
def test_the_report_opens_and_plays_in_firefox(tmp_path: Path) -> None:
    folder = made(tmp_path / "out")
    assert FIREFOX is not None
    with firefox(FIREFOX, tmp_path / "profile") as page:
        page.open((folder / "index.html").as_uri())
        page.evaluate(UNTIL.format(condition=f"{SOUNDS}.every((sound) => sound.readyState >= 3)"))
        said = page.evaluate("[...document.querySelectorAll('button.line')].map((line) => line.innerText).join('|')")
        assert said.split("|")[0] == "Anna <b> 0:01\nIs 1 < 2?"
        # The transcript leads to its place.
        page.evaluate("document.querySelectorAll('button.line')[1].click()")
        assert page.evaluate(AT) == pytest.approx(2.0, abs=0.05)
        # With one voice alone, that one plays in step with the picture.
        page.evaluate("document.querySelector('[aria-label=\"Only Voice 3\"]').click()")
        assert page.evaluate("document.querySelector('video').muted") is True
        assert page.evaluate(f"{SOUNDS}.map((sound) => sound.volume).join()") == "0,1,0"
        page.evaluate("[...document.querySelectorAll('button')].find((one) => one.innerText.includes('Play')).click()")
        page.evaluate(UNTIL.format(condition=f"{AT} > 3.6 && {SOUNDS}[1].currentTime > 3.6"))
        assert page.evaluate(f"Math.abs({SOUNDS}[1].currentTime - {AT})") < 0.25
        assert page.errors == []
