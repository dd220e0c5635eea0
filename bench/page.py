"""Figures into pages: a bench replaces the part of a page between its two markers."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "bench" / "README.md", ROOT / "README.md")


def machine() -> str:
    """This machine in one line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    today = datetime.now(UTC).date()
    return f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, torch {version('torch')}, {today}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def verdict(value: float, most: float) -> str:
    """Whether a limit is kept, in one word."""
    return "kept" if value <= most else "**not kept**"


def publish(name: str, command: str, body: str) -> None:
    """Print a section and write it into every page that has its markers, `<!-- NAME -->` and `<!-- /NAME -->`.

    Raises:
        LookupError: No page has them.
    """
    text = f"{body}\n\n`{command}`, on {machine()}."
    print(text)
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    found = 0
    for page in PAGES:
        old = page.read_text()
        new, count = pattern.subn(lambda match: f"{match[1]}{text}\n{match[2]}", old)
        found += count
        page.write_text(new)
    if not found:
        raise LookupError(f"no page has a section named {name}")
