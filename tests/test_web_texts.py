"""What the page says: nothing without asking for its translation, and a Korean text for all that is asked for."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.sounds.tags import TAGS, UNKNOWN
from tests.page_texts import asked, literals, page_texts, untranslated

ROOT = Path(__file__).parents[1]
WEB = ROOT / "web"
KOREAN: dict[str, dict[str, str]] = json.loads((WEB / "texts" / "ko.json").read_text("utf-8"))
SECTIONS = ("page", "told", "sounds", "report", "summary")

UNSPOKEN = {
    # Of errors that nobody is shown.
    "The media connection failed",
    "The media connection was cut",
    "The server fell silent",
    "WebGL does not link",
    # Names and styles.
    "{} \u00b7 Earshot",
    "earshot-{}.html",
    "{} / span 2",
}
"""Literals that look like texts for people and need no translation."""

SAME = {"WebVTT", "SRT", "Esc", "{n} ms", "{n} %"}
"""Texts that a Korean writes in Latin letters, too."""

PROPER = {"Earshot"}
"""Texts of the page that are the same in every language."""

TELLING = {"Denied", "Full", "SeatsTaken", "Forbidden", "TooMany", "Unavailable", "HTTPException", "Refusal"}
TELLING |= {"Notice", "Status", "_fault", "_advice", "_on_status"}
"""Whatever is made or called with a reason that the page shows."""

TELLERS = ("rooms", "server", "observer/client.py", "auth.py")
FOR_PROGRAMS = {"server/endpoint.py", "server/middleware/body_limit.py", "server/app.py"}
"""Refuse what the page does not send."""


def scripts() -> dict[str, str]:
    return {path.relative_to(WEB).as_posix(): path.read_text("utf-8") for path in sorted(WEB.rglob("*.js"))}


def places(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", text))


def test_strings_for_people_are_told_from_others() -> None:
    source = r"""
        // "A comment"; and /* "another" */
        import { t } from "../texts/texts.js";
        const path = /"[^"]*"/; /** @type {"one of two"} */
        element("button", { class: "quiet-button solo", title: `Only ${name}` }, "Let in");
        toast(t("All is well"));
        plural(list.length, "{n} line", "{n} lines", { name: t("Somebody") });
        const said = { ready: problem, "Content-Type": "text", words: one ? "Stop" : "go on" };
        figure.textContent = `muted`; figure.title = t("Pinned");
        if (event.key === "Escape") throw new Error("The page has no tile");
        link.href = `/rooms/${room}/join`; box.style.transform = `translate(${x}px, ${y}px)`;
    """
    found = [one.partition(": ")[2] for one in untranslated(source)]
    assert found == ["Only {}", "Let in", "Stop", "go on", "muted"]
    assert asked(source) == {"All is well", "{n} lines", "Somebody", "Pinned"}
    assert [one.text for one in literals("`a ${b ? `c ${d}` : 'e'} f`")] == ["c {}", "e", "a {} f"]
    html = "<p class='no no'>One <b title=Two>Three</b> <i translate=no>four</i> $five</p><option>%</option>"
    assert page_texts(html) == {"One", "Two", "Three"}


def test_nothing_is_said_without_asking_for_its_translation() -> None:
    said = {path: untranslated(text) for path, text in scripts().items()}
    strangers = {
        path: [one for one in found if one.partition(": ")[2] not in UNSPOKEN and "void main()" not in one]
        for path, found in said.items()
    }
    assert {path: found for path, found in strangers.items() if found} == {}


def test_every_text_of_the_page_has_its_korean_and_none_is_left_over() -> None:
    wanted = page_texts((WEB / "index.html").read_text("utf-8")) - PROPER
    wanted |= set().union(*(asked(text) for path, text in scripts().items() if not path.startswith("report/")))
    assert sorted(wanted - KOREAN["page"].keys()) == []
    assert sorted(KOREAN["page"].keys() - wanted) == []


def test_every_text_of_a_report_has_its_korean_and_none_is_left_over() -> None:
    shown = page_texts((WEB / "report" / "report.html").read_text("utf-8")) - PROPER
    wanted = shown | asked((WEB / "report" / "report.js").read_text("utf-8"))
    assert sorted(wanted - KOREAN["report"].keys()) == []
    # The rest is made by Python, and found as it stands in its page: see `test_a_report_speaks_korean`.
    made = (ROOT / "streamer" / "recordings" / "exports" / "report.py").read_text("utf-8")
    made += (ROOT / "streamer" / "engine" / "types.py").read_text("utf-8")
    for english in KOREAN["report"].keys() - wanted:
        assert words(re.sub(r"\{\w+\}", " ", english)) <= words(made), english


def test_every_text_of_a_summary_has_its_korean_and_none_is_left_over() -> None:
    tree = ast.parse((ROOT / "streamer" / "transcripts" / "summary_page.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "t"]
    wanted = {ast.literal_eval(call.args[0]) for call in calls}
    assert wanted == KOREAN["summary"].keys()


def test_every_sound_has_its_korean() -> None:
    assert KOREAN["sounds"].keys() == {tag.name for tag in TAGS} | {UNKNOWN}


@pytest.mark.parametrize("section", SECTIONS)
def test_korean_texts_have_the_same_places_and_words(section: str) -> None:
    """Each text fills what the English one fills, and is Korean; and each term of the glossary is one word in all."""
    for english, korean in KOREAN[section].items():
        assert places(korean) == places(english), english
        letters = re.sub(r"\{\w+\}", "", english)
        assert re.search("[\uac00-\ud7a3]", korean) or english in SAME, english
        for term, word in KOREAN["glossary"].items():
            if re.search(rf"\b{re.escape(term)}(s|es)?\b", letters, re.IGNORECASE):
                assert word in korean, f"{term}: {english}"


def test_no_text_is_two_in_two_sections() -> None:
    known: dict[str, str] = {}
    for section in SECTIONS:
        for english, korean in KOREAN[section].items():
            assert known.setdefault(english, korean) == korean, english


def reasons() -> Iterator[tuple[str, str]]:
    """Texts that the server makes for the page, with {} for what is filled in."""
    root = ROOT / "streamer"
    for teller in TELLERS:
        path = root / teller
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = file.relative_to(root).as_posix()
            if name in FOR_PROGRAMS:
                continue
            tree = ast.parse(file.read_text("utf-8"))
            constants = {
                target.id: node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and called(node) in TELLING:
                    for given in [*node.args, *(word.value for word in node.keywords)]:
                        yield from ((name, text) for text in texts(given, constants))
                elif isinstance(node, ast.FunctionDef) and node.name in ("_advice", "_taken"):
                    for one in ast.walk(node):
                        if isinstance(one, ast.Return) and one.value is not None:
                            yield from ((name, text) for text in texts(one.value, constants))


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    """Return the sentences that an expression may be."""
    if isinstance(node, ast.Name) and node.id in constants:
        node = constants.pop(node.id)
    if isinstance(node, ast.IfExp):
        yield from texts(node.body, constants)
        yield from texts(node.orelse, constants)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values]
        if re.search(r"[a-z]{2} ", "".join(parts)):
            yield "".join(parts)


def test_every_reason_that_the_server_gives_has_its_korean() -> None:
    known = {re.sub(r"\{\w+\}", "{}", text) for text in KOREAN["told"]}
    # Why somebody's voice is not separated is told with their name.
    known |= {text.removeprefix("{}: ") for text in known}
    found = set(reasons())
    assert len(found) > 50
    assert sorted(one for one in found if one[1] not in known) == []


def test_no_korean_is_left_over_of_what_the_server_says() -> None:
    folders = (ROOT / "streamer", ROOT / "models" / "portrait")
    said = "\n".join(path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py"))
    for english in KOREAN["told"]:
        assert all(part.strip(" ,:") in said for part in re.split(r"\{\w+\}", english)), english
