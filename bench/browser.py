"""A Chromium without a window, for the benches that drive pages."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

from bench.network_browser import FLAGS


def program() -> str | None:
    """Return the Chromium that is installed, the quickest one; None for the one that Playwright brought."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium") or shutil.which("google-chrome")


@contextlib.contextmanager
def browser(*flags: str) -> Iterator[Browser]:
    """Start it, with these flags besides those that all benches give."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=program(), args=[*FLAGS, *flags])
        try:
            yield started
        finally:
            started.close()
