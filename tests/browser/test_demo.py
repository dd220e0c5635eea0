"""The main job, as a newcomer does it: open the demo call, see the boxes, click a face, hear only that face."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect
from scipy.signal import fftconvolve

from streamer.demo.clip import DemoClip, demo_clip
from tests.browser.pages import Visitor, join

RATE = 16_000
RECORD = """
() => {
  const context = new AudioContext({ sampleRate: 16000 });
  const source = context.createMediaStreamSource(document.querySelector("#remote-audio").srcObject);
  const tap = context.createScriptProcessor(4096, 1, 1);
  const heard = [];
  tap.onaudioprocess = (event) => heard.push(event.inputBuffer.getChannelData(0).slice());
  source.connect(tap);
  tap.connect(context.destination);
  window.recording = heard;
}
"""
FETCH = """
(first) => {
  const samples = window.recording.slice(first).flatMap((block) => Array.from(block, (x) => Math.round(x * 32767)));
  const bytes = new Uint8Array(Int16Array.from(samples).buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}
"""
"""16 bits in base64: as a list of numbers it keeps page and machine busy for seconds, and the call with them."""

TAPS = 16
"""Delays in each direction, samples, that count as the same sound: codec and jitter buffer shift it a little."""

LOOP = 45
"""Seconds listened to: the whole clip, so that it does not matter where in it the click falls."""

PIECE = RATE
"""Samples over which the shift is taken as constant."""


@pytest.fixture(scope="module")
def clip() -> DemoClip:
    return demo_clip()


@pytest.fixture(scope="module")
def demo_link(clip: DemoClip) -> Iterator[str]:
    command = [sys.executable, "-m", "streamer", "serve", "--demo", "--port", "0"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=Path.cwd()
    )
    assert server.stdout is not None
    try:
        for line in server.stdout:
            if match := re.search(r"http://\S+/r/\S+", line):
                break
        yield match[0]
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(15)
        server.stdout.close()


@pytest.fixture(scope="module")
def sources(clip: DemoClip) -> tuple[np.ndarray, np.ndarray]:
    """The clean voices, three times in a row, so that a stretch of the endless loop is found whole."""
    left, right = (soundfile.read(path, dtype="float32")[0] for path in clip.sources)
    return np.tile(left, 3), np.tile(right, 3)


def heard(visitor: Visitor, seconds: float) -> np.ndarray:
    """What the page's loudspeaker gets in the next seconds."""
    first = visitor.page.evaluate("window.recording.length")
    visitor.until(f"window.recording.length >= {first} + {int(seconds * RATE / 4096)}", seconds + 20)
    fetched = base64.b64decode(visitor.page.evaluate(FETCH, first))
    return np.frombuffer(fetched, np.int16).astype(np.float32) / 32767


def left_above_right(recorded: np.ndarray, sources: tuple[np.ndarray, np.ndarray]) -> float:
    """By how many dB the left voice is above the right one, each against its own level, where both were talking.

    Each second is found in the clip, then projected on both sources at once, each at a few delays (as BSS Eval does,
    Vincent et al. 2006); the median over the seconds counts (as in museval, Stoeter et al. 2018): one in which the
    machine paused tells nothing of the voices.
    """
    mixture = sources[0] + sources[1]
    at, ratios = _find(recorded, mixture), []
    for start in range(0, recorded.size - PIECE, PIECE):
        piece = recorded[start : start + PIECE]
        near = max(at + start - RATE // 4, TAPS)
        exact = near + _find(piece, mixture[near : near + PIECE + RATE // 2])
        own = [float(np.mean(source[exact : exact + PIECE] ** 2)) for source in sources]
        if min(own) < 1e-4:
            continue
        delays = range(-TAPS, TAPS + 1)
        basis = np.stack([source[exact + d : exact + d + PIECE] for source in sources for d in delays], axis=1)
        weights = np.linalg.lstsq(basis, piece, rcond=None)[0]
        half = len(delays)
        parts = basis[:, :half] @ weights[:half], basis[:, half:] @ weights[half:]
        left, right = (float(np.mean(part**2)) / level + 1e-9 for part, level in zip(parts, own, strict=True))
        ratios.append(10 * np.log10(left / right))
    assert len(ratios) >= 3, "hardly anybody was talking at once"
    return float(np.median(ratios))


def _find(piece: np.ndarray, whole: np.ndarray) -> int:
    """Where a piece best fits into a longer sound."""
    return int(np.argmax(np.abs(fftconvolve(whole, piece[::-1], mode="valid"))))


def test_click_a_face_and_hear_only_that_face(
    demo_link: str,
    visit: Callable[..., Visitor],
    sources: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    # Only watched: that a browser encodes a camera on the same two cores would leave too little for the rest.
    visitor = visit(demo_link, allow=(), viewport={"width": 1280, "height": 720})
    page = visitor.page
    join(visitor, "Ada", watch=True)

    # Both puppets are seen, named left to right, and their voices are learned while each talks alone.
    visitor.until("document.querySelectorAll('[data-testid=face]').length == 2", 60)
    visitor.until(
        "Object.values(earshot.state.faces)"
        ".some((faces) => faces.length == 2 && faces.every((f) => f.voice == 'known'))",
        90,
    )
    faces = page.evaluate("Object.values(earshot.state.faces).find((faces) => faces.length == 2)")
    left, right = (face["id"] for face in sorted(faces, key=lambda face: face["box"][0]))
    expect(page.get_by_test_id("status-voices")).to_have_text("Voices are separated", timeout=20_000)
    page.evaluate(RECORD)

    everyone = left_above_right(heard(visitor, 22), sources)

    page.locator(f"[data-testid=face][data-face='{left}']").click()
    visitor.until("earshot.state.focus")
    page.screenshot(path=os.environ.get("EARSHOT_SCREENSHOT", str(tmp_path / "call.png")))
    only_left = left_above_right(heard(visitor, LOOP), sources)

    page.locator(f"[data-testid=face][data-face='{right}']").click()
    visitor.until(f"earshot.state.focus?.face == {right}")
    only_right = left_above_right(heard(visitor, LOOP), sources)

    figures = f"left above right, dB: everyone {everyone:.1f}, left {only_left:.1f}, right {only_right:.1f}"
    assert abs(everyone) < 3, figures
    assert only_left >= 10, figures
    assert only_right <= -10, figures
    print(figures)
