"""What stands beside the pictures: transcript, spectrogram, questions, search, and the line of a picture."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import join
from tests.browser.stage import COLUMNS, ROWS, Stage, hot

THUMBNAIL = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def brightest(canvas: Locator) -> list[float]:
    """Where the least transparent point of a canvas is, in fractions of it."""
    place: list[float] = canvas.evaluate(
        """(canvas) => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let best = -1, at = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i] > best) [best, at] = [data[i], (i - 3) / 4];
            return [((at % canvas.width) + 0.5) / canvas.width, (Math.floor(at / canvas.width) + 0.5) / canvas.height];
        }"""
    )
    return place


def test_transcript_keeps_finals_in_order_and_renames(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True, watch=False)
    bob.press("t")
    log = bob.page.get_by_role("log")
    now = time.time()
    for number, start in ((1, now), (3, now + 20), (2, now + 10)):
        bob.tell(type="caption", face=1, id=number, text=f"line {number}", start=start, end=start + 2, final=True)
    bob.tell(type="caption", face=1, id=2, text="rewritten", start=now + 10, end=now + 12, final=True)
    bob.say(1, "half a", line=4)
    lines = bob.page.get_by_test_id("said")
    expect(lines.locator("p")).to_have_text(["line 1", "line 2", "line 3"])
    expect(log).not_to_contain_text("half a")
    expect(bob.page.locator("#transcript-now")).to_contain_text("half a")
    expect(lines.nth(0)).to_contain_text("Face 1 of Ada")
    bob.face_button().press("F2")
    bob.page.get_by_label("Name of Face 1").fill("Grace")
    bob.press("Enter")
    expect(lines.nth(0)).to_contain_text("Grace")


def test_what_was_said_before_one_came_is_read_and_not_shown_on_the_picture(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("t")
    now = time.time()
    for number, end in ((1, now - 60), (2, now)):
        for _ in range(2):
            line = {"id": number, "text": f"line {number}", "start": end - 1, "end": end, "final": True}
            bob.tell(type="caption", face=None, **line)
    expect(bob.page.get_by_test_id("said").locator("p")).to_have_text(["line 1", "line 2"])
    expect(bob.tile.get_by_test_id("caption")).to_have_text(["line 2"])


def test_captions_of_somebody_whose_clock_is_wrong_are_shown(stage: Callable[..., Stage]) -> None:
    bob = stage()
    there = time.time() - 3600
    for text, final in (("who is", False), ("who is there", True)):
        bob.tell(type="caption", face=None, id=1, text=text, start=there - 1, end=there, final=final)
    expect(bob.tile.get_by_test_id("caption")).to_have_text(["who is there"])


def test_a_line_moves_to_the_face_it_turns_out_to_be_of(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.say(None, "who is", line=1)
    expect(bob.tile.get_by_test_id("caption")).to_have_text(["who is"])
    bob.say(2, "who is there", line=1)
    expect(bob.tile.get_by_test_id("caption")).to_have_text(["Face 2: who is there"])


def test_watchers_are_not_offered_renaming(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True)
    button = bob.face_button()
    expect(button).not_to_have_attribute("aria-keyshortcuts", "F2")
    button.press("F2")
    expect(bob.page.get_by_label("Name of Face 1")).to_have_count(0)
    expect(bob.tile.get_by_role("button", name="Rename Face 1")).to_have_count(0)


def test_spectrogram_is_asked_for_drawn_in_order_and_given_up(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bands, hop, t = 32, 0.05, time.time()

    def columns(first: int, count: int, level: Callable[[int], int]) -> None:
        data = b"".join(bytes([level(first + i)] * bands) for i in range(count))
        bob.tell(
            type="spectrogram",
            face=None,
            t=t + first * hop,
            hop=hop,
            bands=bands,
            low=0,
            high=8000,
            data=base64.b64encode(data).decode(),
        )

    def row() -> list[float]:
        """Brightness along the middle of the picture, a value for each of 200 columns."""
        return list(
            bob.page.locator("#spectrogram-canvas").evaluate(
                """(canvas) => {
                    const left = 38 * devicePixelRatio, width = canvas.width - left;
                    const middle = Math.round(canvas.height / 2);
                    const { data } = canvas.getContext("2d").getImageData(left, middle, width, 1);
                    return Array.from({ length: 200 }, (_, i) => {
                        const at = 4 * Math.floor(((i + 0.5) / 200) * width);
                        return data[at + 3] ? data[at] + data[at + 1] : -1;
                    });
                }"""
            )
        )

    bob.page.emulate_media(reduced_motion="reduce")
    bob.press("s")
    bob.visitor.until("!document.querySelector('#spectrogram').hidden")
    assert bob.question(1) == {"type": "spectrogram", "participant": bob.ada, "face": None}
    # 300 columns for a picture of 200, told out of order, with ten left out.
    for first in (*range(0, 280, 20), 290, 280):
        if first == 200:
            continue
        columns(first, 10 if first >= 280 else 20, lambda k: (k * 255) // 300)
    for _ in range(100):
        bob.page.wait_for_timeout(50)
        # The newest, 299, stands at the right edge, and column 100 at the left.
        found = row()
        missing = [i + 100 for i, value in enumerate(found) if value < 0]
        if missing == list(range(200, 220)):
            break
    assert missing == list(range(200, 220))
    shown = [value for value in found if value >= 0]
    assert shown == sorted(shown) and shown[-1] > shown[0] + 100
    bob.page.locator("#spectrogram-source").select_option(label="Ada: everything")
    assert len(bob.asked) == 1
    bob.press("s")
    bob.visitor.until("document.querySelector('#spectrogram').hidden")
    assert bob.question(2) == {"type": "spectrogram", "participant": None, "face": None}


def test_scene_words_show_where_they_were_seen(stage: Callable[..., Stage]) -> None:
    bob = stage(pictures=True)
    words = [("a", hot(0, 0)), ("dog", hot(9, 4)), ("runs", hot(2, 12))]
    bob.tell(type="scene", t=time.time(), text="a dog runs", words=[{"word": w, "heat": h} for w, h in words])
    line = bob.tile.get_by_test_id("scene")
    expect(line).to_have_text("a dog runs")
    expect(line).to_have_attribute(
        "aria-label", "The camera sees: a dog runs. Each word shows where in the picture it was seen."
    )
    heat = bob.tile.get_by_test_id("scene-heat")
    expect(heat).to_be_hidden()
    line.get_by_role("button", name="dog").hover()
    expect(heat).to_be_visible()
    assert brightest(heat) == pytest.approx([4.5 / COLUMNS, 9.5 / ROWS], abs=0.02)
    line.get_by_role("button", name="a", exact=True).focus()
    for _ in range(2):
        bob.press("ArrowRight")
    assert brightest(heat) == pytest.approx([12.5 / COLUMNS, 2.5 / ROWS], abs=0.02)
    # What is being read is not rewritten under the reader.
    bob.tell(
        type="scene",
        t=time.time(),
        text="a cat sleeps",
        words=[{"word": w, "heat": hot(1, 1)} for w in ("a", "cat", "sleeps")],
    )
    bob.page.wait_for_timeout(200)
    expect(line).to_have_text("a dog runs")
    bob.page.mouse.move(2, 2)
    bob.press("ArrowLeft")
    expect(line.get_by_role("button", name="dog")).to_be_focused()
    expect(line).to_have_text("a dog runs")
    # Escape gives the live picture back and leaves the focus where it is.
    bob.press("Escape")
    expect(heat).to_be_hidden()
    bob.page.wait_for_timeout(200)
    expect(line.get_by_role("button", name="dog")).to_be_focused()
    bob.press("Tab")
    expect(line).to_have_text("a cat sleeps")
    expect(heat).to_be_hidden()
    # By now pictures are kept: the word is shown on the one that was described.
    seen = [{"word": "sky", "heat": hot(1, 1)}]
    bob.tell(type="scene", t=time.time() - 0.5, text="sky", words=seen)
    line.get_by_role("button", name="sky").focus()
    expect(bob.tile.locator(".scene-picture")).to_be_visible()
    assert bob.tile.locator(".scene-picture").evaluate("(canvas) => [canvas.width, canvas.height]") == [320, 240]


def test_questions_and_their_answers(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("a")
    question = bob.page.get_by_label("Ask about what the camera sees")
    expect(question).to_be_focused()
    question.fill("what colour is the chair?")
    bob.press("Enter")
    expect(bob.page.get_by_text("Looking…")).to_be_visible()
    asked = bob.question(1)
    assert asked | {"id": 0} == {
        "type": "ask",
        "id": 0,
        "participant": bob.ada,
        "question": "what colour is the chair?",
    }
    answers = [["red", 0.61], ["brown", 0.2], ["black", 0.07]]
    bob.tell(type="answer", id=asked["id"], question=asked["question"], answers=answers, known=True)
    rows = bob.page.locator(".answers li")
    expect(rows).to_have_text(["red61 %", "brown20 %", "black7 %"])
    question.fill("how many?")
    bob.press("Enter")
    bob.tell(type="answer", id=bob.question(2)["id"], question="how many?", answers=answers, known=False)
    newest = bob.page.get_by_test_id("answer").first
    expect(newest).to_contain_text("I don't know.")
    expect(newest.get_by_text("red")).to_be_hidden()
    # Said aloud by somebody: shown here too, and nothing waits for it; whoever has this closed is told in brief.
    bob.tell(type="answer", id=None, question="is it raining?", answers=answers, known=True)
    expect(newest).to_contain_text("is it raining?")
    expect(bob.page.locator(".toast")).to_have_count(0)
    bob.page.get_by_role("button", name="Close this panel").click()
    bob.tell(type="answer", id=None, question="what is red?", answers=answers, known=True)
    expect(bob.page.locator(".toast")).to_contain_text("“what is red?” red (61 % sure)")
    bob.press("a")
    question.fill("and now?")
    bob.press("Enter")
    error = {"type": "error", "code": "unavailable", "reason": "There is no picture."}
    bob.sockets[-1].send(json.dumps(error | {"request": bob.question(3)["id"]}))
    expect(newest).to_contain_text("There is no picture.")
    expect(bob.page.locator(".toast-error")).to_have_count(0)


def test_search_finds_moments_and_says_when_there_are_none(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("/")
    query = bob.page.locator("#search-query")
    expect(query).to_be_focused()
    query.fill("red car")
    bob.press("Enter")
    asked = bob.question(1)
    moments = [
        {
            "participant": bob.ada,
            "t": time.time() - 130,
            "kind": "picture",
            "text": "a car on a road",
            "speaker": None,
            "score": 0.31,
        },
        {
            "participant": bob.ada,
            "t": time.time(),
            "kind": "words",
            "text": "my <b>red</b> car",
            "speaker": "Grace",
            "score": 0.27,
        },
    ]
    found = [moment | {"thumbnail": THUMBNAIL if i == 0 else None} for i, moment in enumerate(moments)]
    bob.tell(type="found", id=asked["id"], query="red car", moments=found)
    rows = bob.page.get_by_test_id("moment")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("2 min ago")
    expect(rows.nth(0).get_by_role("img")).to_have_attribute("src", THUMBNAIL)
    expect(rows.nth(1)).to_contain_text("“my <b>red</b> car”")
    expect(rows.nth(1)).to_contain_text("Grace (Ada)")
    # A face that is named stands under its name there, too: the server, which knows whose line it was, is asked again.
    assert bob.absent is not None
    bob.absent = bob.absent | {"faces": {"1": "Rose"}}
    bob.tell_all(type="room", room=bob.visitor.state()["room"] | {"participants": [bob.absent]})
    again = bob.question(2)
    assert (again["type"], again["query"]) == ("search", "red car")
    expect(rows).to_have_count(2)
    query.fill("zebra")
    bob.press("Enter")
    bob.tell(type="found", id=bob.question(3)["id"], query="zebra", moments=[])
    expect(bob.page.locator("#search-said")).to_contain_text("Nothing in this call matches “zebra”")
    expect(rows).to_have_count(0)


def test_view_is_kept_and_nonsense_in_storage_is_no_harm(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("?")
    bob.page.get_by_label("Size").select_option("1.8")
    bob.page.get_by_label("What the camera sees, in words").uncheck()
    bob.press("h")
    kept = json.loads(bob.page.evaluate("localStorage.getItem('earshot.view')"))
    assert (kept["captionSize"], kept["scene"], kept["heat"], kept["captions"]) == (1.8, False, True, True)
    spoilt = json.dumps(kept | {"opacity": "much"})
    bob.page.evaluate("(kept) => localStorage.setItem('earshot.view', kept)", spoilt)
    bob.page.reload()
    join(bob.visitor, "Bob", watch=True)
    expect(bob.page.locator("#view-captionSize")).to_have_value("1.8")
    expect(bob.page.locator("#view-opacity")).to_have_value("70")
    expect(bob.page.locator("#view-scene")).not_to_be_checked()


def test_transcript_is_downloaded_with_the_token(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("t")
    for kind, label in (("vtt", "WebVTT"), ("srt", "SRT"), ("txt", "plain text")):
        with bob.page.expect_download() as download:
            bob.page.get_by_role("button", name=f"Download as {label}").click()
        assert download.value.suggested_filename.endswith(f".{kind}")
        text = download.value.path().read_text()
        assert text.startswith("WEBVTT") == (kind == "vtt")


def test_a_flood_of_messages_is_drawn_once_a_frame(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.press("h")
    bob.press("t")
    bob.page.evaluate(
        """() => {
            window.painted = 0;
            window.frames = 0;
            const put = CanvasRenderingContext2D.prototype.putImageData;
            CanvasRenderingContext2D.prototype.putImageData = function (...all) {
                // The spectrogram beside it is painted a column at a time.
                if (this.canvas.dataset.testid === "heat") window.painted += 1;
                return put.apply(this, all);
            };
            const count = () => { window.frames += 1; requestAnimationFrame(count); };
            count();
        }"""
    )
    for i in range(600):
        bob.heat(i % ROWS, i % COLUMNS)
        bob.faces(0.1, 0.6)
        bob.say(1, f"word {i}", line=1)
        bob.say(2, f"line {i}", final=True, line=i + 10)
    expect(bob.page.get_by_test_id("said").last.locator("p")).to_have_text("line 599")
    painted, frames = bob.page.evaluate("[painted, frames]")
    assert 0 < painted <= frames
    assert bob.page.get_by_test_id("said").count() == 500


def test_what_becomes_of_the_server_is_said(stage: Callable[..., Stage]) -> None:
    bob = stage()
    bob.tell(type="notice", code="observer_down", reason="Captions have stopped.")
    expect(bob.page.locator(".toast-error")).to_have_text("Captions have stopped.")
    bob.tell(type="notice", code="observer_up", reason="Captions are back.")
    expect(bob.page.locator(".toast-info")).to_have_text("Captions are back.")
    bob.tell(type="notice", code="looking_up", reason="Faces are followed again.")
    expect(bob.page.locator(".toast-info").filter(has_text="Faces are followed again.")).to_be_visible()
