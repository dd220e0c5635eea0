"""The README: short, its paths exist, and its figures are those of the benches."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.summary import BENCHES, README, ROOT, replaced, rows_of, summary

MOST_LINES = 200
FOLDERS = ("bench", "models", "scripts", "streamer", "tests", "web")
PATH = re.compile(rf"(?<![\w/.:-])(?:(?:{'|'.join(FOLDERS)})/[\w./*-]*[\w/*]|[\w-]+\.(?:lock|toml|md))(?![\w/])")
OF_THE_USER = {"earshot.toml"}


def paths(text: str) -> set[str]:
    """Files and folders of the project that a page names, as code or as links."""
    named = re.findall(r"`([^`\n]+)`|\]\(([^)#\s]+)\)", text)
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return {
        path for group in [*named, *((block,) for block in blocks)] for part in group for path in PATH.findall(part)
    }


def test_paths_are_found_in_code_and_links():
    text = "`models/a.py` and [b](bench/b.md), `x.lock`; models/no.py\n```sh\nscripts/run  # makes\n```\n`-m bench.c`"
    assert paths(text) == {"models/a.py", "bench/b.md", "x.lock", "scripts/run"}


def test_every_path_exists():
    named = paths(README.read_text("utf-8")) - OF_THE_USER
    assert len(named) > 25
    assert [path for path in sorted(named) if not any(ROOT.glob(path))] == []


def test_ten_questions_have_their_files():
    section = README.read_text("utf-8").split("## Where is what\n")[1].split("\n## ")[0]
    questions = [line for line in section.splitlines() if line.startswith("| ") and "?" in line]
    assert len(questions) == 10
    assert all(paths(line) for line in questions)


def test_the_page_is_short():
    assert len(README.read_text("utf-8").splitlines()) <= MOST_LINES


def test_figures_are_those_of_the_benches():
    table = summary(BENCHES.read_text("utf-8"))
    assert f"<!-- summary -->\n{table}\n<!-- /summary -->" in README.read_text("utf-8"), "run: python -m bench.summary"


def test_rows_and_sections():
    page = "<!-- a -->\n| x | y |\n|---|---|\n| 1 | 2 ms |\n\ntext\n\n| z |\n|---|\n| 3 |\n<!-- /a -->\n"
    assert rows_of(page, "a") == [["1", "2 ms"], ["3"]]
    assert replaced(page, "a", "new") == "<!-- a -->\nnew\n<!-- /a -->\n"
    for look in (lambda: rows_of(page, "b"), lambda: replaced(page, "b", ""), lambda: summary(page)):
        with pytest.raises(LookupError):
            look()


def test_no_python_file_is_too_long():
    files = [path for folder in FOLDERS for path in Path(ROOT, folder).rglob("*.py")]
    long = {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text("utf-8").splitlines())) > 350}
    assert len(files) > 300
    assert long == {}
