"""A portrait in place of a camera that is off: chosen on the join screen, marked, and moved by its owner's voice."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
import soundfile
from playwright.sync_api import Page, expect

from models.common.weights import packaged
from models.portrait.draw import Portrait
from models.portrait.find import find_portrait
from models.portrait.life import Stance
from models.portrait.mouth import COMPONENTS, Mouth, opening
from models.portrait.sheet import sheet
from tests.browser.pages import Room, Visit, enter, join
from tests.browser.test_host import screenshot

DEVICES = """
const stream = (async () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [640, 480];
  const image = new Image();
  image.src = "data:image/jpeg;base64,PICTURE";
  await image.decode();
  const draw = () => canvas.getContext("2d").drawImage(image, 80, 0, 480, 480);
  setInterval(draw, 100);
  draw();
  return canvas;
})();
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const tracks = [];
  if (wanted.video) tracks.push(...(await stream).captureStream(10).getTracks());
  if (wanted.audio) {
    const context = new AudioContext();
    const source = new AudioBufferSourceNode(context, { loop: true });
    const wav = Uint8Array.from(atob("SOUND"), (c) => c.charCodeAt(0));
    source.buffer = await context.decodeAudioData(wav.buffer);
    const out = context.createMediaStreamDestination();
    source.connect(out);
    source.start();
    tracks.push(...out.stream.getTracks());
  }
  return new MediaStream(tracks);
};
"""
"""A camera that sees one picture, and a microphone that hears one voice."""


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return np.ascontiguousarray(skimage.data.astronaut())


@pytest.fixture(scope="module")
def made(face: np.ndarray) -> tuple[Portrait, Mouth, dict[str, Any]]:
    mouth = Mouth()
    portrait = Portrait(*find_portrait(face), mouth.rest)
    return portrait, mouth, sheet(portrait, mouth, b"<x/>")


def opens(mouth: Mouth) -> int:
    """The sign of the first amount with which the mouth opens."""
    shapes = mouth.shape(np.array([[sign, *[0] * (COMPONENTS - 1), 1] for sign in (-1, 1)], np.float32))
    return 1 if opening(shapes[1]) > opening(shapes[0]) else -1


def devices(face: np.ndarray) -> str:
    pcm, rate = soundfile.read(packaged("moonshine_voice", "assets", "two_cities.wav"), dtype="int16", always_2d=True)
    wav = io.BytesIO()
    soundfile.write(wav, pcm[rate : 7 * rate : 3, :1], rate // 3, format="WAV")
    picture = cv2.imencode(".jpg", face[..., ::-1])[1].tobytes()
    text = DEVICES.replace("PICTURE", base64.b64encode(picture).decode())
    return text.replace("SOUND", base64.b64encode(wav.getvalue()).decode())


def test_the_page_places_the_net_as_the_server_does(visit: Visit, address: str, made: Any) -> None:
    portrait, mouth, described = made
    page = visit(address).page
    row = np.array([1.2, -0.8, 0.5, 0.3, -1.1, 0.2, 0, 0.4, -0.2, 0.1, 0.9], np.float32)
    stance = Stance(0.02, -0.01, 0.03, 0.05, -0.04, 0.5)
    found = page.evaluate(
        """async ([sheet, row, stance]) => {
          const { net } = await import("/static/portrait/sheet.js");
          const { Rig } = await import("/static/portrait/rig.js");
          const rig = new Rig(sheet, net(sheet));
          rig.step(Float32Array.from(row), stance);
          return { placed: [...rig.placed], skull: rig.skull, jaw: rig.jaw, opening: rig.opening };
        }""",
        [
            described,
            row.tolist(),
            {name: getattr(stance, name) for name in ("right", "down", "turn", "yaw", "pitch", "lids")},
        ],
    )
    wanted = portrait.rig.place(mouth.shape(row[None])[0], stance)
    placed = np.array(found["placed"]).reshape(-1, 2)
    assert np.abs(placed - wanted).max() < 0.1
    assert np.abs(wanted - portrait.rig.points).max() > 3
    resting, shut = portrait.rig.place(mouth.rest, stance), portrait.rig.place(mouth.rest, Stance())
    np.testing.assert_allclose(found["skull"], (resting - shut)[list(described["upper"])].mean(0), atol=0.1)
    np.testing.assert_allclose(found["jaw"], (wanted - shut)[list(described["lower"][3:8])].mean(0), atol=0.1)


@pytest.mark.parametrize("painter", ["GlPainter", "FlatPainter"])
def test_the_page_draws_what_the_server_draws(
    visit: Visit, address: str, made: Any, painter: str, tmp_path: Path
) -> None:
    portrait, mouth, described = made
    page = visit(address).page
    row = np.zeros(COMPONENTS + 1, np.float32)
    row[[0, -1]] = (2.5 * opens(mouth), 1)
    file = "gl" if painter == "GlPainter" else "flat"
    url = page.evaluate(
        f"""async ([sheet, row]) => {{
          const {{ load }} = await import("/static/portrait/sheet.js");
          const {{ Rig, STILL }} = await import("/static/portrait/rig.js");
          const {{ {painter} }} = await import("/static/portrait/{file}-painter.js");
          const loaded = await load(sheet);
          const canvas = document.createElement("canvas");
          const painter = new {painter}(canvas, loaded);
          const rig = new Rig(loaded.sheet, loaded.net);
          rig.step(Float32Array.from(row), STILL);
          painter.draw(rig);
          return canvas.toDataURL("image/png");
        }}""",
        [described, row.tolist()],
    )
    png = np.frombuffer(base64.b64decode(url.partition(",")[2]), np.uint8)
    found = cv2.imdecode(png, cv2.IMREAD_COLOR)[..., ::-1].astype(float)
    wanted = portrait.draw(mouth.shape(row[None])[0], Stance()).astype(float)
    both = np.concatenate([found, wanted, np.abs(found - wanted) * 4], axis=1).clip(0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / f"{painter}.png"), both[..., ::-1])
    lips = portrait.rig.place(mouth.shape(row[None])[0], Stance())[[61, 291, 0, 17]]
    x0, y0 = lips.min(0).astype(int)
    x1, y1 = lips.max(0).astype(int) + 1
    apart = np.abs(found - wanted).mean(2)
    plain = np.abs(portrait.rgb.astype(float) - wanted).mean(2)
    assert max(apart.mean(), apart[-1].mean(), apart[:, -1].mean()) < 6
    assert apart[y0:y1, x0:x1].mean() < 0.35 * plain[y0:y1, x0:x1].mean()


def test_the_mouth_shows_what_is_heard_now_and_guesses_are_put_right(visit: Visit, address: str) -> None:
    def rows(*amounts: int) -> str:
        return base64.b64encode(b"".join(bytes([amount, *bytes(9), 127]) for amount in amounts)).decode()

    shown = visit(address).page.evaluate(
        """async ([first, second]) => {
          const { ListeningClock } = await import("/static/call/listening-clock.js");
          const { MouthTrack } = await import("/static/call/mouth-track.js");
          const source = { rtpTimestamp: 0, timestamp: performance.timeOrigin + performance.now() + 60_000 };
          const clock = new ListeningClock(() => ({ getSynchronizationSources: () => [source] }));
          const before = clock.now(10);
          clock.base = 2 ** 32 - 96_000;
          const mouth = new MouthTrack(clock, false);
          const at = (t) => {
            source.rtpTimestamp = t * 48_000 - 96_000;
            const row = mouth.now();
            return [row[0], row[10]];
          };
          at(2);
          mouth.push({ at: 10, rows: first });
          const guessed = [at(9), at(10.01), at(10.04), at(10.09)];
          mouth.push({ at: 10.04, rows: second });
          const known = [at(10.06), mouth.ahead, at(10.18), at(10.3)];
          return [before, clock.now(10), guessed, known];
        }""",
        [rows(31, 93), rows(62, 62)],
    )
    before, now, guessed, (between, ahead, closing, closed) = shown
    assert before is None and now == pytest.approx(10.3)
    np.testing.assert_allclose(guessed, [[1, 1], [1.5, 1], [3, 1], [3, 0.75]], atol=1e-4)
    np.testing.assert_allclose(between, [2, 1], atol=1e-4)
    assert ahead == pytest.approx(0.02)
    np.testing.assert_allclose([closing, closed], [[2, 0.5], [0, 0]], atol=1e-4)


def choose(page: Page, name: str) -> None:
    page.get_by_test_id("portrait-choice").get_by_label(name).check()


def test_a_camera_that_is_off_gives_way_to_a_face_that_speaks(
    visit: Visit, room: Room, face: np.ndarray, made: Any, tmp_path: Path
) -> None:
    sign = opens(made[1])
    ann = visit("about:blank", viewport={"width": 1100, "height": 900})
    ann.page.add_init_script(devices(face))
    ann.page.goto(room["link"])
    ben = enter(visit, room, "Ben", watch=True, viewport={"width": 900, "height": 700})
    ann.page.get_by_test_id("preview-start").click()
    # Nothing is chosen for anybody.
    expect(ann.page.get_by_label("My initial")).to_be_checked()
    choose(ann.page, "A photo of me that speaks")
    ann.page.get_by_test_id("take-photo").click()
    expect(ann.page.get_by_alt_text("Your photo")).to_be_visible(timeout=20_000)
    screenshot(ann.page, tmp_path, "join")
    join(ann, "Ann")
    me = ann.state()["participant"]
    ben.until(f"earshot.state.room.participants.find((one) => one.id === '{me}')?.portrait?.made === 'photo'", 120)
    tile = ben.page.locator(f"[data-participant='{me}']")
    # With the camera on nothing is sent of a mouth.
    assert me not in ben.state()["mouths"]
    ann.page.get_by_test_id("camera").click()
    expect(tile.get_by_test_id("portrait")).to_be_visible(timeout=20_000)
    expect(tile.get_by_test_id("made-mark")).to_have_text("Made picture")
    expect(ann.page.locator(f"[data-participant='{me}']").get_by_test_id("made-mark")).to_be_visible()
    mouth_now = f"earshot.state.mouths['{me}']"
    ben.until(f"{sign} * ({mouth_now}?.row[0] ?? 0) > 0.4 && {mouth_now}.row[10] > 0.5", 60)
    screenshot(ben.page, tmp_path, "speaking")
    screenshot(ann.page, tmp_path, "own")
    # Who says nothing has a closed mouth.
    ann.page.get_by_test_id("mute").click()
    ben.until(f"{mouth_now}.row[10] < 0.05")
    screenshot(ben.page, tmp_path, "silent")
    # Put away in the call, it is gone for everybody, and nothing is sent any more.
    ann.page.locator(f"[data-participant='{me}']").hover()
    ann.page.get_by_role("button", name="Options for Ann").click()
    ann.page.get_by_role("menuitem", name="While my camera is off").click()
    screenshot(ann.page, tmp_path, "dialog")
    ann.page.get_by_role("dialog").get_by_label("My initial").check()
    expect(tile.get_by_test_id("portrait")).to_be_hidden()
    ben.until(f"!earshot.state.room.participants.find((one) => one.id === '{me}').portrait")
    ben.until(f"!('{me}' in earshot.state.mouths)")
