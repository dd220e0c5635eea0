"""What the page's files say to people: literals of its scripts, texts of its HTML, and what is asked for with `t`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser

SHOWN = ("aria-label", "title", "placeholder", "alt")
"""Attributes that people read or hear."""

MARK = re.compile(r"""[\"'`/{}]""")
"""Characters of a script that may begin or end something."""

WORD = re.compile(r"""[“"'(\[]*[A-Za-z]{2,}(?:['\u2019-][A-Za-z]+)*[.,:;!?…”"')\]]*""")
"""A word of a sentence, and not of a name, an address, a selector or a style."""

UNSAID = re.compile(
    r"""(?: \b class:[^,{}]* | "class", | \b className \s* = | \b font \s* = | \b src: | \b rel:
    | \b new\ (?: Error | DOMException | URL ) \( | \b Authorization: | "Authorization",
    | \b (?: matchMedia | getContext | fetch | get | set | find | closest | matches | querySelector (?:All)? ) \(
    | \b import\( | \b from | \b import | [!=]==? | \b case ) \s* $""",
    re.VERBOSE,
)
"""Code before a literal that nobody reads."""

KEY = re.compile(r"[{,(]\s*$")
"""Code before the name of a property."""

SAID = re.compile(
    r"""(?: \b (?: textContent | title | placeholder | alt | ariaLabel ) \s* [=:]
    | "aria-(?:label|valuetext)": | setAttribute\("aria-(?:label|valuetext)", | \b name: | \} ,
    | \b (?: toast | confirmed | onNotice ) \( ) \s* $""",
    re.VERBOSE,
)
"""Code before a literal that people read even if it is a single small word."""

SELECTOR = re.compile(r"\[[\w-]+[=\]]")


@dataclass(frozen=True)
class Literal:
    """A string of a script.

    Attributes:
        before: The code before it.
        after: The code after it.
        text: What it says; of a template, with {} for each expression.
        line: Where, from 1.
    """

    before: str
    after: str
    text: str
    line: int


@cache
def literals(source: str) -> tuple[Literal, ...]:
    """Return the strings and templates of a script, also those in expressions within templates."""
    found: list[Literal] = []
    _code(source, 0, found, nested=False)
    return tuple(found)


def _code(source: str, at: int, found: list[Literal], *, nested: bool) -> int:
    """Read on until the end, or to the brace that ends an expression within a template; return where."""
    depth = 0
    while next_one := MARK.search(source, at):
        at = next_one.start()
        two, one = source[at : at + 2], source[at]
        if two == "//":
            at = source.find("\n", at) if "\n" in source[at:] else len(source)
        elif two == "/*":
            at = source.index("*/", at) + 2
        elif one in "\"'":
            end = at + 1
            while source[end] != one:
                end += 2 if source[end] == "\\" else 1
            _add(source, at, end + 1, source[at + 1 : end], found)
            at = end + 1
        elif one == "`":
            at = _template(source, at, found)
        elif one == "/" and re.search(r"(?:[(,=:\[!&|?{};>]|\breturn)\s*$", source[max(0, at - 40) : at]):
            found_regex = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n])+/").match(source, at)
            at = found_regex.end() if found_regex else at + 1
        else:
            depth += (one == "{") - (one == "}")
            at += 1
            if nested and depth < 0:
                return at
    return len(source)


def _template(source: str, start: int, found: list[Literal]) -> int:
    at, text = start + 1, ""
    while source[at] != "`":
        if source.startswith("${", at):
            at = _code(source, at + 2, found, nested=True)
            text += "{}"
        else:
            step = 2 if source[at] == "\\" else 1
            text += source[at : at + step]
            at += step
    _add(source, start, at + 1, text, found)
    return at + 1


def _add(source: str, start: int, end: int, text: str, found: list[Literal]) -> None:
    before, after = source[max(0, start - 200) : start], source[end : end + 20]
    found.append(Literal(before, after, re.sub(r"\\(.)", r"\1", text), source.count("\n", 0, start) + 1))


def speaks(text: str) -> bool:
    """Say whether a text is one for people: several words, or one that begins or ends like a sentence."""
    tokens = text.split()
    words = [token for token in tokens if WORD.fullmatch(token)]
    return bool(words) and (len(tokens) > 1 or bool(re.fullmatch(r"[A-Z][a-z]+\W*|\w+…", words[0])))


def untranslated(source: str) -> list[str]:
    """Return what a script says to people without asking for its translation, as `line: text`."""
    return [
        f"{one.line}: {one.text}"
        for one in literals(source)
        if not ASKED.search(one.before) and not _unsaid(one) and (speaks(one.text) or _word_said(one))
    ]


def _unsaid(one: Literal) -> bool:
    # A conditional's second part follows a colon as well, but its first one follows no brace or comma.
    named = one.after.lstrip().startswith(":") and bool(KEY.search(one.before))
    compared = re.match(r"\s*[!=]==", one.after) is not None
    return named or compared or bool(UNSAID.search(one.before) or SELECTOR.search(one.text))


def _word_said(one: Literal) -> bool:
    return bool(SAID.search(one.before)) and re.search(r"[A-Za-z]{2,}", one.text.replace("{}", "")) is not None


ASKED = re.compile(r"""\b(?:t|parts)\(\s*$|\bplural\((?:[^()"]|\([^()]*\))*(?:"[^"]*",\s*)?$""")
"""Code before a text that is asked for."""

FORMS = re.compile(r'\bplural\((?:[^()"]|\([^()]*\))*"((?:[^"\\]|\\.)*)",\s*$')


def asked(source: str) -> set[str]:
    """Return the English texts that a script asks for; of a number, the one for many."""
    found = {one.text for one in literals(source) if ASKED.search(one.before)}
    return found - {form.group(1) for one in literals(source) if (form := FORMS.search(one.before))}


class Page(HTMLParser):
    """Collects what stands in HTML for people, but what is marked as not to be translated.

    Attributes:
        texts: What was found.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self._path: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        quiet = given.get("translate") == "no" or tag in ("script", "style", "noscript") or self._quiet
        if not quiet:
            self.texts |= {value for name, value in attrs if name in SHOWN and value}
        if tag not in ("meta", "link", "input", "img", "br", "use", "path"):
            self._path.append((tag, quiet))

    def handle_endtag(self, tag: str) -> None:
        while self._path and self._path.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._quiet:
            self.texts.add(data.strip())

    @property
    def _quiet(self) -> bool:
        return bool(self._path) and self._path[-1][1]


def page_texts(html: str) -> set[str]:
    """Return the texts of HTML that hold a word."""
    page = Page()
    page.feed(html)
    return {text for text in page.texts if re.search(r"[A-Za-z]{2,}", re.sub(r"\$\w+", "", text))}
