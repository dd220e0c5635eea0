"""What lies over a picture: heat, captions, names and sounds. Messages go in at the control socket, pixels come out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import Visit
from tests.browser.stage import COLUMNS, FACE, ROWS, Stage, hot


def shown_heat(tile: Locator) -> list[float] | None:
    """Brightest point of a tile's heat-map and middle of its ring, in fractions of the tile; None while hidden."""
    shown: list[float] | None = tile.evaluate(
        """(tile) => {
            const canvas = tile.querySelector("[data-testid=heat]");
            if (!canvas.checkVisibility()) return null;
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let best = -1, at = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i] > best) [best, at] = [data[i], (i - 3) / 4];
            const ring = tile.querySelector("[data-testid=heat-peak]").getBoundingClientRect();
            const { x, y, width, height } = tile.getBoundingClientRect();
            return [((at % canvas.width) + 0.5) / canvas.width, (Math.floor(at / canvas.width) + 0.5) / canvas.height,
                    (ring.x + ring.width / 2 - x) / width, (ring.y + ring.height / 2 - y) / height];
        }"""
    )
    return shown


def test_heat_lies_where_the_message_says_and_fades(stage: Callable[..., Stage]) -> None:
    bob = stage()
    heat = bob.tile.get_by_test_id("heat")
    bob.heat(3, 10)
    bob.page.wait_for_timeout(200)
    expect(heat).to_be_hidden()
    bob.press("h")
    expect(bob.page.get_by_text("Heat-map of the sound on")).to_be_visible()
    for row, column in ((3, 10), (11, 2)):
        x, y = (column + 0.5) / COLUMNS, (row + 0.5) / ROWS
        # Brightest point and ring; for some frames the map before is blended in.
        expected = pytest.approx([x, y, x, y], abs=0.02)
        for _ in range(100):
            bob.heat(row, column)
            bob.page.wait_for_timeout(100)
            if (found := shown_heat(bob.tile)) == expected:
                break
        assert found == expected
    expect(heat).to_be_hidden()
    for _ in range(3):
        bob.heat(3, 10, seen=False)
        bob.page.wait_for_timeout(100)
    expect(heat).to_be_hidden()
    bob.press("h")
    bob.heat(3, 10)
    bob.page.wait_for_timeout(200)
    expect(heat).to_be_hidden()


def test_own_heat_is_mirrored_as_the_own_picture(visit: Visit, address: str) -> None:
    found = visit(address).page.evaluate(
        """async (heat) => {
            const { HeatLayer } = await import("/static/tile/heat.js");
            const { HeatTrack } = await import("/static/tile/heat-track.js");
            const track = new HeatTrack();
            const map = (t, score, peak) => ({ t, score, peak, rows: 14, columns: 14, heat });
            track.push(map(100.0, 1, [0.1, 0.5]), 0);
            track.push(map(100.2, 0.5, [0.1, 0.5]), 200);
            const layer = new HeatLayer(true);
            layer.show(track.at(null, 200), 1);
            const most = (shown) => shown && Math.max(...shown.heat.values);
            return [layer.ring.style.left, most(track.at(100.1, 200)), most(track.at(100.2, 200)),
                    track.at(null, 1199).level, track.at(null, 1350).level.toFixed(2), track.at(null, 1501)];
        }""",
        hot(7, 1),
    )
    assert found == ["90%", 0.75, 0.5, 1, "0.50", None]


CAPTIONS = """(tile) => {
    const { x, y, width, height } = tile.getBoundingClientRect();
    const place = (box) => ({ left: (box.left - x) / width, right: (box.right - x) / width,
                              top: (box.top - y) / height, bottom: (box.bottom - y) / height });
    return [...tile.querySelectorAll("[data-testid=caption]")].filter((one) => one.checkVisibility()).map((caption) => {
        const clip = caption.querySelector(".caption-clip"), words = clip.firstElementChild;
        return {
            ...place(caption.querySelector(".caption-text").getBoundingClientRect()),
            face: caption.dataset.face,
            placed: caption.classList.contains("placed"),
            final: [...caption.querySelectorAll(".final")].map((one) => one.textContent.trim()),
            partial: [...caption.querySelectorAll(".partial")].map((one) => one.textContent.trim()),
            lines: clip.clientHeight / parseFloat(getComputedStyle(clip).lineHeight),
            tail: words.getBoundingClientRect().bottom - clip.getBoundingClientRect().bottom,
        };
    });
}"""


def shown_captions(
    bob: Stage, faces: tuple[float, ...], said: dict[int | None, str], ready: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Tell faces and what they are saying until the captions on Ada's tile, by their face, are as awaited."""
    for _ in range(100):
        bob.faces(*faces)
        for line, (face, text) in enumerate(said.items()):
            bob.say(face, text, line=line)
        bob.page.wait_for_timeout(50)
        captions = {caption["face"]: caption for caption in bob.tile.evaluate(CAPTIONS)}
        if ready(captions):
            break
    assert ready(captions), captions
    for caption in captions.values():
        assert 0 <= caption["left"] < caption["right"] <= 1 and 0 <= caption["top"] < caption["bottom"] <= 1, caption
        assert 0.9 < caption["lines"] < 2.1, caption
    return captions


def test_captions_stand_under_their_faces_inside_the_tile(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True)
    faces = (0.1, 0.65)
    said: dict[int | None, str] = {1: "the budget", 2: "and I would like to see the second half of it " * 4}
    shown = shown_captions(
        bob, faces, said, lambda captions: len(captions) == 2 and all(one["placed"] for one in captions.values())
    )
    assert (shown["1"]["partial"], shown["1"]["final"]) == (["the budget"], [])
    for face, x in (("1", 0.1), ("2", 0.65)):
        assert (shown[face]["left"] + shown[face]["right"]) / 2 == pytest.approx(x + 0.1, abs=0.11)
        assert shown[face]["top"] >= 0.6
    assert shown["1"]["right"] <= shown["2"]["left"]
    # The end of a long line is what is being said.
    assert shown["2"]["lines"] > 1.9 and shown["2"]["tail"] == pytest.approx(0, abs=2)
    bob.press("c")
    shown_captions(bob, faces, said, lambda captions: not captions)


def test_captions_without_room_or_face_stand_at_the_foot(stage: Callable[..., Stage]) -> None:
    bob = stage(viewport={"width": 360, "height": 740})
    said: dict[int | None, str] = {1: "this is number one", 2: "this is number two", None: "from the next room"}
    shown = shown_captions(bob, (), said, lambda captions: len(captions) == 3)
    assert not any(caption["placed"] for caption in shown.values())
    assert bob.page.evaluate("document.documentElement.scrollWidth") == 360


RECTANGLES = """(root, selector) => {
    const shown = [...root.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    return shown.map((one) => {
        const { left, right, top, bottom } = one.getBoundingClientRect();
        return { left, right, top, bottom, text: one.textContent };
    });
}"""


def overlapping(boxes: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Texts of those that lie over each other."""
    return [
        (a["text"], b["text"])
        for a, b in itertools.combinations(boxes, 2)
        if min(a["right"], b["right"]) - max(a["left"], b["left"]) > 1
        and min(a["bottom"], b["bottom"]) - max(a["top"], b["top"]) > 1
    ]


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_nothing_on_a_picture_lies_over_words(stage: Callable[..., Stage], width: int, height: int) -> None:
    bob = stage(pictures=True, viewport={"width": width, "height": height})
    if width > 900:
        bob.press("p")
    # One face so high, the other so low that the name has no place but at the other end.
    faces = [FACE | {"id": k + 1, "box": [x, y, 0.3, 0.5]} for k, (x, y) in enumerate(((0.1, 0.02), (0.6, 0.4)))]

    def shown(selector: str) -> list[dict[str, Any]]:
        bob.tell(type="faces", t=time.time(), faces=faces, voices=[])
        bob.page.wait_for_timeout(100)
        return list(bob.tile.evaluate(RECTANGLES, selector))

    # What is said next stays for seconds only: first the page has to have pictures to lay it on.
    for _ in range(200):
        if len(shown(".face-label")) == 2:
            break
    text = "two people sit at a table in front of a large window and talk to each other"
    bob.tell(type="scene", t=time.time(), text=text, words=[{"word": w, "heat": ""} for w in text.split()])
    said: dict[int | None, str] = {1: "the budget of this year", 2: "and that of the next", None: "from the next room"}
    for _ in range(100):
        bob.tell(type="sound", t=time.time(), tags=[["music", 0.8], ["children playing", 0.6]])
        for line, (face, words) in enumerate(said.items()):
            bob.say(face, words, line=line)
        boxes = shown(".caption-text, .face-label, .tile-foot, .scene, .tag")
        if len(boxes) == 10:
            break
    assert len(boxes) == 10, " | ".join(box["text"] for box in boxes)
    assert not overlapping(boxes)


def test_a_long_line_at_the_foot_keeps_its_name_and_runs_in_its_own_direction(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.say(7, "وأود أن أرى النصف الثاني من الميزانية قبل أن نتحدث عن الباقي " * 5)
    caption = bob.tile.locator("[data-testid=caption][data-face='7']")
    expect(caption.get_by_text("Face 7", exact=True)).to_be_in_viewport(ratio=1)
    words = caption.locator(".caption-clip > *")
    assert words.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    assert caption.evaluate("(one) => getComputedStyle(one).direction") == "ltr"


@pytest.mark.parametrize(("width", "height"), [(360, 740), (844, 390)])
def test_an_open_panel_leaves_the_call_in_sight(stage: Callable[..., Stage], width: int, height: int) -> None:
    bob = stage(viewport={"width": width, "height": height})
    close = bob.page.get_by_role("button", name="Close this panel")
    bob.press("?")
    expect(bob.page.locator("#words")).to_be_visible()
    [panel], [tile], [leave] = (
        bob.page.locator("body").evaluate(RECTANGLES, selector)
        for selector in ("#words", "[data-testid=tile]", "#leave")
    )
    assert not overlapping([panel, tile, leave])
    assert tile["bottom"] - tile["top"] > 60
    bob.page.get_by_text("This list").scroll_into_view_if_needed()
    expect(bob.page.get_by_text("This list")).to_be_in_viewport()
    expect(close).to_be_in_viewport(ratio=1)
    assert bob.page.evaluate("document.documentElement.scrollWidth") == width


def test_finals_of_a_caption_never_change_and_partials_do(visit: Visit, address: str) -> None:
    found = visit(address).page.evaluate(
        """async () => {
            const { CaptionTrack } = await import("/static/tile/caption-track.js");
            const track = new CaptionTrack();
            const say = (id, text, final, now, face = 1) => track.push({ face, id, text, final }, now);
            const seen = (now, face = 1) => (track.current(now).get(face) ?? []).map(({ text }) => text);
            const steps = [];
            say(1, "the bud", false, 0);
            say(1, "the budget", false, 100);
            steps.push(seen(100));
            say(1, "the budget is", true, 200);
            say(1, "another", true, 300);
            say(1, "another", false, 300);
            say(2, "agreed", false, 400);
            steps.push(seen(400));
            say(2, "agreed then", false, 500, 2);
            steps.push(seen(500), seen(500, 2), seen(9000, 2), seen(9000));
            return steps;
        }"""
    )
    assert found == [["the budget"], ["the budget is", "agreed"], ["the budget is"], ["agreed then"], [], []]


def test_a_line_that_is_read_again_stays_in_its_place(visit: Visit, address: str) -> None:
    found = visit(address).page.evaluate(
        """async () => {
            const { CaptionTrack } = await import("/static/tile/caption-track.js");
            const track = new CaptionTrack();
            const say = (id, text, final, now) => track.push({ face: 1, id, text, final }, now);
            const seen = (now) => (track.current(now).get(1) ?? []).map(({ text, final }) => `${text} ${final}`);
            const steps = [];
            say(1, "The bucket.", false, 0);
            say(2, "is that", false, 300);
            steps.push(seen(300));
            say(1, "The budget.", true, 600);
            steps.push(seen(600));
            say(2, "is that agreed", false, 700);
            say(1, "The bucket.", true, 800);
            steps.push(seen(800));
            return steps;
        }"""
    )
    assert found == [
        ["The bucket. false", "is that false"],
        ["The budget. true", "is that false"],
        ["The budget. true", "is that agreed false"],
    ]


def test_sounds_are_chips_lines_and_said_once(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.visitor.page.evaluate(
        """() => {
            window.said = [];
            new MutationObserver((changes) => changes.forEach(({ addedNodes }) =>
                addedNodes.forEach((node) => window.said.push(node.textContent))
            )).observe(document.querySelector("#sounds-said"), { childList: true });
        }"""
    )
    for tags in ([["dog bark", 0.9]], [["dog bark", 0.8], ["siren", 0.7]], [["speech", 0.9]], [["dog bark", 0.6]]):
        bob.tell(type="sound", t=time.time(), tags=tags)
        names = [] if tags[0][0] == "speech" else [name for name, _ in tags]
        expect(bob.tile.get_by_test_id("tags").locator("li")).to_have_text(names)
    assert bob.page.evaluate("said") == ["Ada: dog bark", "Ada: siren"]
    # From here on screen readers hear of it from the transcript.
    bob.press("t")
    lines = bob.page.get_by_test_id("said")
    expect(lines).to_have_count(2)
    expect(lines.nth(0)).to_contain_text("[dog bark]")
    bob.tell(type="sound", t=time.time(), tags=[["children playing", 0.6]])
    expect(bob.tile.locator("[data-testid=caption][data-face=sound]")).to_contain_text("[children playing]")
    assert len(bob.page.evaluate("said")) == 2
    bob.tell(type="sound", t=time.time(), tags=[])
    expect(bob.tile.get_by_test_id("tags")).to_be_hidden()
