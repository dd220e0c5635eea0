"""Figures into bench/README.md and TRUST.md: a bench replaces the part of the page between its two markers."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.summary import BENCHES, renew, replaced

TRUST = BENCHES.with_name("TRUST.md")


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


def publish(name: str, command: str, body: str, page: Path = BENCHES) -> None:
    """Print a section, write it into a page between `<!-- NAME -->` and `<!-- /NAME -->`, renew the summary.

    Raises:
        LookupError: the page has no such section.
    """
    text = f"{body}\n\n`{command}`, on {machine()}."
    print(text)
    page.write_text(replaced(page.read_text("utf-8"), name, text), "utf-8")
    renew()
