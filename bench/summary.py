"""The one table of README.md: the figures a reader asks for first, out of the tables of bench/README.md.

Usage: python -m bench.summary   (a bench that writes its table renews this one too)
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
BENCHES, README = ROOT / "bench" / "README.md", ROOT / "README.md"


def replaced(page: str, name: str, text: str) -> str:
    """Put text between `<!-- NAME -->` and `<!-- /NAME -->`.

    Raises:
        LookupError: the page has no such section.
    """
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    new, count = pattern.subn(lambda match: f"{match[1]}{text}\n{match[2]}", page)
    if not count:
        raise LookupError(f"no page has a section named {name}")
    return new


def rows_of(page: str, name: str) -> list[list[str]]:
    """Read the rows of a section's tables.

    Raises:
        LookupError: the page has no such section.
    """
    section = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page, re.DOTALL)
    if section is None:
        raise LookupError(f"no section named {name}")
    lines = section[1].splitlines()
    # The line before a rule is a head.
    body = [line for line, after in zip(lines, [*lines[1:], ""], strict=True) if not after.startswith("|---")]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in body
        if line.startswith("|") and not line.startswith("|---")
    ]


def _spread(cells: list[str]) -> str:
    """Return "7.7 to 7.8 dB" for "7.8 dB", "7.7 dB"."""
    numbers = sorted(float(cell.split()[0].lstrip("+")) for cell in cells)
    unit = cells[0].partition(" ")[2]
    return f"{numbers[0]:g} to {numbers[-1]:g} {unit}"


def summary(page: str) -> str:
    """Make the table from bench/README.md.

    Raises:
        LookupError: a section or a row is not there.
    """

    def row(section: str, *begin: str) -> list[str]:
        for cells in rows_of(page, section):
            if tuple(cells[: len(begin)]) == begin:
                return cells
        raise LookupError(f"the section {section} has no row {begin}")

    def kind(section: str, name: str) -> list[str]:
        for cells in rows_of(page, section):
            if cells[0].startswith(f"{name}, "):
                return cells
        raise LookupError(f"the section {section} has nothing of {name}")

    sent = row("delay", "block received → sound sent to a listener")
    load = row("load", "1 x 2 faces")
    demo = rows_of(page, "separation")
    gate, mixture = row("captions", "separated, gate, hindsight"), row("captions", "mixture")
    word = row("captions", "separated, gate, hindsight", "word → a line that reaches so far")
    recording = row("process", "both passes, tuned to the voices between them (the default)")
    once = row("process", "with heat maps, tags, captions")[2]
    voice = row("face", "network")
    pair, cuts, live = kind("conversations", "pair"), kind("conversations", "cuts"), kind("live", "pair")
    found = [
        ["Delay that separation adds, sound in to sound out", f"{sent[1]}, 95 % within {sent[2]}", "delay"],
        ["A call of two faces", f"{load[4]} cores for call, voices and faces, {load[5]} for what describes", "load"],
        ["Two voices at once in the demo: own above other", _spread([cells[4] for cells in demo]), "process"],
        [
            "Strangers at once, in a recording: SI-SDR gained",
            f"{pair[1]} side by side, {cuts[1]} in cuts",
            "conversations",
        ],
        ["Who of them speaks, every 40 ms", f"{pair[5]} right side by side, {cuts[5]} in cuts", "conversations"],
        ["In a call: own speech until a voice is known", live[2].replace(" / ", ", 95 % within "), "live"],
        [
            "Word errors of captions",
            f"{gate[1]} in turns, {gate[2]} at once (of the mixture: {mixture[1]}, {mixture[2]})",
            "captions",
        ],
        ["Words under the right face", f"{gate[3]} in turns, {gate[4]} at once", "captions"],
        ["A word said, until it is read", f"{word[2]}, 95 % within {word[3]}", "captions"],
        ["A map of where sound comes from", row("localize", "1")[4], "localize"],
        ["Names of what sounds", row("tag", "tags, 1 session")[1], "tag"],
        ["A description of a picture", row("caption", "3")[1], "caption"],
        ["An answer about a picture", row("ask", "answer to a question from the grids")[1], "ask"],
        ["A face for a voice: the true one among the ten likest of 275 (chance 3.6 %)", f"{voice[3]} %", "face"],
        ["`earshot process` of the demo (44 s), everything on", f"{recording[2]} ({once} in one pass)", "process"],
    ]
    lines = ["| what | figure | command |", "|---|---|---|"]
    lines += [f"| {what} | {figure} | `python -m bench.{command}` |" for what, figure, command in found]
    return "\n".join(lines)


def renew() -> None:
    """Write README.md's table anew."""
    page = replaced(README.read_text("utf-8"), "summary", summary(BENCHES.read_text("utf-8")))
    README.write_text(page, "utf-8")


if __name__ == "__main__":
    renew()
