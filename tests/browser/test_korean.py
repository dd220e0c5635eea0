"""The page for somebody whose browser is Korean: every screen, at desktop and phone size, without a word of English."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Visit
from tests.browser.stage import Stage
from tests.browser.test_host import screenshot
from tests.browser.test_report import made, open_report

ENGLISH = """(root) => {
    const allowed = new Set(["Earshot", "Anna", "Bob", "Ada", "WebVTT", "SRT", "Esc", "Enter", "kHz", "Mbit", "ms"]);
    const names = /\\bfake_device_\\d|\\bFake \\w+ [\\w ]+\\d?|https?:\\S+|What is on the table\\?|red car/g;
    const words = (text) => (text ?? "").replace(names, "").match(/[A-Za-z]{2,}/g) ?? [];
    const found = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) => {
        const element = node instanceof Element ? node : node.parentElement;
        const skipped = element.closest("[lang=en], script, style, noscript, optgroup");
        const shown = node instanceof Text && element instanceof HTMLOptionElement
            ? element.parentElement.checkVisibility() : element.checkVisibility();
        return skipped || !shown ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT;
    });
    for (let node = walker.currentNode; node; node = walker.nextNode()) {
        const texts = node instanceof Text ? [node.nodeValue]
            : ["aria-label", "aria-valuetext", "title", "placeholder", "alt"].map((name) => node.getAttribute(name));
        found.push(...texts.filter((text) => words(text).some((word) => !allowed.has(word))));
    }
    return [...new Set(found)].map((text) => text.trim());
}"""
"""Texts and names that are shown and hold a word of English, but what models and people say."""

CUT = """() => [...document.querySelectorAll("button, [role=tab], label span, h1, h2, dt, .status, .toast p")]
    .filter((one) => one.checkVisibility() && !one.matches(".visually-hidden, .scene-word"))
    .filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline")
    .map((one) => one.textContent)"""
"""Texts that are wider than their place."""


BEYOND = """() => {
    const page = document.documentElement;
    if (page.scrollWidth <= innerWidth) {
        return [];
    }
    const right = (one) => one.getBoundingClientRect().right;
    const beyond = [...document.body.querySelectorAll("*")].filter((one) => right(one) > innerWidth);
    return [page.scrollWidth, ...beyond.map((one) => one.outerHTML.slice(0, 200))];
}"""
"""Why the page can be moved sideways: how wide it is, and what is not within it."""

OWN_OPTIONS = "[aria-label='Bob님 옵션']"
SIZES = {"desktop": (1280, 800), "phone": (360, 740)}


def korean(page: Page, folder: Path, name: str, show: Callable[[], None] = lambda: None) -> None:
    """Look at what is shown, wide and narrow; `show` brings out what lasts for one size alone."""
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        show()
        # Tiles take their new place in the next frame, when what is observed is told of its size.
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if "EARSHOT_SCREENSHOTS" in os.environ:
            page.wait_for_timeout(150)
            screenshot(page, folder, f"ko-{name}-{size}")
        assert page.evaluate(f"({ENGLISH})(document.body)") == [], f"{name}, {size}"
        assert page.evaluate(CUT) == [], f"{name}, {size}"
        assert page.evaluate(BEYOND) == [], f"{name}, {size}"
    page.set_viewport_size({"width": 1280, "height": 800})


def test_from_the_first_page_to_the_end_of_a_call(visit: Visit, address: str, tmp_path: Path) -> None:
    bob = Stage(visit("about:blank", locale="ko-KR", reduced_motion="reduce"), "ada")
    page = bob.page
    bob.absent = {"id": "ada", "name": "Ada", "connected": True, "faces": {}, "screen_of": None}
    bob.absent |= dict.fromkeys(("publishing", "audio", "video"), True) | dict.fromkeys(("host", "muted"), False)
    page.route_web_socket("**/control", bob.pass_on)
    page.goto(address)
    bob.visitor.until("document.querySelector('#home').checkVisibility()")
    assert page.evaluate("document.documentElement.lang") == "ko"
    korean(page, tmp_path, "home")
    page.locator("#new-call").click()
    page.wait_for_url("**/r/*#*")
    korean(page, tmp_path, "join")
    page.get_by_test_id("preview-start").click()
    bob.visitor.until(
        "!document.querySelector('#join-devices').hidden && !document.querySelector('#join-button').disabled"
    )
    page.get_by_test_id("join-name").fill("Bob")
    korean(page, tmp_path, "join-devices")
    page.get_by_test_id("join-button").click()
    bob.visitor.until("earshot.state?.connection === 'connected' && earshot.state.room !== null")
    bob.show(0.2, 0.6, voices=(-1,))
    for line, (face, words) in enumerate({1: "안녕하세요", 2: "네, 반갑습니다", None: "여러분"}.items()):
        bob.say(face, words, line=line, final=True)
    bob.tell(type="sound", t=time.time(), tags=[["dog bark", 0.8], ["siren", 0.6]])
    bob.tell(type="scene", t=time.time(), text="개", words=[{"word": "개", "heat": ""}])
    bob.tell_all(type="notice", code="observer_up", reason="Captions, tags and descriptions are back.")
    bob.tell_all(type="error", code="too_many", reason="Too many lines at once: wait 12 s.", request=None)
    expect(page.get_by_text("채팅을 너무 빨리 보냈습니다. 12초 기다려 주세요.")).to_be_visible()
    bob.show(0.2, 0.6, voices=(-1,))
    expect(page.locator("#hints")).to_be_visible()
    korean(page, tmp_path, "call")
    page.locator("#hints-close").click()
    panels(bob, tmp_path)
    menus(bob, tmp_path)
    page.get_by_test_id("leave").click()
    expect(page.locator("#left-title")).to_have_text("통화에서 나왔습니다")
    korean(page, tmp_path, "left")


def panels(bob: Stage, folder: Path) -> None:
    """Open one after the other."""
    page = bob.page
    for key in "twa/?":
        if key == "t":
            # While the keyboard writes Hangul.
            hangul = "new KeyboardEvent('keydown', { key: '\u3145', code: 'KeyT', bubbles: true })"
            page.evaluate(f"void document.body.dispatchEvent({hangul})")
        else:
            bob.press(key)
        page.locator("#words-tabs [aria-selected=true]").focus()
        if key == "a":
            page.locator("#ask-question").fill("?")
            page.locator("#ask-form button").click()
            asked = bob.question(1)
            answers = [["red", 0.61], ["brown", 0.2]]
            bob.tell(type="answer", id=asked["id"], question="?", answers=answers, known=False)
        if key == "/":
            page.locator("#search-query").fill("예산")
            page.locator("#search-form button").click()
            found = {"participant": bob.ada, "t": time.time() - 600, "kind": "words", "text": "예산"}
            found |= {"speaker": "Ada, face 1", "score": 0.71, "thumbnail": None}
            bob.tell_all(type="found", id=bob.question(2)["id"], query="예산", moments=[found])
            expect(page.get_by_test_id("moment")).to_contain_text("말한 사람: Ada님의 얼굴 1")
            expect(page.get_by_test_id("moment").locator("time")).to_contain_text("10분 전")
        page.locator("#words-tabs [aria-selected=true]").focus()
        korean(page, folder, f"words-{'twa/?'.index(key)}")
    # In a call the page asks before it is opened anew.
    page.locator("#words-view [data-language-choice]").select_option("en")
    expect(page.locator("#confirm-question")).to_have_text("지금 언어를 바꿀까요?")
    korean(page, folder, "language")
    page.locator("#confirm-no").click()
    assert page.evaluate("[localStorage['earshot.language'], document.documentElement.lang]") == ["en", "ko"]
    page.locator("#words-close").click()
    bob.press("s")
    korean(page, folder, "spectrogram")
    bob.press("s")
    bob.show(0.2, 0.6, voices=(-1,))
    if page.locator("#panel").is_hidden():
        bob.press("p")
    korean(page, folder, "mixer")
    page.get_by_test_id("host").click()
    korean(page, folder, "host")
    page.locator("#host-close").click()


def menus(bob: Stage, folder: Path) -> None:
    """Open menus and dialogs."""
    page = bob.page
    bob.press("g")
    korean(page, folder, "layout")

    def opened(button: str) -> Callable[[], None]:
        def show() -> None:
            page.keyboard.press("Escape")
            # On the picture it is shown to a pointer alone.
            page.locator(button).dispatch_event("click")
            expect(page.get_by_role("menu")).to_be_visible()

        return show

    for number, button in enumerate(("#layout-button", "#react", "[aria-label='Ada님 옵션']", OWN_OPTIONS)):
        korean(page, folder, f"menu-{number}", opened(button))
    page.keyboard.press("Escape")
    bob.press("r")
    page.get_by_role("menuitem", name="손 들기").click()
    opened(OWN_OPTIONS)()
    page.get_by_role("menuitem", name="연결 상태").click()
    expect(page.locator("#figures-list dd").first).to_be_visible()
    korean(page, folder, "figures")
    page.locator("#figures-dialog [data-close]").click()
    for opener, dialog in (("devices", "#devices"), ("invite", "#invite-dialog")):
        page.get_by_test_id(opener).click()
        korean(page, folder, opener)
        page.locator(f"{dialog} [data-close]").click()
    page.get_by_test_id("host").click()
    page.locator("#host-end").click()
    korean(page, folder, "confirm")
    page.locator("#confirm-no").click()


def test_the_language_is_chosen_and_kept(visit: Visit, address: str) -> None:
    english = visit(f"{address}/?lang=ko").page
    button = english.locator("#new-call")
    expect(button).to_have_text("새 통화")
    # For this tab, also where the address does not say so.
    english.goto(address)
    expect(button).to_have_text("새 통화")
    english.locator("#home [data-language-choice]").select_option("en")
    expect(button).to_have_text("New call")
    english.goto(f"{address}/?lang=en")
    english.locator("#home [data-language-choice]").select_option("ko")
    expect(button).to_have_text("새 통화")
    assert english.url == f"{address}/"
    other = english.context.new_page()
    other.goto(address)
    expect(other.locator("#new-call")).to_have_text("새 통화")
    other.locator("#home [data-language-choice]").select_option("")
    expect(other.locator("#new-call")).to_have_text("New call")


def test_texts_are_filled_counted_and_recognised(visit: Visit, address: str) -> None:
    page = visit(address).page
    said = """async (language) => {
        const { catalogue, firstOf } = await import("/static/texts/catalogue.js");
        const korean = { "{n} lines": "{n}줄", "Wait {n} s.": "{n}초 기다려요.", "by {who}": "{who}님", dog: "개" };
        const { t, plural, parts, told } = catalogue(language, language === "en" ? {} : korean, Object.keys(korean));
        return [plural(1, "{n} line", "{n} lines"), plural(2500, "{n} line", "{n} lines"), told("Wait 3 s."),
            told("Wait."), told("by dog"), t("by {who}", { who: "{n} $& <b>" }), parts("by {who}", { who: "x" }),
            t("constructor"), firstOf(["de-DE", "ko", "en"]), firstOf(["fr"])];
    }"""
    assert page.evaluate(said, "en") == [
        *("1 line", "2,500 lines", "Wait 3 s.", "Wait.", "by dog", "by {n} $& <b>"),
        *(["by ", "x"], "constructor", "ko", "en"),
    ]
    assert page.evaluate(said, "ko") == [
        *("1줄", "2,500줄", "3초 기다려요.", "Wait.", "개님", "{n} $& <b>님"),
        *(["x", "님"], "constructor", "ko", "en"),
    ]


def test_a_report_speaks_korean(chromium: Browser, tmp_path: Path) -> None:
    page = chromium.new_context(locale="ko-KR").new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    open_report(page, made(tmp_path / "out"))
    expect(page.locator(".said-list")).to_contain_text("[개 짖는 소리]")
    # What people said, and what files are called.
    page.locator("[translate=no]").evaluate_all("(found) => found.forEach((one) => (one.lang = 'en'))")
    page.locator(".solo").nth(1).click()
    expect(page.get_by_role("status")).to_have_text("목소리 3만 듣고 있습니다.")
    korean(page, tmp_path, "report")
    page.context.close()
    assert wrong == []
