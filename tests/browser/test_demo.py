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

from streamer.demo import DemoClip, demo_clip
from tests.browser.conftest import Visitor

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


def projections(recorded: np.ndarray, sources: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Level of each source in a recording against its own, in dB, over the pieces in which both were talking.

    Each piece is found in the clip, then projected on both sources at once, each at a few delays (as BSS Eval does,
    Vincent et al. 2006).
    """
    mixture, heard_energy, own_energy, pieces = sources[0] + sources[1], np.zeros(2), np.zeros(2), 0
    at = _find(recorded, mixture)
    for start in range(0, recorded.size - PIECE, PIECE):
        piece = recorded[start : start + PIECE]
        near = max(at + start - RATE // 4, TAPS)
        around = slice(near, near + PIECE + RATE // 2)
        exact = near + _find(piece, mixture[around])
        columns = [
            source[exact + delay : exact + delay + PIECE] for source in sources for delay in range(-TAPS, TAPS + 1)
        ]
        own = [np.sqrt(np.mean(source[exact : exact + PIECE] ** 2)) for source in sources]
        if min(own) < 0.01:
            continue
        basis = np.stack(columns, axis=1)
        weights = np.linalg.lstsq(basis, piece, rcond=None)[0].reshape(2, -1)
        parts = [basis[:, i * weights.shape[1] : (i + 1) * weights.shape[1]] @ weights[i] for i in range(2)]
        heard_energy += [np.mean(part**2) for part in parts]
        own_energy += np.square(own)
        pieces += 1
    assert pieces >= 3, "hardly anybody was talking at once"
    left, right = 10 * np.log10(heard_energy / own_energy + 1e-9)
    return float(left), float(right)


def _find(piece: np.ndarray, whole: np.ndarray) -> int:
    """Where a piece best fits into a longer sound."""
    return int(np.argmax(np.abs(fftconvolve(whole, piece[::-1], mode="valid"))))


def test_click_a_face_and_hear_only_that_face(
    demo_link: str,
    visit: Callable[..., Visitor],
    sources: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
) -> None:
    address, invite = demo_link.split("#")
    # Who joins here has no camera: that a browser encodes it on the same two cores would leave too little for the rest.
    visitor = visit(f"{address}?name=Ada&autojoin=1#{invite}", allow=(), viewport={"width": 1280, "height": 720})
    page = visitor.page

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

    everyone = projections(heard(visitor, 22), sources)
    assert abs(everyone[0] - everyone[1]) < 3

    page.locator(f"[data-testid=face][data-face='{left}']").click()
    visitor.until("earshot.state.focus")
    page.screenshot(path=os.environ.get("EARSHOT_SCREENSHOT", str(tmp_path / "call.png")))
    only_left = projections(heard(visitor, LOOP), sources)

    page.locator(f"[data-testid=face][data-face='{right}']").click()
    visitor.until(f"earshot.state.focus?.face == {right}")
    only_right = projections(heard(visitor, LOOP), sources)

    figures = f"everyone {everyone}, left {only_left}, right {only_right}"
    assert only_left[0] - only_left[1] >= 10, figures
    assert only_right[1] - only_right[0] >= 10, figures
    print(figures)
